package mns

import (
	"encoding/xml"
	"errors"
	"net/http"
	"time"

	"kodoferry/shared/emulator/pile"
)

// send takes one message, or a batch of up to 16.
func (c *call) send() error {
	q, err := c.queue()
	if err != nil {
		return err
	}
	var root struct{ XMLName xml.Name }
	if xml.Unmarshal(c.body, &root) != nil {
		return errMalformed
	}
	if root.XMLName.Local == "Messages" {
		return c.sendBatch(q)
	}
	var x sendXML
	if root.XMLName.Local != "Message" || xml.Unmarshal(c.body, &x) != nil {
		return errMalformed
	}
	answer, refused := c.sendOne(q, x)
	if refused != nil {
		return refused
	}
	answer.Space = space
	c.s.answer(c.w, http.StatusCreated, answer)
	return nil
}

func (c *call) sendBatch(q *pile.Queue) error {
	var batch struct {
		Messages []sendXML `xml:"Message"`
	}
	if xml.Unmarshal(c.body, &batch) != nil {
		return errMalformed
	}
	size := 0
	for _, x := range batch.Messages {
		size += len(x.Body)
	}
	switch {
	case len(batch.Messages) == 0 || len(batch.Messages) > maxBatch:
		return badArgument("the number of messages, 1 to 16,")
	case size > maxRequest:
		return badArgument("the size of all messages, up to 65,536 bytes,")
	}
	status, answer := http.StatusCreated, messagesXML{Space: space}
	for _, x := range batch.Messages {
		one, err := c.sendOne(q, x)
		if err != nil {
			status = http.StatusInternalServerError
			one = messageXML{ErrorCode: err.code, ErrorMessage: err.message}
		}
		answer.Messages = append(answer.Messages, one)
	}
	c.s.answer(c.w, status, answer)
	return nil
}

// sendOne checks a message and puts it in.
func (c *call) sendOne(q *pile.Queue, x sendXML) (messageXML, *refusal) {
	if err := unread(x.Other); err != nil {
		return messageXML{}, err
	}
	delay, priority := time.Duration(-1), defaultPriority
	if x.Delay != nil {
		if *x.Delay < 0 || *x.Delay > 604_800 {
			return messageXML{}, badArgument("DelaySeconds")
		}
		delay = time.Duration(*x.Delay) * time.Second
	}
	if x.Priority != nil && *x.Priority != 0 { // the Go SDK writes the 0 of a message that names none
		if *x.Priority < 1 || *x.Priority > 16 {
			return messageXML{}, badArgument("Priority")
		}
		priority = int(*x.Priority)
	}
	if err := check(q, len(x.Body)); err != nil {
		return messageXML{}, err
	}
	if c.s.queues.Refuses() {
		return messageXML{}, errInternal
	}
	m := q.Send(pile.Message{Body: x.Body, Priority: priority}, delay)
	return messageXML{ID: m.ID, Sum: m.Sum, Receipt: m.Receipt}, nil
}

// asked returns the queue of the request, and how many messages it asks for at most.
func (c *call) asked() (*pile.Queue, int, error) {
	q, err := c.queue()
	if err != nil {
		return nil, 0, err
	}
	most, err := c.number(numOfMessages, 1, 1, maxBatch)
	return q, int(most), err
}

func (c *call) receive() error {
	q, most, err := c.asked()
	if err != nil {
		return err
	}
	a, _ := q.Attributes()
	wait, err := c.number(waitSeconds, int64(a.Poll/time.Second), 0, 30)
	if err != nil {
		return err
	}
	return c.tell(q.Receive(c.r.Context(), most, time.Duration(wait)*time.Second, -1), false)
}

func (c *call) peek() error {
	q, most, err := c.asked()
	if err != nil {
		return err
	}
	return c.tell(q.Peek(most), true)
}

// tell answers with messages: in a list if the request named a number of them.
func (c *call) tell(messages []pile.Message, peek bool) error {
	if len(messages) == 0 {
		return errNoMessage
	}
	if !c.query.Has(numOfMessages) {
		one := received(messages[0], peek)
		one.Space = space
		c.s.answer(c.w, http.StatusOK, one)
		return nil
	}
	answer := messagesXML{Space: space}
	for _, m := range messages {
		answer.Messages = append(answer.Messages, received(m, peek))
	}
	c.s.answer(c.w, http.StatusOK, answer)
	return nil
}

// delete removes the message of a receipt, or those of up to 16.
func (c *call) delete() error {
	q, err := c.queue()
	if err != nil {
		return err
	}
	if c.query.Has(receiptHandle) {
		if err := remove(q, c.query.Get(receiptHandle)); err != nil {
			return err
		}
		c.s.answer(c.w, http.StatusNoContent, nil)
		return nil
	}
	var x receiptsXML
	if len(c.body) == 0 {
		return errNoReceipt
	}
	if xml.Unmarshal(c.body, &x) != nil {
		return errMalformed
	}
	if len(x.Receipts) == 0 || len(x.Receipts) > maxBatch {
		return badArgument("the number of receipts, 1 to 16,")
	}
	failed := failuresXML{Space: space}
	for _, receipt := range x.Receipts {
		if err := remove(q, receipt); err != nil {
			r, _ := errors.AsType[*refusal](err)
			failed.Errors = append(failed.Errors, failureXML{r.code, r.message, receipt})
		}
	}
	if len(failed.Errors) > 0 {
		c.s.answer(c.w, http.StatusNotFound, failed)
		return nil
	}
	c.s.answer(c.w, http.StatusNoContent, nil)
	return nil
}
