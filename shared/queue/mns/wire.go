package mns

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	sdk "github.com/aliyun/aliyun-mns-go-sdk"
	"github.com/valyala/fasthttp"

	"kodoferry/shared/fault"
)

const (
	maxAnswer  = 4 << 20          // bytes: 16 messages of 64 KiB, escaped
	answerTime = 20 * time.Second // beyond what a long poll waits
)

func newTransport() *http.Transport {
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
	return &http.Transport{
		Proxy: http.ProxyFromEnvironment, DialContext: dialer.DialContext,
		TLSHandshakeTimeout: 10 * time.Second, MaxIdleConnsPerHost: 64, IdleConnTimeout: 45 * time.Second,
	}
}

// client is the SDK's client with a request of our own: its own, over
// fasthttp, knows no context, keeps the keys it was made with, and leaves a
// goroutine behind for each client.
type client struct {
	sdk.MNSClient
	*Queue
	ctx context.Context
}

// call returns the SDK's queue for one request under ctx.
func (q *Queue) call(ctx context.Context) sdk.AliMNSQueue {
	const unlimited = 1 << 30 // requests/s: the SDK's own limiter sleeps through a context
	return sdk.NewMNSQueue(q.name, q.client(ctx), unlimited)
}

func (q *Queue) client(ctx context.Context) *client {
	return &client{MNSClient: sdk.NewAliMNSClientWithConfig(sdk.AliMNSClientConfig{EndPoint: q.sdk}), Queue: q, ctx: ctx}
}

// Send signs and does one request. A refusal is a *fault.Error that holds a
// *refusal; only the answer of a batch that failed in part goes through to the SDK.
func (c *client) Send(method sdk.Method, headers map[string]string, message any, resource string) (*fasthttp.Response, error) {
	var body []byte
	if message != nil {
		var err error
		if body, err = xml.Marshal(message); err != nil {
			return nil, fault.New(fault.Invalid, "mns."+string(method), c.name, err)
		}
	}
	req, err := c.request(method, headers, body, resource)
	if err != nil {
		return nil, fault.New(fault.Invalid, "mns."+string(method), c.name, err)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, c.trouble(method, err)
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, c.trouble(method, err)
	}
	if resp.StatusCode >= 300 && !isBatch(answer) {
		return nil, c.refused(method, resp.StatusCode, answer)
	}
	out := fasthttp.AcquireResponse()
	out.SetStatusCode(resp.StatusCode)
	out.SetBodyRaw(answer)
	return out, nil
}

// request signs as the SDK does, with the keys of this moment.
func (c *client) request(method sdk.Method, headers map[string]string, body []byte, resource string) (*http.Request, error) {
	keys := c.keys()
	sum := md5.Sum(body)
	if headers == nil {
		headers = map[string]string{}
	}
	headers[sdk.MQ_VERSION] = "2015-06-06"
	headers[sdk.CONTENT_TYPE] = "application/xml"
	headers[sdk.CONTENT_MD5] = base64.StdEncoding.EncodeToString([]byte(hex.EncodeToString(sum[:])))
	headers[sdk.DATE] = time.Now().UTC().Format(http.TimeFormat)
	if keys.SecurityToken != "" {
		headers[sdk.SECURITY_TOKEN] = keys.SecurityToken
	}
	signature, err := sdk.NewAliMNSCredential(keys.AccessKeySecret, keys.SecurityToken).Signature(method, headers, "/"+resource)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(c.ctx, string(method), c.base+"/"+resource, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	for name, value := range headers {
		req.Header.Set(name, value)
	}
	req.Header.Set(sdk.AUTHORIZATION, "MNS "+keys.AccessKeyID+":"+signature)
	return req, nil
}

// isBatch reports whether an answer tells of each message of a batch.
func isBatch(answer []byte) bool {
	var root struct{ XMLName xml.Name }
	return xml.Unmarshal(answer, &root) == nil && (root.XMLName.Local == "Messages" || root.XMLName.Local == "Errors")
}

// trouble is a request that got no answer. Whether it was done is unknown.
func (c *client) trouble(method sdk.Method, err error) error {
	if c.ctx.Err() != nil {
		err = context.Cause(c.ctx)
	}
	return fault.New(fault.Temporary, "mns."+string(method), c.name, err)
}

// refusal is an error that MNS answers with.
type refusal struct {
	XMLName   xml.Name `xml:"Error"`
	Status    int      `xml:"-"`
	Code      string   `xml:"Code"`
	Message   string   `xml:"Message"`
	RequestID string   `xml:"RequestId"`
}

func (r *refusal) Error() string {
	return strings.TrimSpace(fmt.Sprintf("status %d %s: %s (request %s)", r.Status, r.Code, r.Message, r.RequestID))
}

func (c *client) refused(method sdk.Method, status int, answer []byte) error {
	r := &refusal{}
	if err := xml.Unmarshal(answer, r); err != nil {
		r = &refusal{Code: "unreadable", Message: "the answer is not MNS's"}
	}
	r.Status = status
	return c.fault("mns."+string(method), r)
}

// qpsWait is how long a throttled request waits: the limit is per second.
const qpsWait = time.Second

// fault gives a refusal its kind (MNS documentation, "Error codes").
func (c *client) fault(op string, r *refusal) error {
	switch r.Code {
	case "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "MissingAuthorizationHeader", "InvalidAuthorizationHeader":
		return fault.New(fault.Denied, op, c.name, r)
	case "QueueNotExist", "MessageNotExist", "ReceiptHandleError", "InvalidReceiptHandle":
		return fault.New(fault.NotFound, op, c.name, r)
	case "QPSLimitExceeded", "QpsLimitExceeded":
		return fault.Throttle(op, c.name, qpsWait, r)
	case "TimeExpired", "InvalidDateHeader", "InternalError", "InternalServerError", "ServiceUnavailable":
		return fault.New(fault.Temporary, op, c.name, r)
	}
	switch {
	case r.Status == http.StatusTooManyRequests:
		return fault.Throttle(op, c.name, qpsWait, r)
	case r.Status >= 500:
		return fault.New(fault.Temporary, op, c.name, r)
	case r.Status == http.StatusForbidden || r.Status == http.StatusUnauthorized:
		return fault.New(fault.Denied, op, c.name, r)
	}
	return fault.New(fault.Invalid, op, c.name, r)
}

// own returns err as a fault of op: the SDK's own errors, such as an answer
// that cannot be decoded, are Temporary.
func (q *Queue) own(op string, err error) error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*fault.Error](err); ok {
		return &fault.Error{Kind: e.Kind, Op: op, Key: e.Key, Wait: e.Wait, Err: e.Err}
	}
	return fault.New(fault.Temporary, op, q.name, err)
}
