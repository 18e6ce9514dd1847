package sqs_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"kodoferry/shared/emulator/pile"
	"kodoferry/shared/emulator/sqs"
)

// TestQueuesAreListedInPages (SQS API reference, ListQueues: MaxResults is 1 to 1,000, a
// NextToken comes only to a request with MaxResults; a list without one ends at 1,000).
func TestQueuesAreListedInPages(t *testing.T) {
	s := start(t, nil)
	for i := range 1003 {
		if err := s.CreateQueue(fmt.Sprintf("q-%04d", i), sqs.Attributes{}); err != nil {
			t.Fatal(err)
		}
	}
	c := client(s, "id", "secret", "")
	for name, tc := range map[string]struct {
		in    sdk.ListQueuesInput
		pages []int
	}{
		"four at a time of ten":        {sdk.ListQueuesInput{QueueNamePrefix: aws.String("q-000"), MaxResults: aws.Int32(4)}, []int{4, 4, 2}},
		"a page that is exactly full":  {sdk.ListQueuesInput{QueueNamePrefix: aws.String("q-000"), MaxResults: aws.Int32(5)}, []int{5, 5}},
		"all there are":                {sdk.ListQueuesInput{MaxResults: aws.Int32(1000)}, []int{1000, 3}},
		"without MaxResults":           {sdk.ListQueuesInput{}, []int{1000}},
		"none of that name":            {sdk.ListQueuesInput{QueueNamePrefix: aws.String("z"), MaxResults: aws.Int32(1)}, []int{0}},
		"a prefix that is a name, too": {sdk.ListQueuesInput{QueueNamePrefix: aws.String("q-0001"), MaxResults: aws.Int32(1)}, []int{1}},
	} {
		t.Run(name, func(t *testing.T) {
			var pages []int
			var names []string
			for p := sdk.NewListQueuesPaginator(c, &tc.in); p.HasMorePages(); {
				page, err := p.NextPage(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				pages, names = append(pages, len(page.QueueUrls)), append(names, page.QueueUrls...)
			}
			if !slices.Equal(pages, tc.pages) || !slices.IsSorted(names) || len(slices.Compact(names)) != len(names) {
				t.Errorf("pages of %v, %d names, want %v, each once", pages, len(names), tc.pages)
			}
		})
	}
	for name, in := range map[string]sdk.ListQueuesInput{
		"none at a time": {MaxResults: aws.Int32(0)}, "1,001 at a time": {MaxResults: aws.Int32(1001)}, "no token of ours": {MaxResults: aws.Int32(1), NextToken: aws.String("%")},
	} {
		if _, err := c.ListQueues(t.Context(), &in); code(err) != "InvalidParameterValue" {
			t.Errorf("%s: %v, want InvalidParameterValue", name, err)
		}
	}
}

// TestAMessageAndABatchHoldOneMebibyte (SQS API reference, SendMessage: "the minimum message
// size is one byte, the maximum is 1 MiB or 1,048,576 bytes"; SendMessageBatch: the same of
// all together; CreateQueue: MaximumMessageSize 1,024 to 1,048,576, and that by default).
func TestAMessageAndABatchHoldOneMebibyte(t *testing.T) {
	s := start(t, nil)
	c := client(s, "id", "secret", "")
	url := create(t, c, "q", nil)
	small := create(t, c, "small", map[string]string{"MaximumMessageSize": "2048"})
	raised := create(t, c, "raised", map[string]string{"MaximumMessageSize": "2048"})
	const most = 1 << 20
	one := func(n int) *sdk.SendMessageInput {
		return &sdk.SendMessageInput{QueueUrl: url, MessageBody: aws.String(strings.Repeat("x", n))}
	}
	batch := func(sizes ...int) *sdk.SendMessageBatchInput {
		in := sdk.SendMessageBatchInput{QueueUrl: url}
		for i, n := range sizes {
			in.Entries = append(in.Entries, types.SendMessageBatchRequestEntry{Id: aws.String(fmt.Sprint(i)), MessageBody: aws.String(strings.Repeat("x", n))})
		}
		return &in
	}
	for name, tc := range map[string]struct {
		send func() error
		want string
	}{
		"1 MiB":             {func() error { _, err := c.SendMessage(t.Context(), one(most)); return err }, "<nil>"},
		"a byte more":       {func() error { _, err := c.SendMessage(t.Context(), one(most+1)); return err }, "InvalidParameterValue"},
		"1 MiB in ten":      {func() error { _, err := c.SendMessageBatch(t.Context(), batch(most/2, most/2)); return err }, "<nil>"},
		"a byte more in it": {func() error { _, err := c.SendMessageBatch(t.Context(), batch(most/2, most/2, 1)); return err }, "AWS.SimpleQueueService.BatchRequestTooLong"},
		"a queue of 2 KiB": {func() error {
			in := one(2049)
			in.QueueUrl = small
			_, err := c.SendMessage(t.Context(), in)
			return err
		}, "InvalidParameterValue"},
		"a limit of 1 MiB": {func() error {
			_, err := c.SetQueueAttributes(t.Context(), &sdk.SetQueueAttributesInput{QueueUrl: raised, Attributes: map[string]string{"MaximumMessageSize": "1048576"}})
			return err
		}, "<nil>"},
		"a limit beyond it": {func() error {
			_, err := c.SetQueueAttributes(t.Context(), &sdk.SetQueueAttributesInput{QueueUrl: url, Attributes: map[string]string{"MaximumMessageSize": "1048577"}})
			return err
		}, "InvalidAttributeValue"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := tc.send(); code(err) != tc.want {
				t.Errorf("%v, want %s", err, tc.want)
			}
		})
	}
	out, err := c.GetQueueAttributes(t.Context(), &sdk.GetQueueAttributesInput{QueueUrl: url, AttributeNames: []types.QueueAttributeName{"MaximumMessageSize"}})
	if err != nil || out.Attributes["MaximumMessageSize"] != "1048576" {
		t.Errorf("%v, %v, want 1 MiB by default", out, err)
	}
}

// TestAQueueIsPurgedOnceAMinute (SQS API reference, PurgeQueue: PurgeQueueInProgress where
// one was in the last 60 seconds; DeleteQueue: QueueDeletedRecently for as long).
func TestAQueueIsPurgedOnceAMinute(t *testing.T) {
	clock := &pile.Clock{}
	s := start(t, clock)
	c := client(s, "id", "secret", "")
	url := create(t, c, "q", nil)
	purge := func() error {
		_, err := c.PurgeQueue(t.Context(), &sdk.PurgeQueueInput{QueueUrl: url})
		return err
	}
	holds := func(want int) {
		t.Helper()
		if d, err := s.Depth("q"); err != nil || d.Ready != want {
			t.Errorf("%+v, %v, want %d messages", d, err, want)
		}
	}
	fill := func() {
		t.Helper()
		if err := s.Send("q", []byte("x"), 0); err != nil {
			t.Fatal(err)
		}
	}
	fill()
	if err := purge(); err != nil {
		t.Fatal(err)
	}
	holds(0)
	fill()
	clock.Advance(59 * time.Second)
	if err := purge(); code(err) != "AWS.SimpleQueueService.PurgeQueueInProgress" {
		t.Errorf("after 59 s: %v", err)
	}
	holds(1)
	other := create(t, c, "other", nil)
	if _, err := c.PurgeQueue(t.Context(), &sdk.PurgeQueueInput{QueueUrl: other}); err != nil {
		t.Errorf("another queue: %v", err)
	}
	clock.Advance(time.Second)
	if err := purge(); err != nil {
		t.Errorf("after a minute: %v", err)
	}
	holds(0)
	if _, err := c.DeleteQueue(t.Context(), &sdk.DeleteQueueInput{QueueUrl: url}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.CreateQueue(t.Context(), &sdk.CreateQueueInput{QueueName: aws.String("q")}); code(err) != "AWS.SimpleQueueService.QueueDeletedRecently" {
		t.Errorf("made again at once: %v", err)
	}
	clock.Advance(time.Minute)
	if _, err := c.CreateQueue(t.Context(), &sdk.CreateQueueInput{QueueName: aws.String("q")}); err != nil {
		t.Errorf("made again after a minute: %v", err)
	}
}

// TestParametersThatAStandardQueueDoesNotTakeAreRefused (SQS API reference, SendMessage and
// ReceiveMessage: MessageDeduplicationId and ReceiveRequestAttemptId apply only to FIFO
// queues; GetQueueUrl: QueueOwnerAWSAccountId; GetQueueAttributes: InvalidAttributeName).
// What this stand-in does not keep it refuses by SQS's own UnsupportedOperation.
func TestParametersThatAStandardQueueDoesNotTakeAreRefused(t *testing.T) {
	s := start(t, nil)
	c := client(s, "id", "secret", "")
	url := create(t, c, "q", nil)
	send := func(f func(*sdk.SendMessageInput)) error {
		in := sdk.SendMessageInput{QueueUrl: url, MessageBody: aws.String("x")}
		f(&in)
		_, err := c.SendMessage(t.Context(), &in)
		return err
	}
	for name, tc := range map[string]struct {
		err  error
		want string
	}{
		"a deduplication id": {send(func(in *sdk.SendMessageInput) { in.MessageDeduplicationId = aws.String("d") }), "InvalidParameterValue"},
		"a group":            {send(func(in *sdk.SendMessageInput) { in.MessageGroupId = aws.String("g") }), "AWS.SimpleQueueService.UnsupportedOperation"},
		"a trace header": {send(func(in *sdk.SendMessageInput) {
			in.MessageSystemAttributes = map[string]types.MessageSystemAttributeValue{"AWSTraceHeader": {DataType: aws.String("String"), StringValue: aws.String("Root=1")}}
		}), "AWS.SimpleQueueService.UnsupportedOperation"},
		"an attempt id": {func() error {
			_, err := c.ReceiveMessage(t.Context(), &sdk.ReceiveMessageInput{QueueUrl: url, ReceiveRequestAttemptId: aws.String("a")})
			return err
		}(), "InvalidParameterValue"},
		"another account's queue": {func() error {
			_, err := c.GetQueueUrl(t.Context(), &sdk.GetQueueUrlInput{QueueName: aws.String("q"), QueueOwnerAWSAccountId: aws.String("999999999999")})
			return err
		}(), "AWS.SimpleQueueService.NonExistentQueue"},
		"our own account's": {func() error {
			_, err := c.GetQueueUrl(t.Context(), &sdk.GetQueueUrlInput{QueueName: aws.String("q"), QueueOwnerAWSAccountId: aws.String(s.Account())})
			return err
		}(), "<nil>"},
		"an attribute nobody knows": {func() error {
			_, err := c.GetQueueAttributes(t.Context(), &sdk.GetQueueAttributesInput{QueueUrl: url, AttributeNames: []types.QueueAttributeName{"Depth"}})
			return err
		}(), "InvalidAttributeName"},
		"one that no queue here has": {func() error {
			_, err := c.GetQueueAttributes(t.Context(), &sdk.GetQueueAttributesInput{QueueUrl: url, AttributeNames: []types.QueueAttributeName{"Policy"}})
			return err
		}(), "<nil>"},
	} {
		if code(tc.err) != tc.want {
			t.Errorf("%s: %v, want %s", name, tc.err, tc.want)
		}
	}
	if d, err := s.Depth("q"); err != nil || d.Ready != 0 {
		t.Errorf("%+v, %v, want that nothing was taken", d, err)
	}
}
