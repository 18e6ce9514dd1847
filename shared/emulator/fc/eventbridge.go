package fc

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"time"

	"kodoferry/shared/fault"
)

// cloudEvent is a message of an MNS queue as EventBridge delivers it
// (fc-runtime-go-sdk, events/README_MNS_Queue.md).
type cloudEvent struct {
	ID              string  `json:"id"`
	Source          string  `json:"source"`
	SpecVersion     string  `json:"specversion"`
	Type            string  `json:"type"`
	DataContentType string  `json:"datacontenttype"`
	Subject         string  `json:"subject"`
	Time            string  `json:"time"`
	AccountID       string  `json:"aliyunaccountid"`
	PublishTime     string  `json:"aliyunpublishtime"`
	EventBusName    string  `json:"aliyuneventbusname"`
	RegionID        string  `json:"aliyunregionid"`
	Data            mnsData `json:"data"`
}

type mnsData struct {
	RequestID   string `json:"requestId"`
	MessageID   string `json:"messageId"`
	MessageBody string `json:"messageBody"`
}

const cloudTime = "2006-01-02T15:04:05.000Z"

// events are the messages of a batch as EventBridge makes events of them.
func (s *Stream) events(batch []Message) []any {
	now := time.Now().UTC().Format(cloudTime)
	events := make([]any, len(batch))
	for n, m := range batch {
		data := mnsData{
			RequestID: strings.ToUpper(strings.ReplaceAll(newID(), "-", "")[:24]), MessageID: m.ID, MessageBody: s.body(m),
		}
		events[n] = data
		if s.Schema == CloudEvents {
			events[n] = cloudEvent{
				ID: newID(), Source: "acs:mns", SpecVersion: "1.0", Type: "mns:Queue:SendMessage", DataContentType: "application/json; charset=utf-8",
				Subject:   "acs:mns:" + s.f.Region + ":" + s.f.Account + ":queues/" + s.Name,
				Time:      m.Sent.UTC().Format(cloudTime),
				AccountID: s.f.Account, PublishTime: now, EventBusName: "MNS-" + s.Function + "-" + s.Name, RegionID: s.f.Region, Data: data,
			}
		}
	}
	return events
}

func (s *Stream) body(m Message) string {
	if s.Base64 {
		if b, err := base64.StdEncoding.DecodeString(string(m.Body)); err == nil {
			return string(b)
		}
	}
	return string(m.Body)
}

// push delivers a batch to a function of Function Compute until it succeeds or
// has to be given up. Waiting for an instance is no try. The messages of a
// batch share its fate: there is one answer for all.
func (s *Stream) push(ctx context.Context, batch []Message) {
	begun := time.Now()
	events := s.events(batch)
	pushed := encode(events) // an array, also of one
	for try := 1; ; try++ {
		_, err := s.c.invoke(ctx, s.Function, call{event: pushed, timeout: s.Ceiling, wait: true})
		switch {
		case ctx.Err() != nil:
			return // the messages get visible again
		case err == nil:
			s.remove(batch...)
			return
		}
		s.note("deliver", err)
		wait := s.Retry.Backoff(try)
		if hopeless(err) || try > s.Retry.Attempts || time.Since(begun)+wait > s.Retry.MaxAge {
			for n, m := range batch {
				if s.DeadEvents {
					s.bury(m, encode(events[n]))
				} else {
					s.bury(m, m.Body)
				}
			}
			return
		}
		if !pause(ctx, wait) {
			return
		}
		s.f.count(func(c *Stats) { c.Retries++ })
	}
}

// hopeless is a delivery that the platform refuses every time, such as one that is too large.
func hopeless(err error) bool {
	_, failed := errors.AsType[*Failure](err)
	return !failed && !fault.Retryable(err)
}
