package mns

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"kodoferry/shared/emulator/chaos"
	"kodoferry/shared/emulator/pile"
)

const (
	maxBatch   = 16
	maxRequest = 64 << 10 // bytes of bodies in one batch (MNS, BatchSendMessage)
	maxBody    = 8 << 20  // bytes of a request that are read at all
)

// MNS, "Limits": names.
var queueName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]*$`)

func checkName(name string) error {
	if len(name) < 1 || len(name) > 120 {
		return refuse(400, "QueueNameLengthError", "Queue name length should between 1 and 120.")
	}
	if !queueName.MatchString(name) {
		return refuse(400, "InvalidQueueName", "The queue name you provided is invalid. QueueName should start with an alpha or digit and contain only alpha, digit or -.")
	}
	return nil
}

// call is one request.
type call struct {
	s     *Server
	w     http.ResponseWriter
	r     *http.Request
	name  string // of the queue
	query url.Values
	body  []byte
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set(requestID, s.queues.ID()[:24])
	c := &call{s: s, w: w, r: r, query: url.Values{}}
	invalid := c.parse()
	op, work := c.route()
	s.desk.Serve(w, r, chaos.Request{Op: op, Key: c.name}, func(w http.ResponseWriter, r *http.Request) {
		c.w = w
		body, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
		if c.body = body; err == nil {
			err = s.verify(r, body)
		}
		if err == nil {
			err = invalid
		}
		if err == nil && work == nil {
			err = refuse(400, "InvalidRequestURL", "Http request URL invalid.")
		}
		if err == nil {
			err = c.permit(op)
		}
		if err == nil {
			err = work()
		}
		if err != nil {
			s.fail(w, err)
		}
	}, nil)
}

// Parameters of the protocol. The API reference writes some of them with a
// small initial letter where the SDKs write a capital: case does not matter.
const (
	metaOverride      = "metaoverride"
	numOfMessages     = "numofmessages"
	waitSeconds       = "waitseconds"
	peekOnly          = "peekonly"
	receiptHandle     = "receipthandle"
	visibilityTimeout = "visibilitytimeout"
)

// parse reads the parameters, and refuses those that no operation knows. A + is itself, not
// a blank: the page of DeleteMessage shows receipts of base64 as they are, and two clients
// send them so (npm: @alicloud/mns, ali-mns).
func (c *call) parse() error {
	for item := range strings.SplitSeq(c.r.URL.RawQuery, "&") {
		if item == "" {
			continue
		}
		before, after, _ := strings.Cut(item, "=")
		name, err := url.PathUnescape(before)
		value, err2 := url.PathUnescape(after)
		if err != nil || err2 != nil {
			return refuse(400, "InvalidQueryString", "Http request URL contains an invalid querystring.")
		}
		switch n := strings.ToLower(name); n {
		case metaOverride, peekOnly:
			if value = strings.ToLower(value); value != "true" && value != "false" {
				return badArgument(name)
			}
			c.query.Add(n, value)
		case numOfMessages, waitSeconds, receiptHandle, visibilityTimeout:
			c.query.Add(n, value)
		default:
			return refuse(400, "InvalidQueryString", fmt.Sprintf("Http request URL contains invalid querystring item %q.", name))
		}
	}
	return nil
}

// route finds the operation; work is nil where there is none.
func (c *call) route() (op string, work func() error) {
	path := strings.Split(strings.Trim(c.r.URL.Path, "/"), "/")
	if path[0] != "queues" || len(path) > 3 || len(path) == 3 && path[2] != "messages" {
		return "unknown", nil
	}
	if len(path) > 1 {
		c.name = path[1]
	}
	switch at := len(path); {
	case at == 1 && c.r.Method == "GET":
		return "list", c.listQueues
	case at == 2 && c.r.Method == "PUT" && c.query.Get(metaOverride) == "true":
		return "set-attributes", c.setAttributes
	case at == 2 && c.r.Method == "PUT":
		return "create", c.create
	case at == 2 && c.r.Method == "GET":
		return "attributes", c.attributes
	case at == 2 && c.r.Method == "DELETE":
		return "delete-queue", c.deleteQueue
	case at == 3 && c.r.Method == "POST":
		return "send", c.send
	case at == 3 && c.r.Method == "GET" && c.query.Get(peekOnly) == "true":
		return "peek", c.peek
	case at == 3 && c.r.Method == "GET":
		return "receive", c.receive
	case at == 3 && c.r.Method == "DELETE":
		return "delete", c.delete
	case at == 3 && c.r.Method == "PUT":
		return "visibility", c.visibility
	}
	return "unknown", nil
}

func (c *call) queue() (*pile.Queue, error) { return c.s.Queue(c.name) }

// number reads a parameter within its range; absent is what it is then.
func (c *call) number(name string, absent, least, most int64) (int64, error) {
	text := c.query.Get(name)
	if text == "" {
		return absent, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < least || n > most {
		return 0, badArgument(name)
	}
	return n, nil
}

func (c *call) create() error {
	var x queueXML
	if len(c.body) > 0 && xml.Unmarshal(c.body, &x) != nil {
		return errMalformed
	}
	if err := unread(x.Other); err != nil {
		return err
	}
	a, err := x.into(Attributes{}.WithDefaults(maxSize))
	if err := errors.Join(checkName(c.name), err); err != nil {
		return err
	}
	c.w.Header().Set("Location", c.s.Endpoint()+"/queues/"+c.name)
	have, err := c.queue()
	if err == nil {
		if set, _ := have.Attributes(); set != a.WithDefaults(maxSize) {
			return refuse(409, "QueueAlreadyExist", "The queue you want to create is already exist with other attributes.")
		}
		c.s.answer(c.w, http.StatusNoContent, nil)
		return nil
	}
	if err := c.s.CreateQueue(c.name, a); err != nil {
		return err
	}
	c.s.answer(c.w, http.StatusCreated, nil)
	return nil
}

func (c *call) setAttributes() error {
	q, err := c.queue()
	if err != nil {
		return err
	}
	var x queueXML
	if xml.Unmarshal(c.body, &x) != nil {
		return errMalformed
	}
	if err := unread(x.Other); err != nil {
		return err
	}
	a, _ := q.Attributes()
	if a, err = x.into(a); err != nil {
		return err
	}
	q.Set(a.WithDefaults(maxSize))
	c.s.answer(c.w, http.StatusNoContent, nil)
	return nil
}

func (c *call) attributes() error {
	q, err := c.queue()
	if err != nil {
		return err
	}
	c.s.answer(c.w, http.StatusOK, c.s.describe(q))
	return nil
}

// deleteQueue succeeds whether or not the queue is there (MNS, DeleteQueue).
func (c *call) deleteQueue() error {
	c.s.queues.Drop(c.name)
	c.s.answer(c.w, http.StatusNoContent, nil)
	return nil
}

func (c *call) listQueues() error {
	h := c.r.Header
	most := 1000
	if text := h.Get("X-Mns-Ret-Number"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > 1000 {
			return badArgument("x-mns-ret-number")
		}
		most = n
	}
	x := queuesXML{Space: space}
	for _, name := range c.s.queues.Queues() {
		if !strings.HasPrefix(name, h.Get("X-Mns-Prefix")) || name < h.Get("X-Mns-Marker") {
			continue
		}
		if len(x.Queues) == most {
			x.Next = name
			break
		}
		one := queueXML{URL: c.s.Endpoint() + "/queues/" + name}
		if h.Get("X-Mns-With-Meta") == "true" {
			q, ok := c.s.queues.Queue(name)
			if !ok {
				continue
			}
			one = c.s.describe(q)
			one.Space = ""
		}
		x.Queues = append(x.Queues, one)
	}
	c.s.answer(c.w, http.StatusOK, x)
	return nil
}

func (c *call) visibility() error {
	q, err := c.queue()
	if err != nil {
		return err
	}
	switch {
	case !c.query.Has(receiptHandle):
		return errNoReceipt
	case !c.query.Has(visibilityTimeout):
		return errNoTimeout
	}
	seconds, err := c.number(visibilityTimeout, 0, 1, 43_200)
	if err != nil {
		return err
	}
	m, err := extend(q, c.query.Get(receiptHandle), time.Duration(seconds)*time.Second)
	if err != nil {
		return err
	}
	c.s.answer(c.w, http.StatusOK, visibilityXML{Space: space, Receipt: m.Receipt, Visible: m.Visible.UnixMilli()})
	return nil
}
