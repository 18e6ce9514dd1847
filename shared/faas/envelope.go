package faas

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"
)

// text is a field that holds a string, "" if it holds anything else. Nothing
// about a message's envelope is worth failing the message for.
func (f fields) text(key string) string {
	var s string
	if json.Unmarshal(f[key], &s) != nil {
		return ""
	}
	return s
}

// object is a field that holds an object, empty if it holds anything else.
func (f fields) object(key string) fields {
	var o fields
	if json.Unmarshal(f[key], &o) != nil {
		return nil
	}
	return o
}

// time is a field that holds RFC 3339, or milliseconds since 1970 as a number
// or in a string; zero if it holds anything else.
func (f fields) time(key string) time.Time {
	s := strings.Trim(string(f[key]), `"`)
	if ms, err := strconv.ParseInt(s, 10, 64); err == nil && ms > 0 {
		return time.UnixMilli(ms).UTC()
	}
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t.UTC()
	}
	return time.Time{}
}

// cloudEvent is what EventBridge makes of a message of an MNS queue: data is
// {"requestId","messageId","messageBody"}. Data that was not put into an
// object of MNS's is taken for the body itself.
func (f fields) cloudEvent() item {
	var m item
	switch data := f.object("data"); {
	case data.has("messageBody"):
		m = data.raw()
	case isNumber(data["v"]):
		m.Body = content(f["data"])
	case data == nil && len(f["data"]) > 0 && f["data"][0] == '"':
		m = textData(f["data"])
	default:
		return item{err: &unreadable{
			"a CloudEvent that holds no message of an MNS queue (its data has the keys " + data.names() + ")",
			"the source of the eventbridge trigger must be an MNS queue",
		}}
	}
	if m.ID == "" {
		m.ID = f.text("id")
	}
	if subject := f.text("subject"); strings.Contains(subject, ":queues/") { // acs:mns:<region>:<account>:queues/<name>
		m.Queue = subject[strings.LastIndexByte(subject, '/')+1:]
	}
	m.Sent = f.time("time")
	return m.unpacked()
}

// unpacked is m, and of an event in its body the message in that: a stream
// that gives up puts the whole event into its dead-letter queue, alone or in
// an array.
func (m item) unpacked() item {
	body := m.Body
	var one []json.RawMessage
	if json.Unmarshal(body, &one) == nil && len(one) == 1 {
		body = one[0]
	}
	var f fields
	if m.err != nil || json.Unmarshal(body, &f) != nil || !f.has("specversion", "data") {
		return m
	}
	if inner := f.cloudEvent(); inner.err == nil {
		m.Body = inner.Body
	}
	return m
}

// textData is a CloudEvent's data in a string: MNS's object, or the body.
func textData(raw json.RawMessage) item {
	body := content(raw)
	var data fields
	if json.Unmarshal(body, &data) == nil && data.has("messageBody") {
		return data.raw()
	}
	return message("", raw)
}

// raw is a message of an MNS queue without its CloudEvent.
func (f fields) raw() item {
	return message(f.text("messageId"), f["messageBody"])
}

// topic is a notification of an MNS topic, format JSON. Its PublishTime is a
// number, other than the SDK's type says; attributes lie beside its own keys.
func (f fields) topic() item {
	m := message(f.text("MessageId"), f["Message"])
	m.Sent = f.time("PublishTime")
	return m
}

// message is one out of an envelope; one without a body is an error.
func message(id string, raw json.RawMessage) item {
	body := content(raw)
	if len(body) == 0 || string(body) == "null" {
		return item{Message: Message{ID: id}, err: &unreadable{"a message without a body", takes}}
	}
	return item{Message: Message{ID: id, Body: body}}
}

func (f fields) timer() work {
	return work{timer: &Timer{Name: f.text("triggerName"), Payload: f.payload("payload"), Time: f.time("triggerTime")}}
}

// payload is a field's text, or its JSON if it is not a string; an empty object or null says nothing.
func (f fields) payload(key string) string {
	s := string(f[key])
	switch {
	case s == "{}" || s == "null":
		return ""
	case strings.HasPrefix(s, `"`):
		return f.text(key)
	}
	return s
}

// scheduled is what EventBridge calls the events of its schedules on AWS.
const scheduled = "Scheduled Event"

func (f fields) schedule() (work, error) {
	if f.text("detail-type") != scheduled {
		return work{}, &unreadable{
			"an event of EventBridge other than a schedule's, with the keys " + f.names(),
			"the rule that targets this function must be a schedule; " + takes,
		}
	}
	t := Timer{Payload: f.payload("detail"), Time: f.time("time")}
	var rules []string // arn:aws:events:<region>:<account>:rule/<name>
	if json.Unmarshal(f["resources"], &rules) == nil && len(rules) > 0 {
		t.Name = rules[0][strings.LastIndex(rules[0], "/")+1:]
	}
	return work{timer: &t}, nil
}

// sqs reads Lambda's event of an SQS queue. Bodies are taken as they are: SQS encodes nothing.
func (f fields) sqs() (work, error) {
	var records []fields
	if json.Unmarshal(f["Records"], &records) != nil || len(records) == 0 {
		return work{}, &unreadable{"a list of Records without a record", takes}
	}
	w := work{partial: true}
	for _, r := range records {
		if !r.has("messageId", "body") {
			return work{}, &unreadable{
				"a list of Records with the keys " + r.names() + ", not those of SQS",
				"take the trigger it comes from (S3, SNS, …) away; " + takes,
			}
		}
		attributes := r.object("attributes")
		n, _ := strconv.Atoi(attributes.text("ApproximateReceiveCount"))
		arn := r.text("eventSourceARN") // arn:aws:sqs:<region>:<account>:<name>
		w.items = append(w.items, item{Message: Message{
			ID: r.text("messageId"), Body: []byte(r.text("body")), Deliveries: max(n, 0), Sent: attributes.time("SentTimestamp"),
			Queue: arn[strings.LastIndexByte(arn, ':')+1:], NotBefore: r.object("messageAttributes").object("NotBefore").time("stringValue"),
		}})
	}
	return w, nil
}
