package sqs

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"kodoferry/shared/emulator/pile"
)

// received is a message as a receive tells of it.
type received struct {
	MessageID     string `json:"MessageId"`
	Receipt       string `json:"ReceiptHandle"`
	Sum           string `json:"MD5OfBody"`
	Body          string
	System        map[string]string    `json:"Attributes,omitempty"`
	AttributesSum string               `json:"MD5OfMessageAttributes,omitempty"`
	Attributes    map[string]attribute `json:"MessageAttributes,omitempty"`
}

func (c *call) receive() error {
	var in struct {
		MaxNumberOfMessages, WaitTimeSeconds, VisibilityTimeout            *int64
		AttributeNames, MessageSystemAttributeNames, MessageAttributeNames []string

		ReceiveRequestAttemptId *string // of FIFO queues alone
	}
	q, err := c.read(&in)
	if err != nil {
		return err
	}
	if in.ReceiveRequestAttemptId != nil {
		return errForeign
	}
	a, _ := q.Attributes()
	most, wait, visibility := 1, a.Poll, time.Duration(-1)
	if n := in.MaxNumberOfMessages; n != nil {
		if *n < 1 || *n > maxBatch {
			return badValue("MaxNumberOfMessages", "Must be between 1 and 10, if provided.")
		}
		most = int(*n)
	}
	if n := in.WaitTimeSeconds; n != nil {
		if wait = time.Duration(*n) * time.Second; wait < 0 || wait > maxPoll {
			return badValue("WaitTimeSeconds", "Must be >= 0 and <= 20, if provided.")
		}
	}
	if n := in.VisibilityTimeout; n != nil {
		if visibility = time.Duration(*n) * time.Second; visibility < 0 || visibility > maxVisibility {
			return badValue("VisibilityTimeout", "Must be between 0 and 43200 seconds, if provided.")
		}
	}
	var out struct {
		Messages []received `json:",omitempty"`
	}
	for _, m := range q.Receive(c.r.Context(), most, wait, visibility) {
		out.Messages = append(out.Messages, told(m, append(in.AttributeNames, in.MessageSystemAttributeNames...), in.MessageAttributeNames))
	}
	return c.ok(out)
}

// told returns m as the answer of a receive that asked for these attributes has it.
func told(m pile.Message, system, own []string) received {
	r := received{MessageID: m.ID, Receipt: m.Receipt, Sum: m.Sum, Body: m.Body}
	for name, value := range map[string]string{
		"ApproximateReceiveCount": strconv.Itoa(m.Dequeues), "SentTimestamp": millis(m.Sent),
		"ApproximateFirstReceiveTimestamp": millis(m.First), "SenderId": "AIDAEXAMPLE",
	} {
		if slices.Contains(system, name) || slices.Contains(system, "All") {
			if r.System == nil {
				r.System = map[string]string{}
			}
			r.System[name] = value
		}
	}
	for name, a := range attributesOf(m) {
		wanted := slices.ContainsFunc(own, func(want string) bool {
			prefix, all := strings.CutSuffix(want, ".*")
			return want == name || want == "All" || all && strings.HasPrefix(name, prefix)
		})
		if wanted {
			if r.Attributes == nil {
				r.Attributes = map[string]attribute{}
			}
			r.Attributes[name] = a
		}
	}
	r.AttributesSum = sumOf(r.Attributes)
	return r
}

func millis(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 10) }

// handle is a receipt, alone or in a batch, and for how long its message is to
// be hidden.
type handle struct {
	ID         string  `json:"Id"`
	Receipt    *string `json:"ReceiptHandle"`
	Visibility *int64  `json:"VisibilityTimeout"`
}

func (h handle) delete(q *pile.Queue) error {
	if h.Receipt == nil {
		return missing("ReceiptHandle")
	}
	return remove(q, *h.Receipt)
}

func (h handle) extend(q *pile.Queue) error {
	switch {
	case h.Receipt == nil:
		return missing("ReceiptHandle")
	case h.Visibility == nil:
		return missing("VisibilityTimeout")
	}
	d := time.Duration(*h.Visibility) * time.Second
	if d < 0 || d > maxVisibility {
		return badValue("VisibilityTimeout", "Must be between 0 and 43200 seconds.")
	}
	return extend(q, *h.Receipt, d)
}

func (c *call) delete() error     { return c.one(handle.delete) }
func (c *call) visibility() error { return c.one(handle.extend) }

func (c *call) deleteBatch() error     { return c.each(handle.delete) }
func (c *call) visibilityBatch() error { return c.each(handle.extend) }

// one does something with the message of a receipt.
func (c *call) one(do func(handle, *pile.Queue) error) error {
	var in handle
	q, err := c.read(&in)
	if err == nil {
		err = do(in, q)
	}
	if err != nil {
		return err
	}
	return c.done()
}

// each does it with those of a batch.
func (c *call) each(do func(handle, *pile.Queue) error) error {
	var in struct{ Entries []handle }
	q, err := c.read(&in)
	if err != nil {
		return err
	}
	var ids []string
	for _, h := range in.Entries {
		ids = append(ids, h.ID)
	}
	if err := checkBatch(ids); err != nil {
		return err
	}
	type id struct{ Id string }
	out := struct {
		Successful []id
		Failed     []failed
	}{[]id{}, []failed{}}
	for _, h := range in.Entries {
		if err := do(h, q); err != nil {
			r, ok := err.(*refusal)
			if !ok {
				r = errInternal
			}
			out.Failed = append(out.Failed, failure(h.ID, r))
			continue
		}
		out.Successful = append(out.Successful, id{h.ID})
	}
	return c.ok(out)
}
