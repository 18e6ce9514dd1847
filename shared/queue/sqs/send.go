package sqs

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"kodoferry/shared/fault"
	"kodoferry/shared/queue"
	"kodoferry/shared/queue/polls"
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
		text, err := q.wrap(m.Body)
		if err != nil {
			return err
		}
		entries[i] = types.SendMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), MessageBody: &text}
		q.delay(&entries[i], min(max(m.Delay, 0), contractDelay))
	}
	return q.sendAll(ctx, entries)
}

// sendAll sends entries, batch by batch.
func (q *Queue) sendAll(ctx context.Context, entries []types.SendMessageBatchRequestEntry) error {
	all := len(entries)
	for len(entries) > 0 {
		n := fitting(entries)
		if left, err := q.sendBatch(ctx, entries[:n]); err != nil {
			return q.unsent(left+len(entries)-n, all, err)
		}
		entries = entries[n:]
	}
	return nil
}

// unsent says in err how many messages of all were not sent.
func (q *Queue) unsent(left, all int, err error) error {
	return &fault.Error{
		Kind: fault.KindOf(err), Op: "sqs.Send", Key: q.name, Wait: fault.WaitOf(err),
		Err: fmt.Errorf("%d of %d messages not sent: %w", left, all, polls.Cause(err)),
	}
}

// fitting counts the entries at the beginning that fit one batch, at least one.
func fitting(entries []types.SendMessageBatchRequestEntry) int {
	size := 0
	for i, e := range entries {
		size += len(aws.ToString(e.MessageBody))
		for name, a := range e.MessageAttributes {
			size += len(name) + len(aws.ToString(a.DataType)) + len(aws.ToString(a.StringValue))
		}
		if i == maxBatch || i > 0 && size > maxRequest {
			return i
		}
	}
	return len(entries)
}

// sendBatch sends one batch, and what was not taken again. What SQS will never
// take keeps the rest from nothing. It returns how many were not sent.
func (q *Queue) sendBatch(ctx context.Context, entries []types.SendMessageBatchRequestEntry) (int, error) {
	return polls.Batch(ctx, q.log, q.pause(), "sqs.Send", q.name, entries, func(entries []types.SendMessageBatchRequestEntry) polls.Tried[types.SendMessageBatchRequestEntry] {
		return q.sendOnce(ctx, entries)
	})
}

var errUntold = errors.New("an answer that does not tell of every message")

// sendOnce sends entries once.
func (q *Queue) sendOnce(ctx context.Context, entries []types.SendMessageBatchRequestEntry) (t polls.Tried[types.SendMessageBatchRequestEntry]) {
	const op = "sqs.Send"
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	answer, err := q.sdk.SendMessageBatch(ctx, &sdk.SendMessageBatchInput{QueueUrl: &q.url, Entries: entries})
	if err != nil {
		t.Left, t.Err = entries, q.own(ctx, op, err)
		return t
	}
	told := map[string]error{}
	for _, e := range answer.Failed {
		told[aws.ToString(e.Id)] = q.entry(op, e)
	}
	for _, e := range answer.Successful {
		told[aws.ToString(e.Id)] = nil
		at := slices.IndexFunc(entries, func(sent types.SendMessageBatchRequestEntry) bool { return aws.ToString(sent.Id) == aws.ToString(e.Id) })
		if at < 0 || !sameSum(e.MD5OfMessageBody, aws.ToString(entries[at].MessageBody)) {
			told[aws.ToString(e.Id)] = fault.New(fault.Temporary, op, q.name, errDamaged)
		}
	}
	for _, entry := range entries {
		e, ok := told[aws.ToString(entry.Id)]
		if !ok {
			e = fault.New(fault.Temporary, op, q.name, errUntold)
		}
		if e != nil {
			t.Leave(entry, polls.About(aws.ToString(entry.MessageBody), e))
		}
	}
	return t
}

// sameSum reports whether sum, where there is one, is body's MD5.
func sameSum(sum *string, body string) bool {
	own := md5.Sum([]byte(body))
	return aws.ToString(sum) == "" || strings.EqualFold(*sum, hex.EncodeToString(own[:]))
}
