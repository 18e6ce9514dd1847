package faas

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// work is what an event asks for: messages, or a timer's tick.
type work struct {
	items   []item
	timer   *Timer
	partial bool // the platform takes an answer that names the messages that failed
}

// item is one message of an event, or why it cannot be read. An unreadable
// one among others fails alone.
type item struct {
	Message
	err error
}

func messages(items ...item) (work, error) { return work{items: items}, nil }

// read makes out which event this is:
//
//   - one CloudEvent, or an array of them: what EventBridge delivers of an MNS
//     queue, event by event or as a stream (schema CloudEvents)
//   - the same with the CloudEvent's data alone (schema RawData)
//   - a notification of an MNS topic, format JSON, or STREAM with attributes
//   - a timer's event, or a schedule's on Lambda
//   - an SQS event
//   - a message's body as it is (a direct invocation, or a topic's format
//     STREAM), or an array of bodies. A body is told from a foreign event by
//     its key "v", a number: the version of its format
//
// Any of these may come as a JSON string or in base64, alone or in an array.
//
// Base64 is told from a body without a setting: our bodies are JSON objects,
// and "{" is not in base64's alphabet. So text that begins with "{" is taken
// as it is; other text is decoded if that gives something that begins with
// "{", and taken as it is if not. Space around it does not count.
func read(event []byte) (work, error) {
	event = bytes.TrimSpace(event)
	if !json.Valid(event) { // text: a topic's STREAM, perhaps in base64
		text := plain(string(event))
		switch {
		case len(event) == 0:
			return work{}, &unreadable{"empty", takes}
		case text[0] != '{' || !json.Valid(text):
			return work{}, &unreadable{fmt.Sprintf("%d bytes that are not JSON", len(event)), takes}
		}
		event = text
	}
	switch event[0] {
	case '[':
		return readArray(event)
	case '"':
		one := readElement(event)
		if one.err != nil {
			return work{}, one.err
		}
		return messages(one)
	case '{':
		return readObject(event)
	}
	return work{}, &unreadable{kindOf(event), takes}
}

func readArray(event []byte) (work, error) {
	var elements []json.RawMessage
	if err := json.Unmarshal(event, &elements); err != nil {
		return work{}, &unreadable{"JSON that cannot be read", err.Error()}
	}
	if len(elements) == 0 {
		return work{}, &unreadable{"an empty array", takes}
	}
	items := make([]item, len(elements))
	bad := 0
	for i, e := range elements {
		if items[i] = readElement(e); items[i].err != nil {
			bad++
		}
	}
	if bad == len(items) { // nothing to do: the shape of the first says best what is wrong
		return work{}, fmt.Errorf("%d elements of an array, none of them a message; of the first: %w", bad, items[0].err)
	}
	return messages(items...)
}

// readElement reads one message out of an array, or out of a JSON string.
func readElement(raw json.RawMessage) item {
	if raw[0] == '"' {
		var s string
		if err := json.Unmarshal(raw, &s); err != nil {
			return item{err: &unreadable{"a string that cannot be read", err.Error()}}
		}
		text := plain(s)
		if len(text) == 0 || text[0] != '{' || !json.Valid(text) {
			return item{err: &unreadable{fmt.Sprintf("a string of %d bytes that holds no JSON object", len(s)), takes}}
		}
		raw = text
	}
	if raw[0] != '{' {
		return item{err: &unreadable{kindOf(raw), takes}}
	}
	w, err := readObject(raw)
	switch {
	case err != nil:
		return item{err: err}
	case w.timer != nil || w.partial || len(w.items) != 1:
		return item{err: &unreadable{"a timer's or an SQS event inside another", takes}}
	}
	return w.items[0]
}

// fields are the keys of a JSON object, with their values as they came.
type fields map[string]json.RawMessage

func (f fields) has(keys ...string) bool {
	for _, k := range keys {
		if _, ok := f[k]; !ok {
			return false
		}
	}
	return true
}

// readObject tells one event from another by its keys.
func readObject(object []byte) (work, error) {
	var f fields
	if err := json.Unmarshal(object, &f); err != nil {
		return work{}, &unreadable{"JSON that cannot be read", err.Error()}
	}
	switch {
	case f.has("specversion", "data"):
		return single(f.cloudEvent())
	case f.has("Records"):
		return f.sqs()
	case f.has("triggerTime", "triggerName"):
		return f.timer(), nil
	case f.has("detail-type", "source"):
		return f.schedule()
	case f.has("TopicName", "Message"):
		return single(f.topic())
	case f.has("messageBody"):
		return single(f.raw())
	case f.has("body", "attrs"):
		return single(message("", f["body"]))
	case isNumber(f["v"]):
		return messages(item{Message: Message{Body: bytes.Clone(object)}})
	}
	return work{}, f.foreign()
}

func single(one item) (work, error) {
	if one.err != nil {
		return work{}, one.err
	}
	return messages(one)
}

// plain is text as it is, or out of base64: read says when. Space around it is cut off.
func plain(text string) []byte {
	text = strings.TrimSpace(text)
	if strings.HasPrefix(text, "{") {
		return []byte(text)
	}
	for _, code := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding} {
		if b, err := code.DecodeString(text); err == nil {
			if b = bytes.TrimSpace(b); len(b) > 0 && b[0] == '{' {
				return b
			}
		}
	}
	return []byte(text)
}

// content is a value as a message's body: of a string its text, of anything else its JSON.
func content(raw json.RawMessage) []byte {
	var s string
	if len(raw) > 0 && raw[0] == '"' && json.Unmarshal(raw, &s) == nil {
		return plain(s)
	}
	return bytes.Clone(raw)
}

const takes = "connect this function to a queue (on Function Compute an eventbridge trigger of an MNS queue, on Lambda an SQS event source), " +
	"an MNS topic or a timer, or invoke it with one message's body, a JSON object with its format's version in \"v\""

// foreign says which event was seen instead of one that is understood.
func (f fields) foreign() error {
	saw := "a JSON object with the keys " + f.names()
	switch {
	case len(f) == 0:
		return &unreadable{"a JSON object without keys", takes}
	case f.has("rawPath") || f.has("httpMethod") || f.has("requestContext"):
		return &unreadable{"an HTTP request, " + saw, "this function serves no HTTP: take its HTTP trigger or URL away; " + takes}
	case f.has("events"):
		return &unreadable{"an OSS or CDN trigger's event, " + saw, "take that trigger away; " + takes}
	}
	return &unreadable{saw, takes}
}

// names lists the keys in order, clipped: a foreign object may have any number.
func (f fields) names() string {
	const most, longest = 20, 40
	var names []string
	for k := range f {
		names = append(names, k)
	}
	slices.Sort(names)
	more := ""
	if len(names) > most {
		names, more = names[:most], fmt.Sprintf(" and %d more", len(names)-most)
	}
	for i, k := range names {
		if len(k) > longest {
			k = strings.ToValidUTF8(k[:longest], "") + "…"
		}
		names[i] = fmt.Sprintf("%q", k)
	}
	return strings.Join(names, ", ") + more
}

func kindOf(raw []byte) string {
	switch raw[0] {
	case 'n':
		return "null"
	case 't', 'f':
		return "true or false"
	case '[':
		return "an array inside an array"
	}
	return "a number"
}

func isNumber(raw json.RawMessage) bool {
	return len(raw) > 0 && (raw[0] == '-' || raw[0] >= '0' && raw[0] <= '9')
}
