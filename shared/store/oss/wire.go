package oss

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	sdk "github.com/aliyun/aliyun-oss-go-sdk/oss"

	"kodoferry/shared/fault"
	"kodoferry/shared/store"
	"kodoferry/shared/transport"
)

const (
	answerTime  = 90 * time.Second // these three as of store.NewTransport; completing 10,000 parts may take long
	silenceTime = 2 * time.Minute
	idleTime    = 45 * time.Second // OSS closes a connection that is silent for a minute

	maxErrorBody = 1 << 20 // bytes of an error answer that are read
)

// newTransport returns a transport of the driver's own, whose connections hold 20 KiB of
// buffers each: 16 KiB take a small object with its head to the service in one system
// call, and what PUTs are answered with fits 4 KiB. Documents and bodies are read past
// the buffer. What bodies take is lender's, a stream's 128 KiB.
func newTransport(least int64) *http.Transport {
	rate := store.AtLeast(least)
	rate.Window = answerTime // a head may come before what it is about is done
	t := store.NewTransport(answerTime, silenceTime, idleTime, rate)
	t.ReadBufferSize, t.WriteBufferSize = 4<<10, 16<<10
	return t
}

var errNoKeys = errors.New("no credentials: the access key id or its secret is empty")

// answer is what came back of a request, as far as it came.
type answer struct {
	status int
	header http.Header
	body   io.ReadCloser // nil after an error
	took   time.Duration // from its head to the end of its document
}

func (a *answer) get(name string) string { return a.header.Get(name) }

// at is when OSS was done, by its own clock: the head of an answer may come before what
// it is about is done, its document does not. Zero where the answer tells no time.
func (a *answer) at() time.Time {
	head, err := store.ParseTime(a.get("Date"))
	if err != nil || !store.Dated(head) {
		return time.Time{}
	}
	return head.Add(a.took.Truncate(time.Second)).UTC()
}

// close makes the connection free for the next request.
func (a *answer) close() {
	if a.body != nil && a.body != http.NoBody {
		_, _ = io.CopyN(io.Discard, a.body, maxErrorBody)
		_ = a.body.Close()
	}
}

// maxDocument is the most bytes of a document that is no error: 1,000 keys of
// 1,023 bytes, each byte encoded by three, take 4 MB.
const maxDocument = 32 << 20

// document reads the answer's document. More than 32 MiB are Invalid.
func (a *answer) document(op, key string) ([]byte, error) {
	raw, err := store.ReadDocument(a.header, a.body, maxDocument)
	switch kind := fault.KindOf(err); {
	case err == nil:
		return raw, nil
	case errors.Is(err, store.ErrTooLong):
		return nil, fault.New(fault.Invalid, op, key, err)
	case kind == fault.Unknown: // it was packed, and does not unpack
		return nil, fault.New(fault.Temporary, op, key, err)
	default:
		return nil, fault.New(kind, op, key, err)
	}
}

// redirect is an answer that sends elsewhere: the endpoint is not the bucket's.
type redirect struct {
	status int
	host   string
}

func (e *redirect) Error() string {
	return fmt.Sprintf("status %d sends to %q: that, not this, is the endpoint to use", e.status, e.host)
}

func hostOf(location string) string {
	_, rest, _ := strings.Cut(location, "://")
	host, _, _ := strings.Cut(rest, "/")
	return host
}

// request is one request to the bucket.
type request struct {
	op     string // for errors: "oss.Put"
	method string
	key    string
	params map[string]any // string values; nil where there is only a name
	header *headers       // or nil
	body   io.Reader      // nil, or a *io.LimitedReader: its N becomes the Content-Length
	md5    string         // of the body as the source lists it, lower-case hex, or ""
}

// send makes one request, once. An answer other than 2xx is an error; the
// caller closes any other.
func (b *Bucket) send(ctx context.Context, r request) (*answer, error) {
	a := &answer{}
	req, err := b.request(ctx, r)
	if err != nil {
		return a, b.classify(r.op, r.key, err, a)
	}
	resp, err := b.trip.RoundTrip(req)
	if err != nil {
		return a, b.classify(r.op, r.key, err, a)
	}
	a.status, a.header, a.body = resp.StatusCode, resp.Header, resp.Body
	if a.status/100 == 2 {
		return a, nil
	}
	err = refusedBy(resp)
	a.body = nil
	return a, b.classify(r.op, r.key, err, a)
}

// refusedBy reads what an answer that is no success says, and closes it.
func refusedBy(resp *http.Response) error {
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode/100 == 3 {
		return &redirect{resp.StatusCode, hostOf(resp.Header.Get("Location"))}
	}
	document, err := store.ReadDocument(resp.Header, resp.Body, maxErrorBody)
	if err != nil && !errors.Is(err, store.ErrTooLong) { // that is no document of OSS's
		return err
	}
	if len(document) == 0 { // that of a HEAD travels in a header
		document, _ = base64.StdEncoding.DecodeString(resp.Header.Get("x-oss-err"))
	}
	e := sdk.ServiceError{}
	if len(document) > 0 {
		if err := decode(document, &e); err != nil {
			return fmt.Errorf("status %d with a document that is not one of OSS's", resp.StatusCode)
		}
	}
	e.StatusCode, e.RequestID = resp.StatusCode, resp.Header.Get("x-oss-request-id")
	return e
}

// request makes the signed request that r describes.
func (b *Bucket) request(ctx context.Context, r request) (*http.Request, error) {
	c := b.credentials()
	if c.AccessKeyID == "" || c.AccessKeySecret == "" {
		return nil, errNoKeys
	}
	key := escapeKey(r.key)
	u := &url.URL{Scheme: b.scheme, Host: b.host, Path: b.path + r.key, RawQuery: queryOf(r.params)}
	if key != r.key || untidy(r.key) {
		// Slashes are sent escaped, so that no proxy tidies up a//b or a/../b.
		u.RawPath = b.path + strings.ReplaceAll(key, "/", "%2F")
	}
	if r.header == nil {
		r.header = newHeaders()
	}
	h := r.header.all
	h["User-Agent"] = agent
	b.sign(h, r.method, key, u.RawQuery, c, time.Now())
	req := (&http.Request{Method: r.method, URL: u, Host: u.Host, Header: h, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}).WithContext(ctx)
	switch body := r.body.(type) {
	case nil:
	case *io.LimitedReader:
		req.Body, req.ContentLength = io.NopCloser(body), body.N
	case *transport.Memory:
		req.Body, req.ContentLength = body, body.Len()
	case *bytes.Reader:
		req.Body, req.ContentLength = io.NopCloser(body), int64(body.Len())
	}
	return req, nil
}

var agent = []string{"kodoferry"}

// headers are those of one request, by names as http.CanonicalHeaderKey has
// them: that takes memory for every name that net/http does not know.
type headers struct {
	all    http.Header
	values []string // one piece of memory for all
}

const (
	headerClass  = "X-Oss-Storage-Class"
	headerCRC64  = "X-Oss-Hash-Crc64ecma"
	headerForbid = "X-Oss-Forbid-Overwrite"
)

// spares are headers of requests that were sent as a whole.
var spares = sync.Pool{New: func() any { return &headers{make(http.Header, 12), make([]string, 0, 8)} }}

// newHeaders returns room for as many as most requests have.
func newHeaders() *headers {
	h, _ := spares.Get().(*headers) // the pool holds nothing else
	return h
}

// back returns h to the pool: h must not be used after it.
func (h *headers) back() {
	clear(h.all)
	clear(h.values)
	h.values = h.values[:0]
	spares.Put(h)
}

func (h *headers) set(canonical, value string) {
	h.values = append(h.values, value)
	n := len(h.values)
	h.all[canonical] = h.values[n-1 : n : n]
}

func (h *headers) clone() *headers { return &headers{all: maps.Clone(h.all)} }

// untidy reports whether a path of key might be tidied up on the way.
func untidy(key string) bool {
	return strings.Contains(key, "//") || strings.Contains(key, "/.") || strings.HasPrefix(key, ".")
}

// escapeKey encodes a key for a path, as V4 has it: all but letters, digits,
// -_.~ and slashes.
func escapeKey(key string) string {
	plain := true
	for i := range len(key) {
		if !unescaped(key[i]) {
			plain = false
			break
		}
	}
	if plain {
		return key
	}
	const hex = "0123456789ABCDEF"
	out := make([]byte, 0, len(key)+len(key)/2)
	for i := range len(key) {
		if c := key[i]; unescaped(c) {
			out = append(out, c)
		} else {
			out = append(out, '%', hex[c>>4], hex[c&15])
		}
	}
	return string(out)
}

func unescaped(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_' || c == '.' || c == '~' || c == '/'
}

// queryOf encodes parameters, in order of their names.
func queryOf(params map[string]any) string {
	if len(params) == 0 {
		return ""
	}
	var out strings.Builder
	for i, name := range slices.Sorted(maps.Keys(params)) {
		if i > 0 {
			out.WriteByte('&')
		}
		out.WriteString(url.QueryEscape(name))
		if v, _ := params[name].(string); v != "" {
			out.WriteString("=" + strings.ReplaceAll(url.QueryEscape(v), "+", "%20"))
		}
	}
	return out.String()
}
