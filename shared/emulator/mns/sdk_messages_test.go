package mns_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	sdk "github.com/aliyun/aliyun-mns-go-sdk"

	"kodoferry/shared/emulator/mns"
)

func TestTheSDKPollsForALongTime(t *testing.T) {
	s := start(t)
	q := queueOf(t, s, mns.Attributes{})
	time.AfterFunc(50*time.Millisecond, func() { _ = s.Send("jobs", []byte("x"), 0) })
	one, err := received(t, func(got chan sdk.MessageReceiveResponse, failed chan error) { q.ReceiveMessage(got, failed, 20) })
	if err != nil || one.MessageBody != "x" {
		t.Errorf("ReceiveMessage(20 s) = %+v, %v, want what was sent meanwhile", one, err)
	}
	time.AfterFunc(50*time.Millisecond, func() { _ = s.Send("jobs", []byte("y"), 0) })
	several, err := received(t, func(got chan sdk.BatchMessageReceiveResponse, failed chan error) {
		q.BatchReceiveMessage(got, failed, 16, 20)
	})
	if err != nil || len(several.Messages) != 1 || several.Messages[0].MessageBody != "y" {
		t.Errorf("BatchReceiveMessage(20 s) = %+v, %v, want what was sent meanwhile", several, err)
	}
}

func TestADelayedMessageMayBeTakenBack(t *testing.T) {
	s := start(t)
	q := queueOf(t, s, mns.Attributes{})
	if now, err := q.SendMessage(sdk.MessageSendRequest{MessageBody: "now"}); err != nil || now.ReceiptHandle != "" {
		t.Errorf("SendMessage = %+v, %v, want no receipt: it is not hidden", now, err)
	}
	later, err := q.SendMessage(sdk.MessageSendRequest{MessageBody: "later", DelaySeconds: 60})
	if err != nil || later.ReceiptHandle == "" {
		t.Fatalf("SendMessage with a delay = %+v, %v, want a receipt", later, err)
	}
	if err := q.DeleteMessage(later.ReceiptHandle); err != nil {
		t.Fatal(err)
	}
	if d, err := s.Depth("jobs"); err != nil || d != (mns.Depth{Ready: 1}) {
		t.Errorf("depth = %+v, %v, want the other message alone", d, err)
	}
}

func TestAReceiptOfAnotherFormIsAnErrorOfItsOwn(t *testing.T) {
	q := queueOf(t, start(t), mns.Attributes{})
	wantCode(t, "delete", q.DeleteMessage("no receipt"), "ReceiptHandleError")
	_, err := q.ChangeMessageVisibility("no receipt", 5)
	wantCode(t, "change visibility", err, "ReceiptHandleError")
	_, err = q.ChangeMessageVisibility("no receipt", 43_201)
	wantCode(t, "invisible for more than 12 hours", err, "InvalidArgument")
}

func TestPartOfABatchIsRefused(t *testing.T) {
	s := start(t)
	q := queueOf(t, s, mns.Attributes{})
	s.Misbehave(mns.Misbehaviour{Refuse: 0.5})
	batch := make([]sdk.MessageSendRequest, 16)
	for i := range batch {
		batch[i].MessageBody = fmt.Sprint(i)
	}
	answer, err := q.BatchSendMessage(batch...)
	if err == nil || len(answer.Messages) != 16 {
		t.Fatalf("BatchSendMessage = %+v, %v, want an error and 16 answers", answer, err)
	}
	taken := 0
	for _, m := range answer.Messages {
		if m.ErrorCode == "" && m.MessageId != "" {
			taken++
		} else if m.ErrorCode != "InternalError" {
			t.Errorf("answered %+v, want an id or InternalError", m)
		}
	}
	if d, err := s.Depth("jobs"); err != nil || d.Ready != taken || taken == 0 || taken == 16 || s.Injected().Refused != 16-taken {
		t.Errorf("depth = %+v, %v, with %d taken and %+v injected: they differ, or nothing was refused", d, err, taken, s.Injected())
	}
}

func TestTheSDKSendsReceivesPeeksDeletes(t *testing.T) {
	s := start(t)
	if err := s.CreateQueue("jobs", mns.Attributes{}); err != nil {
		t.Fatal(err)
	}
	q := sdk.NewMNSQueue("jobs", client(s, "id", "secret", ""))
	const body = `{"key":"a<b>&amp;\"]]> 图片"}`
	sent, err := q.SendMessage(sdk.MessageSendRequest{MessageBody: body, Priority: 8})
	if err != nil || sent.MessageId == "" || sent.MessageBodyMD5 == "" {
		t.Fatalf("SendMessage = %+v, %v", sent, err)
	}
	batch, err := q.BatchSendMessage(sdk.MessageSendRequest{MessageBody: "one"}, sdk.MessageSendRequest{MessageBody: "later", DelaySeconds: 60})
	if err != nil || len(batch.Messages) != 2 || batch.Messages[1].MessageId == "" {
		t.Fatalf("BatchSendMessage = %+v, %v", batch, err)
	}
	peeked, err := received(t, func(got chan sdk.MessageReceiveResponse, failed chan error) { q.PeekMessage(got, failed) })
	if err != nil || peeked.MessageBody != body || peeked.ReceiptHandle != "" || peeked.DequeueCount != 0 {
		t.Errorf("PeekMessage = %+v, %v, want the first, without a receipt", peeked, err)
	}
	all, err := received(t, func(got chan sdk.BatchMessageReceiveResponse, failed chan error) { q.BatchPeekMessage(got, failed, 16) })
	if err != nil || len(all.Messages) != 2 {
		t.Errorf("BatchPeekMessage = %d messages, %v, want the 2 that are visible", len(all.Messages), err)
	}
	first, err := received(t, func(got chan sdk.MessageReceiveResponse, failed chan error) { q.ReceiveMessage(got, failed, 1) })
	if err != nil || first.MessageBody != body || first.DequeueCount != 1 || first.EnqueueTime == 0 ||
		first.NextVisibleTime < first.FirstDequeueTime+29_000 || first.FirstDequeueTime < first.EnqueueTime || first.Priority != 8 {
		t.Fatalf("ReceiveMessage = %+v, %v", first, err)
	}
	changed, err := q.ChangeMessageVisibility(first.ReceiptHandle, 100)
	if err != nil || changed.ReceiptHandle == first.ReceiptHandle {
		t.Fatalf("ChangeMessageVisibility = %+v, %v, want a new receipt", changed, err)
	}
	wantCode(t, "delete by the old receipt", q.DeleteMessage(first.ReceiptHandle), "MessageNotExist")
	if err := q.DeleteMessage(changed.ReceiptHandle); err != nil {
		t.Error(err)
	}
	rest, err := received(t, func(got chan sdk.BatchMessageReceiveResponse, failed chan error) {
		q.BatchReceiveMessage(got, failed, 16)
	})
	if err != nil || len(rest.Messages) != 1 || rest.Messages[0].MessageBody != "one" {
		t.Fatalf("BatchReceiveMessage = %+v, %v, want the one that is left", rest, err)
	}
	failed, err := q.BatchDeleteMessage(rest.Messages[0].ReceiptHandle, "no-such-receipt", first.ReceiptHandle)
	if err == nil || len(failed.FailedMessages) != 2 || failed.FailedMessages[0].ReceiptHandle != "no-such-receipt" ||
		failed.FailedMessages[0].ErrorCode != "ReceiptHandleError" || failed.FailedMessages[1].ErrorCode != "MessageNotExist" {
		t.Errorf("BatchDeleteMessage = %+v, %v, want two of three to fail", failed, err)
	}
	if err := s.Send("jobs", []byte("two"), 0); err != nil {
		t.Fatal(err)
	}
	if two := take(t, s, "jobs", 0); len(two) == 1 {
		if _, err := q.BatchDeleteMessage(two[0].Receipt); err != nil {
			t.Errorf("BatchDeleteMessage of what is there = %v, want no error", err)
		}
	}
	_, err = received(t, func(got chan sdk.MessageReceiveResponse, failed chan error) { q.ReceiveMessage(got, failed) })
	wantCode(t, "receive from an empty queue", err, "MessageNotExist")
	if d, err := s.Depth("jobs"); err != nil || d != (mns.Depth{Delayed: 1}) {
		t.Errorf("depth = %+v, %v, want the delayed one alone", d, err)
	}
}

func TestLimitsOfABatch(t *testing.T) {
	s := start(t)
	if err := s.CreateQueue("jobs", mns.Attributes{}); err != nil {
		t.Fatal(err)
	}
	q := sdk.NewMNSQueue("jobs", client(s, "id", "secret", ""))
	half := sdk.MessageSendRequest{MessageBody: strings.Repeat("x", 33<<10)}
	if answer, err := q.BatchSendMessage(half, half); err == nil || len(answer.Messages) != 0 {
		t.Errorf("66 KiB in a batch: %+v, %v, want none taken", answer, err)
	}
	if answer, err := q.BatchSendMessage(make([]sdk.MessageSendRequest, 17)...); err == nil || len(answer.Messages) != 0 {
		t.Errorf("17 messages: %+v, %v, want none taken", answer, err)
	}
	_, err := q.SendMessage(sdk.MessageSendRequest{MessageBody: strings.Repeat("x", 64<<10+1)})
	wantCode(t, "a body over 64 KiB", err, "InvalidArgument")
	_, err = q.SendMessage(sdk.MessageSendRequest{MessageBody: "x", DelaySeconds: 604_801})
	wantCode(t, "a delay over 7 days", err, "InvalidArgument")
	answer, err := q.BatchSendMessage(sdk.MessageSendRequest{MessageBody: "good"}, sdk.MessageSendRequest{MessageBody: "bad", Priority: 99})
	if err == nil || len(answer.Messages) != 2 || answer.Messages[0].ErrorCode != "" || answer.Messages[1].ErrorCode != "InvalidArgument" {
		t.Errorf("a batch with one bad message: %+v, %v, want an answer for each", answer, err)
	}
}
