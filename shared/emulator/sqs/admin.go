package sqs

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// redrive is the policy of a queue with dead letters. The count comes as a
// number or in a string.
type redrive struct {
	Target string      `json:"deadLetterTargetArn"`
	Most   json.Number `json:"maxReceiveCount"`
}

// with returns a with what was said, and refuses what is out of the service's
// ranges (SQS, SetQueueAttributes).
func (s *Server) with(a Attributes, said map[string]string) (Attributes, error) {
	seconds := func(d *time.Duration) func(int64) {
		return func(n int64) { *d = time.Duration(n) * time.Second }
	}
	for name, value := range said {
		if name == "RedrivePolicy" {
			if err := s.redrive(&a, value); err != nil {
				return a, err
			}
			continue
		}
		f, known := map[string]struct {
			least, most int64
			set         func(int64)
		}{
			"DelaySeconds":                  {0, 900, seconds(&a.Delay)},
			"MaximumMessageSize":            {1024, maxSize, func(n int64) { a.MaxSize = int(n) }},
			"MessageRetentionPeriod":        {60, 1_209_600, seconds(&a.Retention)},
			"VisibilityTimeout":             {1, 43_200, seconds(&a.Visibility)},
			"ReceiveMessageWaitTimeSeconds": {0, 20, seconds(&a.Poll)},
		}[name]
		if !known {
			return a, refuse(400, "com.amazonaws.sqs#InvalidAttributeName", "InvalidAttributeName", "Unknown Attribute "+name+".")
		}
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil || n < f.least || n > f.most {
			return a, refuse(400, "com.amazonaws.sqs#InvalidAttributeValue", "InvalidAttributeValue", "Invalid value for the parameter "+name+".")
		}
		f.set(n)
	}
	return a, nil
}

func (s *Server) redrive(a *Attributes, text string) error {
	bad := refuse(400, "com.amazonaws.sqs#InvalidAttributeValue", "InvalidAttributeValue", "Value "+text+" for parameter RedrivePolicy is invalid.")
	a.DeadLetter, a.MaxReceive = "", 0
	if text == "" {
		return nil // none any more
	}
	var p redrive
	if json.Unmarshal([]byte(text), &p) != nil {
		return bad
	}
	n, err := p.Most.Int64()
	name, ours := strings.CutPrefix(p.Target, s.ARN(""))
	if err != nil || n < 1 || n > 1000 || !ours {
		return bad
	}
	if _, err := s.queue(name); err != nil {
		return bad
	}
	a.DeadLetter, a.MaxReceive = name, int(n)
	return nil
}

func (c *call) createQueue() error {
	var in struct {
		QueueName  string
		Attributes map[string]string
	}
	if json.Unmarshal(c.body, &in) != nil {
		return errMalformed
	}
	a, err := c.s.with(Attributes{}.withDefaults(), in.Attributes)
	if err == nil {
		err = checkName(in.QueueName)
	}
	if err != nil {
		return err
	}
	if have, err := c.s.queue(in.QueueName); err == nil {
		have.mu.Lock()
		defer have.mu.Unlock()
		if have.attr != a {
			return errExists
		}
	} else if err := c.s.CreateQueue(in.QueueName, a); err != nil {
		return err
	}
	return c.ok(map[string]string{"QueueUrl": c.s.url(in.QueueName)})
}

func (c *call) queueURL() error {
	var in struct{ QueueName string }
	if json.Unmarshal(c.body, &in) != nil {
		return errMalformed
	}
	if _, err := c.s.queue(in.QueueName); err != nil {
		return err
	}
	return c.ok(map[string]string{"QueueUrl": c.s.url(in.QueueName)})
}

func (c *call) setAttributes() error {
	var in struct{ Attributes map[string]string }
	q, err := c.read(&in)
	if err != nil {
		return err
	}
	q.mu.Lock()
	a := q.attr
	q.mu.Unlock()
	if a, err = c.s.with(a, in.Attributes); err != nil {
		return err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.attr, q.modified = a, c.s.cfg.Now()
	return c.done()
}

func (c *call) attributes() error {
	var in struct{ AttributeNames []string }
	q, err := c.read(&in)
	if err != nil {
		return err
	}
	told := q.describe()
	if !slices.Contains(in.AttributeNames, "All") {
		maps.DeleteFunc(told, func(name, _ string) bool { return !slices.Contains(in.AttributeNames, name) })
	}
	return c.ok(map[string]any{"Attributes": told})
}

// describe is what the service tells of q.
func (q *queue) describe() map[string]string {
	d := q.depth()
	q.mu.Lock()
	defer q.mu.Unlock()
	seconds := func(d time.Duration) string { return itoa(int(d / time.Second)) }
	told := map[string]string{
		"ApproximateNumberOfMessages": itoa(d.Visible), "ApproximateNumberOfMessagesNotVisible": itoa(d.NotVisible), "ApproximateNumberOfMessagesDelayed": itoa(d.Delayed),
		"DelaySeconds": seconds(q.attr.Delay), "MaximumMessageSize": itoa(q.attr.MaxSize), "MessageRetentionPeriod": seconds(q.attr.Retention),
		"VisibilityTimeout": seconds(q.attr.Visibility), "ReceiveMessageWaitTimeSeconds": seconds(q.attr.Poll),
		"CreatedTimestamp": itoa(int(q.created.Unix())), "LastModifiedTimestamp": itoa(int(q.modified.Unix())), "QueueArn": q.s.ARN(q.name),
	}
	if q.attr.DeadLetter != "" {
		text, _ := json.Marshal(redrive{q.s.ARN(q.attr.DeadLetter), json.Number(itoa(q.attr.MaxReceive))}) // of strings and digits
		told["RedrivePolicy"] = string(text)
	}
	return told
}

func (c *call) deleteQueue() error {
	q, err := c.read(&struct{}{})
	if err != nil {
		return err
	}
	c.s.mu.Lock()
	delete(c.s.queues, q.name)
	c.s.mu.Unlock()
	return c.done()
}

func (c *call) purge() error {
	q, err := c.read(&struct{}{})
	if err != nil {
		return err
	}
	q.purge()
	return c.done()
}

func (c *call) listQueues() error {
	var in struct{ QueueNamePrefix string }
	if json.Unmarshal(c.body, &in) != nil {
		return errMalformed
	}
	var out struct {
		QueueUrls []string `json:",omitempty"`
	}
	c.s.mu.Lock()
	names := slices.Sorted(maps.Keys(c.s.queues))
	c.s.mu.Unlock()
	for _, name := range names {
		if strings.HasPrefix(name, in.QueueNamePrefix) {
			out.QueueUrls = append(out.QueueUrls, c.s.url(name))
		}
	}
	return c.ok(out)
}
