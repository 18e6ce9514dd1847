package mns

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"strings"
	"time"

	sdk "github.com/aliyun/aliyun-mns-go-sdk"

	"kodoferry/shared/fault"
	"kodoferry/shared/queue"
	"kodoferry/shared/queue/polls"
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
		requests[i] = sdk.MessageSendRequest{MessageBody: text, DelaySeconds: roundUp(min(max(m.Delay, 0), maxDelay)), Priority: priority}
	}
	for len(requests) > 0 {
		n := fitting(requests)
		if left, err := q.sendAll(ctx, requests[:n]); err != nil {
			return q.unsent(left+len(requests)-n, len(messages), err)
		}
		requests = requests[n:]
	}
	return nil
}

// unsent says in err how many messages of all were not sent.
func (q *Queue) unsent(left, all int, err error) error {
	return &fault.Error{
		Kind: fault.KindOf(err), Op: "mns.Send", Key: q.name, Wait: fault.WaitOf(err),
		Err: fmt.Errorf("%d of %d messages not sent: %w", left, all, polls.Cause(err)),
	}
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

// sendAll sends one batch, and what was not taken again. What MNS will never
// take keeps the rest from nothing. It returns how many were not sent.
func (q *Queue) sendAll(ctx context.Context, requests []sdk.MessageSendRequest) (int, error) {
	return polls.Batch(ctx, q.log, q.pause(), "mns.Send", q.name, requests, func(requests []sdk.MessageSendRequest) polls.Tried[sdk.MessageSendRequest] {
		return q.sendOnce(ctx, requests)
	})
}

// sendOnce sends requests once.
func (q *Queue) sendOnce(ctx context.Context, requests []sdk.MessageSendRequest) (t polls.Tried[sdk.MessageSendRequest]) {
	entries, err := q.submit(ctx, requests)
	switch _, answered := errors.AsType[*refusal](err); {
	case err != nil && answered && len(requests) == 1: // which message was refused is plain
		t.Leave(requests[0], polls.About(requests[0].MessageBody, err))
		return t
	case err != nil:
		t.Left, t.Err = requests, err
		return t
	}
	for i, entry := range entries {
		var e error
		switch {
		case entry.ErrorCode != "":
			e = q.fault("mns.Send", &refusal{Code: entry.ErrorCode, Message: entry.ErrorMessage})
		case entry.MessageId == "":
			e = fault.New(fault.Temporary, "mns.Send", q.name, errors.New("an answer with neither an id nor an error"))
		case !sameSum(entry.MessageBodyMD5, requests[i].MessageBody):
			e = fault.New(fault.Temporary, "mns.Send", q.name, errDamaged)
		default:
			continue
		}
		t.Leave(requests[i], polls.About(requests[i].MessageBody, e))
	}
	return t
}

// submit does one request and returns an answer for each message. The SDK
// reports a batch that failed in part as one error; what counts stands with
// each entry.
func (q *Queue) submit(ctx context.Context, requests []sdk.MessageSendRequest) ([]sdk.BatchMessageSendEntry, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
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

// sameSum reports whether sum, where there is one, is body's MD5.
func sameSum(sum, body string) bool {
	own := md5.Sum([]byte(body))
	return sum == "" || strings.EqualFold(sum, hex.EncodeToString(own[:]))
}
