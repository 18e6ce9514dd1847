package fc

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
)

// record is a message of an SQS event (aws-lambda-go, events/sqs.go).
type record struct {
	MessageID         string            `json:"messageId"`
	ReceiptHandle     string            `json:"receiptHandle"`
	Body              string            `json:"body"`
	Attributes        map[string]string `json:"attributes"`
	MessageAttributes map[string]told   `json:"messageAttributes"`
	MD5               string            `json:"md5OfBody"`
	Source            string            `json:"eventSource"`
	ARN               string            `json:"eventSourceARN"`
	Region            string            `json:"awsRegion"`
}

// told is a message attribute in an event.
type told struct {
	Value    string     `json:"stringValue"`
	Strings  []struct{} `json:"stringListValues"` // not used by SQS yet, and always empty
	Binaries []struct{} `json:"binaryListValues"`
	Type     string     `json:"dataType"`
}

// records is a batch as Lambda hands it to a function.
func (s *Stream) records(batch []Message) []byte {
	var event struct {
		Records []record `json:"Records"`
	}
	for _, m := range batch {
		sent := strconv.FormatInt(m.Sent.UnixMilli(), 10)
		sum := md5.Sum(m.Body)
		first := sent
		if !m.First.IsZero() {
			first = strconv.FormatInt(m.First.UnixMilli(), 10)
		}
		attributes := map[string]told{}
		for name, a := range m.Attributes {
			attributes[name] = told{a.Value, []struct{}{}, []struct{}{}, a.Type}
		}
		event.Records = append(event.Records, record{
			MessageID: m.ID, ReceiptHandle: m.Receipt, Body: string(m.Body), MD5: hex.EncodeToString(sum[:]),
			Attributes: map[string]string{
				"ApproximateReceiveCount": strconv.Itoa(m.Dequeues), "SentTimestamp": sent,
				"SenderId": "AROAEXAMPLE:sender", "ApproximateFirstReceiveTimestamp": first,
			},
			MessageAttributes: attributes,
			Source:            "aws:sqs", ARN: "arn:aws:sqs:" + s.f.Region + ":" + s.f.Account + ":" + s.Name, Region: s.f.Region,
		})
	}
	return encode(event)
}

// hand delivers a batch to a function on Lambda, once: what failed is left in
// the queue and comes again when it gets visible, or is a dead letter when it
// was received too often. Waiting for an instance is no delivery.
func (s *Stream) hand(ctx context.Context, batch []Message) {
	batch = s.redrive(batch)
	if len(batch) == 0 {
		return
	}
	answer, err := s.c.invoke(ctx, s.Function, call{event: s.records(batch), wait: true})
	if ctx.Err() != nil {
		return
	}
	if err == nil && s.PartialBatch {
		batch, err = succeeded(batch, answer)
	}
	if err != nil {
		s.note("deliver", err)
		return
	}
	s.remove(batch...)
}

// redrive buries the messages that were received too often, as SQS does, and
// returns the others.
func (s *Stream) redrive(batch []Message) []Message {
	again := 0
	var dead []Message
	batch = slices.DeleteFunc(batch, func(m Message) bool {
		if m.Dequeues > 1 {
			again++
		}
		if s.MaxReceives > 0 && m.Dequeues > s.MaxReceives {
			dead = append(dead, m)
			return true
		}
		return false
	})
	s.f.count(func(c *Stats) { c.Retries += again - len(dead) })
	for _, m := range dead {
		s.bury(m, m.Body)
	}
	return batch
}

// succeeded returns the messages that an answer does not name as failed. By
// Lambda's rules a missing or empty list means that all succeeded, and an
// answer that cannot be read, or that names no message of the batch, that all
// failed.
func succeeded(batch []Message, answer []byte) ([]Message, error) {
	var told *struct {
		Failures []struct {
			ID *string `json:"itemIdentifier"`
		} `json:"batchItemFailures"`
	}
	if len(answer) == 0 {
		return batch, nil
	}
	if err := json.Unmarshal(answer, &told); err != nil {
		return nil, fmt.Errorf("the answer is not a batch response: %w", err)
	}
	if told == nil {
		return batch, nil
	}
	failed := map[string]bool{}
	for _, f := range told.Failures {
		if f.ID == nil || !slices.ContainsFunc(batch, func(m Message) bool { return m.ID == *f.ID }) {
			return nil, errors.New("the answer names a failed message that is not in the batch: itemIdentifier must be the messageId of a record")
		}
		failed[*f.ID] = true
	}
	return slices.DeleteFunc(slices.Clone(batch), func(m Message) bool { return failed[m.ID] }), nil
}
