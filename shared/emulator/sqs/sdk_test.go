package sqs_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"kodoferry/shared/emulator/pile"
	"kodoferry/shared/emulator/sqs"
)

func TestTheSDKSendsReceivesAndDeletes(t *testing.T) {
	s := start(t, nil)
	c := client(s, "id", "secret", "")
	url := create(t, c, "jobs", map[string]string{"VisibilityTimeout": "60"})
	const body = "{\"key\":\"图片/a<b>&\\\"]]>\"}\r\n\t"
	sent, err := c.SendMessage(t.Context(), &sdk.SendMessageInput{
		QueueUrl: url, MessageBody: aws.String(body),
		// The sum of this attribute is one that the service has told.
		MessageAttributes: map[string]types.MessageAttributeValue{"timestamp": {DataType: aws.String("Number.java.lang.Long"), StringValue: aws.String("1493147359900")}},
	})
	if err != nil || aws.ToString(sent.MD5OfMessageAttributes) != "2e2e4876d8e0bd6b8c2c8f556831c349" {
		t.Fatalf("SendMessage = %+v, %v, want the attributes' sum", sent, err)
	}
	got := receive(t, c, url)
	if len(got) != 1 {
		t.Fatalf("received %d messages, want 1", len(got))
	}
	m := got[0]
	if aws.ToString(m.Body) != body || aws.ToString(m.MessageId) != aws.ToString(sent.MessageId) || m.Attributes["ApproximateReceiveCount"] != "1" ||
		len(m.Attributes["SentTimestamp"]) != 13 || aws.ToString(m.MessageAttributes["timestamp"].StringValue) != "1493147359900" {
		t.Errorf("received %+v, want what was sent", m)
	}
	if again := receive(t, c, url); len(again) != 0 {
		t.Errorf("received %d messages while it is invisible, want none", len(again))
	}
	if _, err := c.DeleteMessage(t.Context(), &sdk.DeleteMessageInput{QueueUrl: url, ReceiptHandle: m.ReceiptHandle}); err != nil {
		t.Error(err)
	}
	out, err := c.GetQueueAttributes(t.Context(), &sdk.GetQueueAttributesInput{QueueUrl: url, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameAll}})
	if err != nil || out.Attributes["ApproximateNumberOfMessagesNotVisible"] != "0" || out.Attributes["VisibilityTimeout"] != "60" {
		t.Errorf("attributes %v, %v, want an empty queue that hides for a minute", out, err)
	}
}

func TestEachEntryOfABatchIsAnsweredFor(t *testing.T) {
	s := start(t, nil)
	c := client(s, "id", "secret", "")
	url := create(t, c, "jobs", nil)
	entry := func(id, body string, delay int32) types.SendMessageBatchRequestEntry {
		return types.SendMessageBatchRequestEntry{Id: &id, MessageBody: &body, DelaySeconds: delay}
	}
	out, err := c.SendMessageBatch(t.Context(), &sdk.SendMessageBatchInput{QueueUrl: url, Entries: []types.SendMessageBatchRequestEntry{
		entry("good", "a", 0), entry("binary", "\x00", 0), entry("late", "b", 901), entry("empty", "", 0),
	}})
	if err != nil || len(out.Successful) != 1 || aws.ToString(out.Successful[0].Id) != "good" {
		t.Fatalf("SendMessageBatch = %+v, %v, want one of four taken", out, err)
	}
	codes := map[string]string{}
	for _, f := range out.Failed {
		codes[aws.ToString(f.Id)] = aws.ToString(f.Code)
		if !f.SenderFault {
			t.Errorf("%s: the sender is not to blame, want it to be", aws.ToString(f.Id))
		}
	}
	if want := map[string]string{"binary": "InvalidMessageContents", "late": "InvalidParameterValue", "empty": "MissingParameter"}; fmt.Sprint(codes) != fmt.Sprint(want) {
		t.Errorf("failed: %v, want %v", codes, want)
	}
	many := make([]types.SendMessageBatchRequestEntry, 11)
	for i := range many {
		many[i] = entry(fmt.Sprint(i), "a", 0)
	}
	for name, tc := range map[string]struct {
		entries []types.SendMessageBatchRequestEntry
		want    string
	}{
		"none":          {[]types.SendMessageBatchRequestEntry{}, "AWS.SimpleQueueService.EmptyBatchRequest"},
		"eleven":        {many, "AWS.SimpleQueueService.TooManyEntriesInBatchRequest"},
		"the same id":   {[]types.SendMessageBatchRequestEntry{entry("a", "a", 0), entry("a", "b", 0)}, "AWS.SimpleQueueService.BatchEntryIdsNotDistinct"},
		"an id of dots": {[]types.SendMessageBatchRequestEntry{entry("..", "a", 0)}, "AWS.SimpleQueueService.InvalidBatchEntryId"},
		"too long together": {[]types.SendMessageBatchRequestEntry{
			entry("a", strings.Repeat("a", 1_000_000), 0), entry("b", strings.Repeat("b", 48_577), 0)}, "AWS.SimpleQueueService.BatchRequestTooLong"},
	} {
		if _, err := c.SendMessageBatch(t.Context(), &sdk.SendMessageBatchInput{QueueUrl: url, Entries: tc.entries}); code(err) != tc.want {
			t.Errorf("a batch of %s = %v, want %s", name, err, tc.want)
		}
	}
	if d, err := s.Depth("jobs"); err != nil || d.Ready != 1 {
		t.Errorf("depth %+v, %v, want the one message that was taken", d, err)
	}
}

func TestWhatIsReceivedTooOftenGoesToTheDeadLetters(t *testing.T) {
	var clock pile.Clock
	s := start(t, &clock)
	c := client(s, "id", "secret", "")
	dead := create(t, c, "dead", nil)
	url := create(t, c, "jobs", map[string]string{
		"VisibilityTimeout": "10", "RedrivePolicy": fmt.Sprintf(`{"deadLetterTargetArn":%q,"maxReceiveCount":"3"}`, s.ARN("dead")),
	})
	if _, err := c.SendMessage(t.Context(), &sdk.SendMessageInput{QueueUrl: url, MessageBody: aws.String("x")}); err != nil {
		t.Fatal(err)
	}
	for want := 1; want <= 3; want++ {
		got := receive(t, c, url)
		if len(got) != 1 || got[0].Attributes["ApproximateReceiveCount"] != fmt.Sprint(want) {
			t.Fatalf("delivery %d: %+v, want one message", want, got)
		}
		clock.Advance(11 * time.Second)
	}
	if got := receive(t, c, url); len(got) != 0 {
		t.Errorf("a fourth delivery: %+v, want none", got)
	}
	if got := receive(t, c, dead); len(got) != 1 || aws.ToString(got[0].Body) != "x" {
		t.Errorf("dead letters: %+v, want the message", got)
	}
}

// timed creates the queue "jobs" of a stand-in that goes by a clock.
func timed(t *testing.T, attributes map[string]string) (clock *pile.Clock, s *sqs.Server, c *sdk.Client, url *string) {
	t.Helper()
	clock = &pile.Clock{}
	s = start(t, clock)
	c = client(s, "id", "secret", "")
	return clock, s, c, create(t, c, "jobs", attributes)
}

func TestReceiptsLiveAndDieAsTheServiceLetsThem(t *testing.T) {
	clock, s, c, url := timed(t, map[string]string{"VisibilityTimeout": "10"})
	hide := func(receipt *string, seconds int32) string {
		_, err := c.ChangeMessageVisibility(t.Context(), &sdk.ChangeMessageVisibilityInput{QueueUrl: url, ReceiptHandle: receipt, VisibilityTimeout: seconds})
		return code(err)
	}
	remove := func(receipt *string) string {
		_, err := c.DeleteMessage(t.Context(), &sdk.DeleteMessageInput{QueueUrl: url, ReceiptHandle: receipt})
		return code(err)
	}
	const yes, no = "<nil>", "InvalidParameterValue"
	if _, err := c.SendMessage(t.Context(), &sdk.SendMessageInput{QueueUrl: url, MessageBody: aws.String("x")}); err != nil {
		t.Fatal(err)
	}
	first := receive(t, c, url)[0].ReceiptHandle
	if got := hide(first, 60); got != yes {
		t.Errorf("hidden for a minute: %s, want %s", got, yes)
	}
	clock.Advance(11 * time.Second)
	if got := receive(t, c, url); len(got) != 0 {
		t.Fatalf("received %+v while it is hidden, want none", got)
	}
	if got := hide(first, 43_200); got != no {
		t.Errorf("hidden for 12 h after 11 s: %s, want %s: 12 h are the most in all", got, no)
	}
	clock.Advance(time.Minute)
	if got := hide(first, 60); got != yes {
		t.Errorf("an expired receipt: %s, want %s", got, yes)
	}
	again := receive(t, c, url)
	if len(again) != 1 {
		t.Fatalf("received %d messages, want 1: an expired receipt hides nothing", len(again))
	}
	if got := remove(first); got != yes || len(again) != 1 {
		t.Errorf("deleted by a receipt of before: %s, want %s", got, yes)
	}
	if d, _ := s.Depth("jobs"); d.InFlight != 1 {
		t.Errorf("depth %+v, want the message: a receipt of before removes nothing", d)
	}
	for range 2 {
		if got := remove(again[0].ReceiptHandle); got != yes {
			t.Errorf("deleted: %s, want %s, and again", got, yes)
		}
	}
	if got := hide(again[0].ReceiptHandle, 60); got != no {
		t.Errorf("a deleted message hidden: %s, want %s", got, no)
	}
	if got := remove(aws.String("none of ours")); got != "ReceiptHandleIsInvalid" {
		t.Errorf("deleted by no receipt: %s, want ReceiptHandleIsInvalid", got)
	}
}

func TestADelayAndARetentionPass(t *testing.T) {
	clock, s, c, url := timed(t, map[string]string{"MessageRetentionPeriod": "3600"})
	if _, err := c.SendMessage(t.Context(), &sdk.SendMessageInput{QueueUrl: url, MessageBody: aws.String("x"), DelaySeconds: 900}); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		by   time.Duration
		want sqs.Depth
	}{{14 * time.Minute, sqs.Depth{Delayed: 1}}, {2 * time.Minute, sqs.Depth{Ready: 1}}, {time.Hour, sqs.Depth{}}} {
		clock.Advance(step.by)
		if d, err := s.Depth("jobs"); err != nil || d != step.want {
			t.Errorf("after %v more: %+v, %v, want %+v", step.by, d, err, step.want)
		}
	}
	if got := receive(t, c, url); len(got) != 0 {
		t.Errorf("received %+v after its retention, want none", got)
	}
}

func TestEveryRequestIsVerified(t *testing.T) {
	s := start(t, nil)
	s.AddCredential(sqs.Credential{ID: "role", Secret: "s", Token: "t", Expires: time.Now().Add(time.Hour)})
	s.AddCredential(sqs.Credential{ID: "old", Secret: "s", Token: "t", Expires: time.Now().Add(-time.Hour)})
	if err := s.CreateQueue("jobs", sqs.Attributes{}); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct{ id, secret, token, want string }{
		"a key":                      {"id", "secret", "", "<nil>"},
		"a role's":                   {"role", "s", "t", "<nil>"},
		"a role's without its token": {"role", "s", "", "InvalidClientTokenId"},
		"a role's that has expired":  {"old", "s", "t", "ExpiredToken"},
		"an unknown one":             {"nobody", "s", "", "InvalidClientTokenId"},
		"a wrong secret":             {"id", "s", "", "SignatureDoesNotMatch"},
	} {
		_, err := client(s, tc.id, tc.secret, tc.token).GetQueueUrl(t.Context(), &sdk.GetQueueUrlInput{QueueName: aws.String("jobs")})
		if code(err) != tc.want {
			t.Errorf("%s: %v, want %s", name, err, tc.want)
		}
	}
	if _, err := client(s, "id", "secret", "").GetQueueUrl(t.Context(), &sdk.GetQueueUrlInput{QueueName: aws.String("none")}); code(err) != "AWS.SimpleQueueService.NonExistentQueue" {
		t.Errorf("a queue that does not exist: %v", err)
	}
}
