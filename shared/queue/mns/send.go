package mns

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	sdk "github.com/aliyun/aliyun-mns-go-sdk"
	"github.com/cenkalti/backoff/v5"

	"kodoferry/shared/fault"
	"kodoferry/shared/queue"
)

// Limits (MNS documentation, "Limits" and "BatchSendMessage").
const (
	maxBatch = 16
	// maxRequest is the most bytes of a batch, envelope included: the
	// documentation leaves open what of a request counts.
	maxRequest = 64 << 10
	maxDelay   = 604_800 * time.Second
	// priority is the middle of MNS's 1 to 16.
	priority = 8

	tries = 6
)

// Send sends in batches of up to 16 messages and 64 KiB. What one answer says
// was not taken is sent again, up to 6 times in all. An answer that is lost may
// have been work done: then messages are sent twice, which the contract allows.
// Delays are whole seconds, rounded up, up to 7 days. A body that XML text
// cannot hold is Invalid.
func (q *Queue) Send(ctx context.Context, messages ...queue.Outgoing) error {
	requests := make([]sdk.MessageSendRequest, len(messages))
	for i, m := range messages {
		if err := q.checkBody(m.Body); err != nil {
			return err
		}
		delay := min(max(m.Delay, 0), maxDelay)
		requests[i] = sdk.MessageSendRequest{MessageBody: string(m.Body), DelaySeconds: int64((delay + time.Second - 1) / time.Second), Priority: priority}
	}
	for len(requests) > 0 {
		n := fitting(requests)
		if err := q.sendAll(ctx, requests[:n]); err != nil {
			return err
		}
		requests = requests[n:]
	}
	return nil
}

func (q *Queue) checkBody(body []byte) error {
	var err error
	switch {
	case len(body) > queue.MaxBody:
		err = fmt.Errorf("a body of %d bytes: a message takes %d", len(body), queue.MaxBody)
	case len(body) == 0:
		err = errors.New("an empty body")
	case !utf8.Valid(body):
		err = errors.New("a body that is not UTF-8")
	case bytes.ContainsFunc(body, unfit):
		err = errors.New("a body with a character that XML cannot hold: send it escaped, as JSON does")
	}
	if err == nil {
		return nil
	}
	return fault.New(fault.Invalid, "mns.Send", q.name, err)
}

// unfit reports whether XML 1.0 has no way to write r (section 2.2).
func unfit(r rune) bool {
	return r < 0x20 && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF
}

// fitting counts the requests at the beginning that fit one batch, at least one.
func fitting(requests []sdk.MessageSendRequest) int {
	const envelope = 160 // bytes around a body, and once more around them all
	size := envelope
	for i, r := range requests {
		size += escaped(r.MessageBody) + envelope
		if i == maxBatch || i > 0 && size > maxRequest {
			return i
		}
	}
	return len(requests)
}

// escaped is how long body is as XML text.
func escaped(body string) int {
	var n counter
	_ = xml.EscapeText(&n, []byte(body)) // a counter takes everything
	return int(n)
}

type counter int

func (n *counter) Write(p []byte) (int, error) {
	*n += counter(len(p))
	return len(p), nil
}

// sendAll sends one batch, and what was not taken again.
func (q *Queue) sendAll(ctx context.Context, requests []sdk.MessageSendRequest) error {
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		left, err := q.sendOnce(ctx, requests)
		requests = left
		switch kind := fault.KindOf(err); {
		case err == nil:
			return struct{}{}, nil
		case ctx.Err() != nil, kind != fault.Temporary && kind != fault.Throttled:
			return struct{}{}, backoff.Permanent(err)
		case fault.WaitOf(err) > 0:
			return struct{}{}, &backoff.RetryAfterError{Duration: fault.WaitOf(err)}
		}
		return struct{}{}, err
	}, backoff.WithBackOff(q.pause()), backoff.WithMaxTries(tries), backoff.WithMaxElapsedTime(0))
	return q.own("mns.Send", err)
}

// sendOnce sends requests and returns those that were not taken, with why.
func (q *Queue) sendOnce(ctx context.Context, requests []sdk.MessageSendRequest) ([]sdk.MessageSendRequest, error) {
	if len(requests) == 1 {
		if _, err := q.call(ctx).SendMessage(requests[0]); err != nil {
			return requests, err
		}
		return nil, nil
	}
	answer, err := q.call(ctx).BatchSendMessage(requests...)
	if len(answer.Messages) != len(requests) {
		if err == nil {
			err = fault.New(fault.Temporary, "mns.Send", q.name, fmt.Errorf("%d answers to %d messages", len(answer.Messages), len(requests)))
		}
		return requests, err
	}
	// The SDK reports a batch that failed in part as one error; what counts
	// stands with each entry.
	var left []sdk.MessageSendRequest
	err = nil
	for i, entry := range answer.Messages {
		if entry.ErrorCode != "" || entry.MessageId == "" {
			left = append(left, requests[i])
			err = q.client(ctx).fault("mns.Send", &refusal{Status: 500, Code: entry.ErrorCode, Message: entry.ErrorMessage})
		}
	}
	return left, err
}
