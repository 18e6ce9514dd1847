package mns

import (
	"encoding/xml"
	"net/http"
	"strconv"
	"strings"
	"time"

	"kodoferry/shared/emulator/pile"
)

// space is the namespace of every answer.
const space = "http://mns.aliyuncs.com/doc/v1/"

// queueXML is a queue's attributes, asked for or told. Pointers tell what was
// not said from 0.
type queueXML struct {
	XMLName    xml.Name   `xml:"Queue"`
	Space      string     `xml:"xmlns,attr,omitempty"`
	Name       string     `xml:"QueueName,omitempty"`
	URL        string     `xml:"QueueURL,omitempty"`
	Created    int64      `xml:"CreateTime,omitempty"`     // s
	Modified   int64      `xml:"LastModifyTime,omitempty"` // s
	Delay      *int64     `xml:"DelaySeconds"`
	MaxSize    *int64     `xml:"MaximumMessageSize"`
	Retention  *int64     `xml:"MessageRetentionPeriod"` // s
	Visibility *int64     `xml:"VisibilityTimeout"`      // s
	Poll       *int64     `xml:"PollingWaitSeconds"`
	Active     *int64     `xml:"ActiveMessages"`
	Inactive   *int64     `xml:"InactiveMessages"`
	Delayed    *int64     `xml:"DelayMessages"`
	Logging    string     `xml:"LoggingEnabled,omitempty"` // True or False
	DeadLetter *policyXML `xml:"DlqPolicy"`
	Other      []element  `xml:",any"`
}

// element is one that nothing here reads, such as QueueType of a fifo queue, or
// UserProperties of a message.
type element struct{ XMLName xml.Name }

// unread refuses elements that nothing here reads: they might make another queue, or
// another message, of it.
func unread(others []element) *refusal {
	if len(others) == 0 {
		return nil
	}
	return refuse(http.StatusNotImplemented, "NotImplemented", "This stand-in does not implement "+others[0].XMLName.Local+".")
}

// policyXML is the native dead-letter policy, by the names of the OpenAPI
// (terraform-provider-alicloud, message_service_queue). Whether the XML protocol
// tells of it, too, is not documented.
type policyXML struct {
	Enabled    bool   `xml:"Enabled"`
	Target     string `xml:"DeadLetterTargetQueue,omitempty"`
	MaxReceive int    `xml:"MaxReceiveCount,omitempty"`
}

// into changes a by what was said, and refuses what is out of the service's ranges.
func (x queueXML) into(a Attributes) (Attributes, error) {
	for _, f := range []struct {
		name        string
		said        *int64
		least, most int64
		set         func(int64)
	}{
		{"DelaySeconds", x.Delay, 0, 604_800, func(n int64) { a.Delay = time.Duration(n) * time.Second }},
		{"MaximumMessageSize", x.MaxSize, 1024, 65536, func(n int64) { a.MaxSize = int(n) }},
		{"MessageRetentionPeriod", x.Retention, 60, 1_296_000, func(n int64) { a.Retention = time.Duration(n) * time.Second }},
		{"VisibilityTimeout", x.Visibility, 1, 43_200, func(n int64) { a.Visibility = time.Duration(n) * time.Second }},
		{"PollingWaitSeconds", x.Poll, 0, 30, func(n int64) { a.Poll = time.Duration(n) * time.Second }},
	} {
		switch {
		case f.said == nil:
		case *f.said < f.least || *f.said > f.most:
			return a, badArgument(f.name)
		default:
			f.set(*f.said)
		}
	}
	switch strings.ToLower(x.Logging) {
	case "":
	case "true", "false":
		a.Logging = strings.EqualFold(x.Logging, "true")
	default:
		return a, badArgument("LoggingEnabled")
	}
	if p := x.DeadLetter; p != nil {
		a.DeadLetter, a.MaxReceive = "", 0
		if p.Enabled {
			a.DeadLetter, a.MaxReceive = p.Target, p.MaxReceive
		}
	}
	return a, nil
}

// describe is what the service tells of q.
func (s *Server) describe(q *pile.Queue) queueXML {
	d := q.Depth()
	a, modified := q.Attributes()
	n := func(v int64) *int64 { return &v }
	seconds := func(v time.Duration) *int64 { return n(int64(v / time.Second)) }
	x := queueXML{
		Space: space, Name: q.Name(), URL: s.Endpoint() + "/queues/" + q.Name(), Created: q.Created().Unix(), Modified: modified.Unix(),
		Delay: seconds(a.Delay), MaxSize: n(int64(a.MaxSize)), Retention: seconds(a.Retention),
		Visibility: seconds(a.Visibility), Poll: seconds(a.Poll), Logging: "False",
		Active: n(int64(d.Ready)), Inactive: n(int64(d.InFlight)), Delayed: n(int64(d.Delayed)),
	}
	if a.Logging {
		x.Logging = "True"
	}
	if s.cfg.ZeroCounts {
		x.Active, x.Inactive, x.Delayed = n(0), n(0), n(0)
	}
	if a.DeadLetter != "" {
		x.DeadLetter = &policyXML{Enabled: true, Target: a.DeadLetter, MaxReceive: a.MaxReceive}
	}
	return x
}

// sendXML is a message to send.
type sendXML struct {
	Body     string `xml:"MessageBody"`
	Delay    *int64 `xml:"DelaySeconds"`
	Priority *int64 `xml:"Priority"`

	Other []element `xml:",any"`
}

// messageXML is a message as any answer tells of it.
type messageXML struct {
	XMLName      xml.Name `xml:"Message"`
	Space        string   `xml:"xmlns,attr,omitempty"`
	ErrorCode    string   `xml:"ErrorCode,omitempty"`
	ErrorMessage string   `xml:"ErrorMessage,omitempty"`
	ID           string   `xml:"MessageId,omitempty"`
	Receipt      string   `xml:"ReceiptHandle,omitempty"`
	Body         string   `xml:"MessageBody,omitempty"`
	Sum          string   `xml:"MessageBodyMD5,omitempty"`
	Sent         int64    `xml:"EnqueueTime,omitempty"`      // ms
	Visible      int64    `xml:"NextVisibleTime,omitempty"`  // ms
	First        int64    `xml:"FirstDequeueTime,omitempty"` // ms
	Dequeues     int      `xml:"DequeueCount,omitempty"`
	Priority     int      `xml:"Priority,omitempty"`
}

type messagesXML struct {
	XMLName  xml.Name     `xml:"Messages"`
	Space    string       `xml:"xmlns,attr"`
	Messages []messageXML `xml:"Message"`
}

// received is how a receive tells of m; a peek leaves out what only its owner has.
func received(m pile.Message, peek bool) messageXML {
	x := messageXML{
		ID: m.ID, Body: m.Body, Sum: m.Sum, Sent: m.Sent.UnixMilli(), Dequeues: m.Dequeues, Priority: m.Priority,
	}
	if !m.First.IsZero() {
		x.First = m.First.UnixMilli()
	}
	if !peek {
		x.Receipt, x.Visible = m.Receipt, m.Visible.UnixMilli()
	}
	return x
}

type receiptsXML struct {
	XMLName  xml.Name `xml:"ReceiptHandles"`
	Receipts []string `xml:"ReceiptHandle"`
}

type failuresXML struct {
	XMLName xml.Name     `xml:"Errors"`
	Space   string       `xml:"xmlns,attr"`
	Errors  []failureXML `xml:"Error"`
}

type failureXML struct {
	Code    string `xml:"ErrorCode"`
	Message string `xml:"ErrorMessage"`
	Receipt string `xml:"ReceiptHandle"`
}

type visibilityXML struct {
	XMLName xml.Name `xml:"ChangeVisibility"`
	Space   string   `xml:"xmlns,attr"`
	Receipt string   `xml:"ReceiptHandle"`
	Visible int64    `xml:"NextVisibleTime"` // ms
}

type queuesXML struct {
	XMLName xml.Name   `xml:"Queues"`
	Space   string     `xml:"xmlns,attr"`
	Queues  []queueXML `xml:"Queue"`
	Next    string     `xml:"NextMarker,omitempty"`
}

const requestID = "X-Mns-Request-Id"

// answer writes body as XML; nil writes none.
func (s *Server) answer(w http.ResponseWriter, status int, body any) {
	h := w.Header()
	h.Set("Server", "AliyunMNS")
	h.Set("X-Mns-Version", version)
	if body == nil {
		w.WriteHeader(status)
		return
	}
	text, err := xml.Marshal(body)
	if err != nil {
		status, text = http.StatusInternalServerError, nil
	}
	text = append([]byte(xml.Header), text...)
	h.Set("Content-Type", "text/xml;charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(status)
	_, _ = w.Write(text) // a client that went away misses the answer
}
