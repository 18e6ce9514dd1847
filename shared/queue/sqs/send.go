package sqs

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"kodoferry/shared/queue"
	"kodoferry/shared/queue/remote"
)

// Limits (SQS developer guide, "Quotas").
const (
	maxBatch = 10
	// maxRequest is the most bytes of a batch, bodies and attributes. Newer
	// pages say 1 MiB; what every region is known to take is this.
	maxRequest = 256 << 10
	maxDelay   = 900 * time.Second
	// contractDelay is the longest delay that the port promises.
	contractDelay = 7 * 24 * time.Hour
)

// Send sends in batches of up to 10 messages and 256 KiB. What an answer says
// was not taken, or does not tell of, is sent again, up to 6 times in all; the
// error says how many messages were not sent. An answer that is lost may have
// been work done: then messages are sent twice, which the contract allows.
// Delays are whole seconds, rounded up, up to 7 days: later.go tells how those
// beyond 15 minutes come about. A body with characters that SQS does not take
// goes in base64.
func (q *Queue) Send(ctx context.Context, messages ...queue.Outgoing) error {
	entries := make([]types.SendMessageBatchRequestEntry, len(messages))
	for i, m := range messages {
		text, err := q.link.Wrap(m.Body, unwrap) // in base64 at most 88 KiB: SQS takes 256
		if err != nil {
			return err
		}
		entries[i] = types.SendMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), MessageBody: &text}
		q.delay(&entries[i], min(max(m.Delay, 0), contractDelay))
	}
	return remote.Send(ctx, q.link, remote.Batches[types.SendMessageBatchRequestEntry]{Most: maxBatch, Bytes: maxRequest, Size: sizeOf, Once: q.sendOnce}, entries)
}

// sizeOf is what an entry counts in a batch: its body and its attributes.
func sizeOf(e types.SendMessageBatchRequestEntry) int {
	size := len(aws.ToString(e.MessageBody))
	for name, a := range e.MessageAttributes {
		size += len(name) + len(aws.ToString(a.DataType)) + len(aws.ToString(a.StringValue))
	}
	return size
}

var errUntold = errors.New("an answer that does not tell of every message")

// sendOnce sends entries once.
func (q *Queue) sendOnce(ctx context.Context, entries []types.SendMessageBatchRequestEntry) (t remote.Tried[types.SendMessageBatchRequestEntry]) {
	const op = "sqs.Send"
	answer, err := q.sdk.SendMessageBatch(ctx, &sdk.SendMessageBatchInput{QueueUrl: &q.url, Entries: entries})
	if err != nil {
		return remote.Failed(entries, q.own(ctx, op, err))
	}
	told := map[string]error{}
	for _, e := range answer.Failed {
		told[aws.ToString(e.Id)] = q.entry(op, e)
	}
	for _, e := range answer.Successful {
		told[aws.ToString(e.Id)] = nil
		at := slices.IndexFunc(entries, func(sent types.SendMessageBatchRequestEntry) bool { return aws.ToString(sent.Id) == aws.ToString(e.Id) })
		if at < 0 || !remote.SameSum(aws.ToString(e.MD5OfMessageBody), aws.ToString(entries[at].MessageBody)) {
			told[aws.ToString(e.Id)] = q.link.Temporary(op, q.link.Damaged())
		}
	}
	for _, entry := range entries {
		e, ok := told[aws.ToString(entry.Id)]
		if !ok {
			e = q.link.Temporary(op, errUntold)
		}
		if e != nil {
			t.Refuse(entry, aws.ToString(entry.MessageBody), e)
		}
	}
	return t
}
