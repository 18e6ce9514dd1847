package sqs

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"kodoferry/shared/emulator/pile"
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
			return a, badAttribute(name)
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
	if _, err := s.Queue(name); err != nil {
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
	a, err := c.s.with(Attributes{}.WithDefaults(maxSize), in.Attributes)
	if err == nil {
		err = checkName(in.QueueName)
	}
	if err != nil {
		return err
	}
	if have, err := c.s.Queue(in.QueueName); err == nil {
		if set, _ := have.Attributes(); set != a {
			return errExists
		}
	} else if c.s.deletedLately(in.QueueName) {
		return errDeleted
	} else if err := c.s.CreateQueue(in.QueueName, a); err != nil {
		return err
	}
	return c.ok(map[string]string{"QueueUrl": c.s.url(in.QueueName)})
}

func (c *call) queueURL() error {
	var in struct{ QueueName, QueueOwnerAWSAccountId string }
	if json.Unmarshal(c.body, &in) != nil {
		return errMalformed
	}
	if owner := in.QueueOwnerAWSAccountId; owner != "" && owner != c.s.cfg.Account {
		return errNoQueue
	}
	if _, err := c.s.Queue(in.QueueName); err != nil {
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
	a, _ := q.Attributes()
	if a, err = c.s.with(a, in.Attributes); err != nil {
		return err
	}
	q.Set(a)
	return c.done()
}

// attributeNames are all that a queue may be asked for (SDK v1.52.10, types/enums.go). Those
// of FIFO queues, encryption and policies no queue here has.
var attributeNames = []string{
	"All", "Policy", "VisibilityTimeout", "MaximumMessageSize", "MessageRetentionPeriod", "ApproximateNumberOfMessages",
	"ApproximateNumberOfMessagesNotVisible", "CreatedTimestamp", "LastModifiedTimestamp", "QueueArn", "ApproximateNumberOfMessagesDelayed",
	"DelaySeconds", "ReceiveMessageWaitTimeSeconds", "RedrivePolicy", "FifoQueue", "ContentBasedDeduplication", "KmsMasterKeyId",
	"KmsDataKeyReusePeriodSeconds", "DeduplicationScope", "FifoThroughputLimit", "RedriveAllowPolicy", "SqsManagedSseEnabled",
}

func (c *call) attributes() error {
	var in struct{ AttributeNames []string }
	q, err := c.read(&in)
	if err != nil {
		return err
	}
	for _, name := range in.AttributeNames {
		if !slices.Contains(attributeNames, name) {
			return badAttribute(name)
		}
	}
	told := c.s.describe(q)
	if !slices.Contains(in.AttributeNames, "All") {
		maps.DeleteFunc(told, func(name, _ string) bool { return !slices.Contains(in.AttributeNames, name) })
	}
	return c.ok(map[string]any{"Attributes": told})
}

// describe is what the service tells of q.
func (s *Server) describe(q *pile.Queue) map[string]string {
	d := q.Depth()
	a, modified := q.Attributes()
	seconds := func(d time.Duration) string { return itoa(int(d / time.Second)) }
	told := map[string]string{
		"ApproximateNumberOfMessages": itoa(d.Ready), "ApproximateNumberOfMessagesNotVisible": itoa(d.InFlight), "ApproximateNumberOfMessagesDelayed": itoa(d.Delayed),
		"DelaySeconds": seconds(a.Delay), "MaximumMessageSize": itoa(a.MaxSize), "MessageRetentionPeriod": seconds(a.Retention),
		"VisibilityTimeout": seconds(a.Visibility), "ReceiveMessageWaitTimeSeconds": seconds(a.Poll),
		"CreatedTimestamp": itoa(int(q.Created().Unix())), "LastModifiedTimestamp": itoa(int(modified.Unix())), "QueueArn": s.ARN(q.Name()),
	}
	if a.DeadLetter != "" {
		text, _ := json.Marshal(redrive{s.ARN(a.DeadLetter), json.Number(itoa(a.MaxReceive))}) // of strings and digits
		told["RedrivePolicy"] = string(text)
	}
	return told
}

func (c *call) deleteQueue() error {
	q, err := c.read(&struct{}{})
	if err != nil {
		return err
	}
	now := c.s.cfg.Now()
	c.s.mu.Lock()
	maps.DeleteFunc(c.s.gone, func(_ string, at time.Time) bool { return now.Sub(at) >= settling })
	c.s.gone[q.Name()] = now
	c.s.mu.Unlock()
	c.s.queues.Drop(q.Name()) // last: a request for the name meanwhile finds the queue
	return c.done()
}

// settling is how long SQS may take to delete a queue, or what is in it: until then there
// is no other purge, nor a queue of the same name (SQS, PurgeQueue and DeleteQueue).
const settling = time.Minute

// deletedLately reports whether a request deleted the queue of a name less than settling ago.
func (s *Server) deletedLately(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	at, ok := s.gone[name]
	return ok && s.cfg.Now().Sub(at) < settling
}

func (c *call) purge() error {
	q, err := c.read(&struct{}{})
	if err != nil {
		return err
	}
	if !q.Purge(settling) {
		return errPurging
	}
	return c.done()
}

// maxQueues is how many queues ListQueues returns at most.
const maxQueues = 1000

// listQueues tells where more begin only to a request with MaxResults (SQS, ListQueues).
func (c *call) listQueues() error {
	var in struct {
		QueueNamePrefix, NextToken string
		MaxResults                 *int
	}
	if json.Unmarshal(c.body, &in) != nil {
		return errMalformed
	}
	most := maxQueues
	if in.MaxResults != nil {
		if most = *in.MaxResults; most < 1 || most > maxQueues {
			return badValue("MaxResults", "Must be between 1 and 1000, if provided.")
		}
	}
	last, err := base64.StdEncoding.DecodeString(in.NextToken)
	if err != nil {
		return badValue("NextToken", "Invalid NextToken.")
	}
	var out struct {
		QueueUrls []string `json:",omitempty"`
		NextToken string   `json:",omitempty"`
	}
	names := slices.DeleteFunc(c.s.queues.Queues(), func(name string) bool { return !strings.HasPrefix(name, in.QueueNamePrefix) || name <= string(last) })
	if len(names) > most {
		names = names[:most]
		if in.MaxResults != nil {
			out.NextToken = base64.StdEncoding.EncodeToString([]byte(names[most-1]))
		}
	}
	for _, name := range names {
		out.QueueUrls = append(out.QueueUrls, c.s.url(name))
	}
	return c.ok(out)
}
