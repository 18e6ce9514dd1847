package sqs

import (
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"kodoferry/shared/emulator/chaos"
	"kodoferry/shared/emulator/pile"
)

const (
	contentType = "application/x-amz-json-1.0"
	target      = "AmazonSQS."
	maxRequest  = 8 << 20 // bytes of a request that are read at all
	requestID   = "X-Amzn-Requestid"
)

func itoa(n int) string { return strconv.Itoa(n) }

// SQS developer guide, "Quotas": names.
var queueName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,80}$`)

func checkName(name string) error {
	if !queueName.MatchString(name) {
		return badValue("QueueName", "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length. FIFO queues are not served here.")
	}
	return nil
}

// call is one request.
type call struct {
	s    *Server
	w    http.ResponseWriter
	r    *http.Request
	body []byte
}

// operation is what the service can do: its short name for faults and counts,
// and who does it.
type operation struct {
	short string
	do    func(*call) error
}

var operations = map[string]operation{
	"CreateQueue":                  {"create", (*call).createQueue},
	"GetQueueUrl":                  {"url", (*call).queueURL},
	"GetQueueAttributes":           {"attributes", (*call).attributes},
	"SetQueueAttributes":           {"set-attributes", (*call).setAttributes},
	"DeleteQueue":                  {"delete-queue", (*call).deleteQueue},
	"PurgeQueue":                   {"purge", (*call).purge},
	"ListQueues":                   {"list", (*call).listQueues},
	"SendMessage":                  {"send", (*call).send},
	"SendMessageBatch":             {"send", (*call).sendBatch},
	"ReceiveMessage":               {"receive", (*call).receive},
	"DeleteMessage":                {"delete", (*call).delete},
	"DeleteMessageBatch":           {"delete", (*call).deleteBatch},
	"ChangeMessageVisibility":      {"visibility", (*call).visibility},
	"ChangeMessageVisibilityBatch": {"visibility", (*call).visibilityBatch},
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set(requestID, s.queues.ID())
	name, ours := strings.CutPrefix(r.Header.Get("X-Amz-Target"), target)
	op, known := operations[name]
	if !known || !ours {
		op = operation{"unknown", func(*call) error { return errUnknown }}
	}
	body, broken := io.ReadAll(io.LimitReader(r.Body, maxRequest))
	c := &call{s: s, r: r, body: body}
	s.desk.Serve(w, r, chaos.Request{Op: op.short, Key: c.queueName()}, func(w http.ResponseWriter, r *http.Request) {
		c.w, c.r = w, r
		w.Header().Set("Date", s.cfg.SignedBy().UTC().Format(http.TimeFormat))
		err := broken
		if err == nil {
			err = s.verify(r, body)
		}
		if err == nil && (r.Method != http.MethodPost || r.Header.Get("Content-Type") != contentType) {
			err = errUnknown
		}
		if err == nil {
			err = op.do(c)
		}
		if err != nil {
			s.fail(w, err)
		}
	}, nil)
}

// queueName is that of the queue a request is about, "" where it tells none.
func (c *call) queueName() string {
	var in struct{ QueueUrl, QueueName string }
	_ = json.Unmarshal(c.body, &in) // its operation refuses what cannot be read
	if in.QueueName != "" {
		return in.QueueName
	}
	return in.QueueUrl[strings.LastIndexByte(in.QueueUrl, '/')+1:]
}

// read decodes the request and finds its queue.
func (c *call) read(in any) (*pile.Queue, error) {
	if err := json.Unmarshal(c.body, in); err != nil {
		return nil, errMalformed
	}
	var at struct{ QueueUrl *string }
	_ = json.Unmarshal(c.body, &at) // it was read just now
	if at.QueueUrl == nil {
		return nil, missing("QueueUrl")
	}
	path := strings.Split(strings.TrimSuffix(*at.QueueUrl, "/"), "/")
	if len(path) < 2 || path[len(path)-2] != c.s.cfg.Account {
		return nil, errNoQueue
	}
	return c.s.Queue(path[len(path)-1])
}

func (c *call) ok(out any) error {
	c.s.answer(c.w, http.StatusOK, out)
	return nil
}

// done is an answer without content.
func (c *call) done() error {
	c.w.Header().Set("Content-Length", "0")
	c.w.WriteHeader(http.StatusOK)
	return nil
}

func (s *Server) url(name string) string { return s.Endpoint() + "/" + s.cfg.Account + "/" + name }
