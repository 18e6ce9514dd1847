package sqs

import (
	"crypto/md5"
	"encoding/binary"
	"encoding/hex"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"kodoferry/shared/emulator/pile"
)

const maxBatch = 10

// attribute is a message attribute as requests and answers hold it.
type attribute struct {
	Type   string  `json:"DataType"`
	Text   *string `json:"StringValue,omitempty"`
	Binary []byte  `json:"BinaryValue,omitempty"`
}

func (a attribute) value() string {
	if a.Text != nil {
		return *a.Text
	}
	return string(a.Binary)
}

// attributesOf are those that the sender of m gave.
func attributesOf(m pile.Message) map[string]attribute {
	given, _ := m.Extra.(map[string]attribute)
	return given
}

// outgoing is a message to send.
type outgoing struct {
	ID         string               `json:"Id"` // of batches
	Body       *string              `json:"MessageBody"`
	Delay      *int64               `json:"DelaySeconds"`
	Attributes map[string]attribute `json:"MessageAttributes"`

	Group         *string              `json:"MessageGroupId"`         // fairness between groups, of standard queues
	Deduplication *string              `json:"MessageDeduplicationId"` // of FIFO queues alone
	System        map[string]attribute `json:"MessageSystemAttributes"`
}

// foreign refuses what a standard queue does not take, or this stand-in does not keep.
func (m outgoing) foreign() *refusal {
	switch {
	case m.Deduplication != nil:
		return errForeign
	case m.Group != nil || len(m.System) > 0:
		return errUndone
	}
	return nil
}

// sent is the answer to a message that was taken.
type sent struct {
	ID            string `json:"Id,omitempty"` // of batches
	MessageID     string `json:"MessageId"`
	Sum           string `json:"MD5OfMessageBody"`
	AttributesSum string `json:"MD5OfMessageAttributes,omitempty"`
}

// failed is an entry of a batch that was not done.
type failed struct {
	ID          string `json:"Id"`
	Code        string
	Message     string
	SenderFault bool
}

func failure(id string, r *refusal) failed {
	return failed{id, r.query, r.message, r.status < 500}
}

// check refuses a message that the queue does not take.
func check(q *pile.Queue, body string, attributes map[string]attribute) *refusal {
	a, _ := q.Attributes()
	switch size := sizeOf(body, attributes); {
	case body == "":
		return missing("MessageBody")
	case size > a.MaxSize:
		return badValue("MessageBody", "Message must be shorter than "+itoa(a.MaxSize)+" bytes.")
	case !allowed(body):
		return errContents
	}
	return checkAttributes(attributes)
}

// sizeOf is what of a message counts: its body, and names, types and values of
// its attributes (SQS developer guide, "Quotas").
func sizeOf(body string, attributes map[string]attribute) int {
	n := len(body)
	for name, a := range attributes {
		n += len(name) + len(a.Type) + len(a.value())
	}
	return n
}

// allowed reports whether every character of text is one of XML 1.0.
func allowed(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool {
		return r < 0x20 && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF
	})
}

var (
	attributeName = regexp.MustCompile(`^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$`)
	attributeType = regexp.MustCompile(`^(String|Number|Binary)(\..+)?$`)
)

// checkAttributes holds attributes against the developer guide's page on them.
func checkAttributes(attributes map[string]attribute) *refusal {
	if len(attributes) > 10 {
		return badValue("MessageAttributes", "A message can have up to 10 attributes.")
	}
	for name, a := range attributes {
		low := strings.ToLower(name)
		switch {
		case len(name) > 256 || !attributeName.MatchString(name) || strings.HasPrefix(low, "aws.") || strings.HasPrefix(low, "amazon."):
			return badValue("MessageAttributes", "The name "+strconv.Quote(name)+" is not one of an attribute.")
		case !attributeType.MatchString(a.Type) || a.value() == "" || !allowed(a.value()) && a.Text != nil:
			return badValue("MessageAttributes", "The attribute "+name+" has no type or no value.")
		case strings.HasPrefix(a.Type, "Number"):
			if _, err := strconv.ParseFloat(a.value(), 64); err != nil {
				return badValue("MessageAttributes", "Can't cast the value of message attribute "+name+" to a number.")
			}
		}
	}
	return nil
}

// sumOf is the MD5 of attributes (SQS developer guide, "Calculating the MD5
// message digest for message attributes"); "" where there are none.
func sumOf(attributes map[string]attribute) string {
	if len(attributes) == 0 {
		return ""
	}
	h := md5.New()
	put := func(text string) {
		var n [4]byte
		binary.BigEndian.PutUint32(n[:], uint32(len(text)))
		h.Write(n[:])
		h.Write([]byte(text))
	}
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		a := attributes[name]
		put(name)
		put(a.Type)
		if strings.HasPrefix(a.Type, "Binary") {
			h.Write([]byte{2})
		} else {
			h.Write([]byte{1})
		}
		put(a.value())
	}
	return hex.EncodeToString(h.Sum(nil))
}

// sendOne checks a message and puts it in.
func (c *call) sendOne(q *pile.Queue, m outgoing) (sent, *refusal) {
	if err := m.foreign(); err != nil {
		return sent{}, err
	}
	delay := time.Duration(-1)
	if m.Delay != nil {
		delay = time.Duration(*m.Delay) * time.Second
		if delay < 0 || delay > maxDelay {
			return sent{}, badValue("DelaySeconds", "DelaySeconds must be >= 0 and <= 900.")
		}
	}
	if m.Body == nil {
		return sent{}, missing("MessageBody")
	}
	if err := check(q, *m.Body, m.Attributes); err != nil {
		return sent{}, err
	}
	if c.s.queues.Refuses() {
		return sent{}, errInternal
	}
	got := q.Send(pile.Message{Body: *m.Body, Extra: m.Attributes}, delay)
	return sent{ID: m.ID, MessageID: got.ID, Sum: got.Sum, AttributesSum: sumOf(m.Attributes)}, nil
}

func (c *call) send() error {
	var in outgoing
	q, err := c.read(&in)
	if err != nil {
		return err
	}
	in.ID = ""
	out, refused := c.sendOne(q, in)
	if refused != nil {
		return refused
	}
	return c.ok(out)
}

func (c *call) sendBatch() error {
	var in struct{ Entries []outgoing }
	q, err := c.read(&in)
	if err != nil {
		return err
	}
	var ids []string
	size := 0
	for _, m := range in.Entries {
		ids = append(ids, m.ID)
		if m.Body != nil {
			size += sizeOf(*m.Body, m.Attributes)
		}
	}
	if err := checkBatch(ids); err != nil {
		return err
	}
	if size > maxSize {
		return errTooLong
	}
	out := struct {
		Successful []sent
		Failed     []failed
	}{[]sent{}, []failed{}}
	for _, m := range in.Entries {
		if one, err := c.sendOne(q, m); err != nil {
			out.Failed = append(out.Failed, failure(m.ID, err))
		} else {
			out.Successful = append(out.Successful, one)
		}
	}
	return c.ok(out)
}

var entryID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,80}$`)

// checkBatch holds a batch's ids against what every batch must keep.
func checkBatch(ids []string) error {
	switch {
	case len(ids) == 0:
		return errEmpty
	case len(ids) > maxBatch:
		return errMany
	case slices.ContainsFunc(ids, func(id string) bool { return !entryID.MatchString(id) }):
		return errEntryID
	}
	slices.Sort(ids)
	if len(slices.Compact(ids)) != len(ids) {
		return errSameID
	}
	return nil
}
