package faas

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

const (
	first  = `{"v":1,"kind":"copy","run":"photos/20240229T120000Z"}`
	second = `{"v":1,"kind":"list","run":"photos/20240229T120000Z"}`
)

// event reads a real event: names, nesting and types are those of the
// services' own examples, bodies and ids are ours.
func event(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "events", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

var (
	queued    = time.Date(2021, 4, 8, 6, 28, 17, 93e6, time.UTC)
	published = time.Date(2022, 7, 19, 12, 59, 18, 94e6, time.UTC)
	sqsSent   = time.UnixMilli(1520621625029)
	id1, id2  = "C6DB60D1574661357FA2272774450001", "C6DB60D1574661357FA2272774450002"
)

func TestEveryEventOfOursGivesItsMessages(t *testing.T) {
	one := func(id string, sent time.Time) []Message { return []Message{{ID: id, Body: []byte(first), Sent: sent}} }
	two := func(id1, id2 string, sent time.Time) []Message {
		return append(one(id1, sent), Message{ID: id2, Body: []byte(second), Sent: sent})
	}
	for file, want := range map[string][]Message{
		"mns_queue.json":               one(id1, queued),
		"mns_queue_base64.json":        one(id1, queued),
		"mns_queue_body_object.json":   one(id1, queued),
		"mns_queue_data_text.json":     one(id1, queued),
		"mns_queue_data_is_body.json":  one("c2g71017-6f65-fhcf-a814-a396fc8d0001", queued),
		"mns_queue_foreign_text.json":  {{ID: id1, Body: []byte("TEST"), Sent: queued}},
		"mns_queue_batch.json":         two(id1, id2, queued),
		"mns_queue_batch_strings.json": two(id1, id2, queued),
		"mns_queue_raw.json":           one(id1, time.Time{}),
		"mns_queue_raw_batch.json":     two(id1, id2, time.Time{}),
		"mns_queue_raw_bodies.json":    two("", "", time.Time{}),
		"mns_topic.json":               one("3405CA51807661353B30000000000001", published),
		"mns_topic_attributes.json":    one("3405CA51807661353B30000000000001", published),
		"mns_topic_stream.json":        one("", time.Time{}),
		"mns_topic_stream.txt":         one("", time.Time{}),
		"body.json":                    one("", time.Time{}),
		"bodies.json":                  two("", "", time.Time{}),
		"body_string.json":             one("", time.Time{}),
		"sqs.json": {
			{ID: "MessageID_1", Body: []byte(first), Deliveries: 2, Sent: sqsSent},
			{ID: "MessageID_2", Body: []byte("Message Body"), Deliveries: 1, Sent: sqsSent, NotBefore: sqsSent.Add(20 * time.Minute)},
		},
	} {
		t.Run(file, func(t *testing.T) {
			w, err := read(event(t, file))
			if err != nil {
				t.Fatalf("read = %v, want no error", err)
			}
			if len(w.items) != len(want) || w.timer != nil || w.partial != (file == "sqs.json") {
				t.Fatalf("read = %+v, want %d messages", w, len(want))
			}
			for i, m := range want {
				got := w.items[i]
				if got.err != nil || got.ID != m.ID || compact(got.Body) != string(m.Body) || got.Deliveries != m.Deliveries || !got.Sent.Equal(m.Sent) || !got.NotBefore.Equal(m.NotBefore) {
					t.Errorf("message %d = {%s %s %d %v %v} %v, want {%s %s %d %v %v}", i, got.ID, got.Body, got.Deliveries, got.Sent, got.NotBefore, got.err, m.ID, m.Body, m.Deliveries, m.Sent, m.NotBefore)
				}
			}
		})
	}
}

// compact takes the space out of a body that a test file holds as an object.
func compact(body []byte) string {
	var b bytes.Buffer
	if json.Compact(&b, body) != nil {
		return string(body)
	}
	return b.String()
}

func TestATimersEventGivesItsTick(t *testing.T) {
	for file, want := range map[string]Timer{
		"timer.json":    {Name: "TestTimer", Payload: "TestPayload", Time: time.Date(2022, 7, 29, 10, 2, 58, 0, time.UTC)},
		"schedule.json": {Name: "my-scheduled-rule", Time: time.Date(2015, 10, 8, 16, 53, 6, 0, time.UTC)},
	} {
		w, err := read(event(t, file))
		if err != nil || w.timer == nil || len(w.items) != 0 {
			t.Errorf("%s: read = %+v, %v, want a timer", file, w, err)
			continue
		}
		if *w.timer != want {
			t.Errorf("%s: timer = %+v, want %+v", file, *w.timer, want)
		}
	}
}

func TestAForeignEventIsNamedByItsKeysAndNeverByItsValues(t *testing.T) {
	for file, saw := range map[string]string{
		"foreign_oss.json":         `OSS or CDN trigger's event, a JSON object with the keys "events"`,
		"foreign_http.json":        `an HTTP request, a JSON object with the keys "body", "headers", "isBase64Encoded"`,
		"foreign_s3.json":          `a list of Records with the keys "awsRegion", "eventName"`,
		"foreign_sns.json":         `a list of Records with the keys "EventSource"`,
		"foreign_kafka.json":       `a CloudEvent that holds no message of an MNS queue (its data has the keys "offset", "partition", "timestamp", "topic", "value")`,
		"foreign_eventbridge.json": `an event of EventBridge other than a schedule's`,
		"foreign_object.json":      `a JSON object with the keys "action", "name"`,
		"foreign_text.txt":         `21 bytes that are not JSON`,
	} {
		t.Run(file, func(t *testing.T) { wantUnreadable(t, event(t, file), saw) })
	}
	for in, saw := range map[string]string{
		"":                                 "empty",
		" \n":                              "empty",
		"null":                             "null",
		"true":                             "true or false",
		"12":                               "a number",
		"[]":                               "an empty array",
		"{}":                               "without keys",
		`{"v":1`:                           "6 bytes that are not JSON",
		`"secret"`:                         "a string of 6 bytes that holds no JSON object",
		`""`:                               "a string of 0 bytes",
		`[null,1]`:                         "2 elements of an array, none of them a message; of the first: the event is null",
		`[[{"v":1}]]`:                      "an array inside an array",
		`{"Records":[]}`:                   "Records without a record",
		`{"Records":"x"}`:                  "Records without a record",
		`{"v":"1"}`:                        `keys "v"`,
		`{"messageBody":""}`:               "without a body",
		`{"TopicName":"t","Message":null}`: "without a body",
		`{"body":"","attrs":{}}`:           "without a body",
		`{"specversion":"1.0","data":""}`:  "without a body",
		`[{"Records":[{}]}]`:               "a list of Records with the keys",
		"{\"\xff\xfe\":\"x\"":              "bytes that are not JSON",
		`[{"triggerTime":"2022-07-29T10:02:58Z","triggerName":"a"}]`: "a timer's or an SQS event inside another",
	} {
		t.Run(in, func(t *testing.T) { wantUnreadable(t, []byte(in), saw) })
	}
}

func wantUnreadable(t *testing.T, in []byte, saw string) {
	t.Helper()
	w, err := read(in)
	if err == nil {
		t.Fatalf("read = %+v, want an error", w)
	}
	if !strings.Contains(err.Error(), saw) {
		t.Errorf("error = %q, want it to name %q", err, saw)
	}
	if strings.Contains(err.Error(), "secret") {
		t.Errorf("error = %q, want no value of the event in it", err)
	}
}

func TestBase64IsToldFromABodyWithoutASetting(t *testing.T) {
	std, raw := base64.StdEncoding.EncodeToString, base64.RawStdEncoding.EncodeToString
	for name, tc := range map[string]struct{ in, want string }{
		"a body":                              {`{"v":1}`, `{"v":1}`},
		"a body with space around it":         {" {\"v\":1}\n", `{"v":1}`},
		"base64 of a body":                    {std([]byte(`{"v":1}`)), `{"v":1}`},
		"base64 without padding":              {raw([]byte(`{"v":1}`)), `{"v":1}`},
		"base64 in lines":                     {"eyJ2\r\nIjoxfQ==\n", `{"v":1}`},
		"base64 of base64 is no body":         {std([]byte(std([]byte(`{"v":1}`)))), std([]byte(std([]byte(`{"v":1}`))))},
		"text that is base64 of no body":      {"TEST", "TEST"},
		"a body that is not JSON to its end":  {`{"v":1`, `{"v":1`},
		"a body that holds base64 of another": {`{"v":1,"x":"eyJ2IjoxfQ=="}`, `{"v":1,"x":"eyJ2IjoxfQ=="}`},
		"nothing":                             {"", ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := string(plain(tc.in)); got != tc.want {
				t.Errorf("plain = %q, want %q", got, tc.want)
			}
		})
	}
}

func TestAnUnreadableElementLeavesItsNeighbours(t *testing.T) {
	w, err := read([]byte(`[` + first + `,{"name":"x"},` + second + `]`))
	if err != nil || len(w.items) != 3 {
		t.Fatalf("read = %+v, %v, want 3 items", w, err)
	}
	if w.items[0].err != nil || w.items[1].err == nil || w.items[2].err != nil {
		t.Errorf("errors = %v, %v, %v, want one for the second alone", w.items[0].err, w.items[1].err, w.items[2].err)
	}
}

func TestAHugeForeignObjectHasAShortError(t *testing.T) {
	f := map[string]int{}
	for i := range 1000 {
		f[strings.Repeat("k", 35)+"中中"+string(rune('a'+i%26))+strings.Repeat("x", i)] = i
	}
	in, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	_, err = read(in)
	if err == nil || len(err.Error()) > 2000 || !strings.Contains(err.Error(), "and 980 more") || !utf8.ValidString(err.Error()) {
		t.Errorf("read = %v, want a short error that counts the other keys", err)
	}
}

func TestABodyIsACopy(t *testing.T) {
	in := []byte(first)
	w, err := read(in)
	if err != nil {
		t.Fatal(err)
	}
	copy(in, strings.Repeat("x", len(in))) // Lambda's SDK uses its buffer again
	if got := string(w.items[0].Body); got != first {
		t.Errorf("body = %s, want %s", got, first)
	}
}

func FuzzRead(f *testing.F) {
	files, err := filepath.Glob("testdata/events/*")
	if err != nil || len(files) == 0 {
		f.Fatalf("test events = %v, %v, want some", files, err)
	}
	for _, name := range files {
		f.Add(event(f, filepath.Base(name)))
	}
	for _, s := range []string{"", "null", "[]", "{}", `""`, `"{"`, `[[]]`, `{"Records":[{"messageId":1,"body":null}]}`, `{"specversion":1,"data":null}`, `{"v":-0,"v":"x"}`, "eyJ2IjoxfQ=="} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		w, err := read(bytes.Clone(in))
		switch {
		case err != nil:
			if !strings.Contains(err.Error(), "the event is ") || len(err.Error()) > 4000 || !utf8.ValidString(err.Error()) {
				t.Errorf("error = %q, want a short one that names the shape", err)
			}
		case w.timer != nil && len(w.items) == 0:
		case w.timer != nil || len(w.items) == 0:
			t.Errorf("read = %+v, want messages or a timer", w)
		}
		for _, i := range w.items {
			if i.err == nil && i.Body == nil {
				t.Errorf("message %q without a body and without an error", i.ID)
			}
			if i.Deliveries < 0 {
				t.Errorf("deliveries = %d, want 0 or more", i.Deliveries)
			}
		}
	})
}

func TestAMessageTellsItsQueue(t *testing.T) {
	for file, want := range map[string]string{"mns_queue.json": "zeus", "mns_queue_batch.json": "zeus", "sqs.json": "SQSQueue", "mns_queue_raw.json": "", "body.json": ""} {
		w, err := read(event(t, file))
		if err != nil || len(w.items) == 0 || w.items[0].Queue != want {
			t.Errorf("%s: the first of %+v (%v), want queue %q", file, w.items, err, want)
		}
	}
}

func TestAnEventInADeadLetterGivesItsMessage(t *testing.T) {
	inner := event(t, "mns_queue.json")
	for name, body := range map[string][]byte{"alone": inner, "in an array": []byte("[" + string(inner) + "]"), "not at all": []byte(first)} {
		t.Run(name, func(t *testing.T) {
			outer := map[string]any{
				"id": "dead-1", "specversion": "1.0", "type": "mns:Queue:SendMessage", "subject": "acs:mns:cn-hangzhou:123456789098:queues/ferry-dead",
				"data": map[string]string{"messageId": "dead-1", "messageBody": string(body)},
			}
			raw, err := json.Marshal(outer)
			if err != nil {
				t.Fatal(err)
			}
			w, err := read(raw)
			if err != nil || len(w.items) != 1 {
				t.Fatalf("read = %+v, %v, want one message", w, err)
			}
			if m := w.items[0]; compact(m.Body) != first || m.Queue != "ferry-dead" || m.ID != "dead-1" {
				t.Errorf("message = %s of %s, %q, want %s of ferry-dead", m.Body, m.Queue, m.ID, first)
			}
		})
	}
}
