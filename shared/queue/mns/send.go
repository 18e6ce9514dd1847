package mns

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"time"

	sdk "github.com/aliyun/aliyun-mns-go-sdk"

	"kodoferry/shared/queue"
	"kodoferry/shared/queue/remote"
)

// Limits (MNS documentation, "Limits" and "BatchSendMessage").
const (
	maxBatch = 16
	// maxRequest is the most bytes of a batch, envelope included: the
	// documentation leaves open what of a request counts.
	maxRequest = 64 << 10
	envelope   = 160 // bytes around a body, and once more around them all
	maxDelay   = 604_800 * time.Second
	// priority is the middle of MNS's 1 to 16.
	priority = 8
)

// Send sends in batches of up to 16 messages and 64 KiB. What an answer says
// was not taken is sent again, up to 6 times in all; the error says how many
// messages were not sent. An answer that is lost may have been work done: then
// messages are sent twice, which the contract allows. Delays are whole seconds,
// rounded up, up to 7 days (the SDK's own guard of 60,480 s is for queues'
// attributes alone). A body with bytes that XML cannot hold grows by a third;
// one that is too long then is Invalid, and none is sent.
func (q *Queue) Send(ctx context.Context, messages ...queue.Outgoing) error {
	requests := make([]sdk.MessageSendRequest, len(messages))
	for i, m := range messages {
		text, err := q.wrap(m.Body)
		if err != nil {
			return err
		}
		requests[i] = sdk.MessageSendRequest{MessageBody: text, DelaySeconds: remote.Seconds(min(max(m.Delay, 0), maxDelay)), Priority: priority}
	}
	return remote.Send(ctx, q.link, remote.Batches[sdk.MessageSendRequest]{
		Most: maxBatch, Bytes: maxRequest - envelope, Once: q.sendOnce,
		Size: func(r sdk.MessageSendRequest) int { return escaped(r.MessageBody) + envelope },
	}, requests)
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

// sendOnce sends requests once.
func (q *Queue) sendOnce(ctx context.Context, requests []sdk.MessageSendRequest) (t remote.Tried[sdk.MessageSendRequest]) {
	const op = "mns.Send"
	entries, err := q.submit(ctx, requests)
	switch _, answered := errors.AsType[*remote.Refusal](err); {
	case err != nil && answered && len(requests) == 1: // which message was refused is plain
		t.Refuse(requests[0], requests[0].MessageBody, err)
		return t
	case err != nil:
		return remote.Failed(requests, err)
	}
	for i, entry := range entries {
		var e error
		switch {
		case entry.ErrorCode != "":
			e = q.fault(op, &remote.Refusal{Code: entry.ErrorCode, Message: entry.ErrorMessage})
		case entry.MessageId == "":
			e = q.link.Temporary(op, errors.New("an answer with neither an id nor an error"))
		case !remote.SameSum(entry.MessageBodyMD5, requests[i].MessageBody):
			e = q.link.Temporary(op, q.link.Damaged())
		default:
			continue
		}
		t.Refuse(requests[i], requests[i].MessageBody, e)
	}
	return t
}

// submit does one request and returns an answer for each message. The SDK
// reports a batch that failed in part as one error; what counts stands with
// each entry.
func (q *Queue) submit(ctx context.Context, requests []sdk.MessageSendRequest) ([]sdk.BatchMessageSendEntry, error) {
	if len(requests) == 1 {
		one, err := q.call(ctx).SendMessage(requests[0])
		return []sdk.BatchMessageSendEntry{{MessageId: one.MessageId, MessageBodyMD5: one.MessageBodyMD5}}, q.own("mns.Send", err)
	}
	answer, err := q.call(ctx).BatchSendMessage(requests...)
	if len(answer.Messages) == len(requests) {
		return answer.Messages, nil
	}
	if err == nil {
		err = fmt.Errorf("%d answers to %d messages", len(answer.Messages), len(requests))
	}
	return nil, q.own("mns.Send", err)
}
