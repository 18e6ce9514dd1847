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
	"net/http"
	"time"

	sdk "github.com/aliyun/aliyun-mns-go-sdk"
	"github.com/valyala/fasthttp"

	"kodoferry/shared/fault"
	"kodoferry/shared/queue/remote"
)

const maxAnswer = 8 << 20 // bytes: 16 messages of 64 KiB, escaped

var shared = remote.NewClient()

// client is the SDK's client with a way of its own for requests: the SDK's,
// over fasthttp, knows no context, keeps the keys it was made with, and leaves
// a goroutine behind for each client.
type client struct {
	sdk.MNSClient
	*Queue
	ctx context.Context
}

// call returns the SDK's queue for one request under ctx.
func (q *Queue) call(ctx context.Context) sdk.AliMNSQueue {
	const unlimited = 1 << 30 // requests/s: the SDK's own limiter sleeps through a context
	return sdk.NewMNSQueue(q.link.Name, q.client(ctx), unlimited)
}

func (q *Queue) client(ctx context.Context) *client { return &client{q.sdk, q, ctx} }

// Send signs and does one request. A refusal is a *fault.Error that holds a
// *remote.Refusal; only the answer of a batch that failed in part goes through to the SDK.
func (c *client) Send(method sdk.Method, headers map[string]string, message any, resource string) (*fasthttp.Response, error) {
	op := "mns." + string(method)
	var body []byte
	if message != nil {
		var err error
		if body, err = xml.Marshal(message); err != nil {
			return nil, fault.New(fault.Invalid, op, c.link.Name, err)
		}
	}
	req, err := c.request(method, headers, body, resource)
	if err != nil {
		return nil, err
	}
	resp, err := shared.Do(req)
	if err != nil {
		return nil, c.trouble(op, err)
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := remote.ReadAnswer(resp.Body, maxAnswer)
	if err != nil {
		return nil, c.trouble(op, err)
	}
	if resp.StatusCode >= 300 && !isBatch(answer) {
		return nil, c.refused(op, resp.StatusCode, answer)
	}
	if method == sdk.DELETE && resp.StatusCode != http.StatusNoContent && !isBatch(answer) {
		return nil, c.trouble(op, fmt.Errorf("status %d where MNS answers %d: what answers may not be MNS", resp.StatusCode, http.StatusNoContent))
	}
	out := fasthttp.AcquireResponse()
	out.SetStatusCode(resp.StatusCode)
	out.SetBodyRaw(answer)
	return out, nil
}

var errNoKeys = errors.New("no access key: set ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET, or give the function a role")

// request signs as the SDK does, with the keys of this moment.
func (c *client) request(method sdk.Method, headers map[string]string, body []byte, resource string) (*http.Request, error) {
	op, keys := "mns."+string(method), c.keys()
	if keys.AccessKeyID == "" || keys.AccessKeySecret == "" {
		return nil, fault.New(fault.Denied, op, c.link.Name, errNoKeys)
	}
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
		return nil, fault.New(fault.Invalid, op, c.link.Name, err)
	}
	req, err := http.NewRequestWithContext(c.ctx, string(method), c.link.Base+"/"+resource, bytes.NewReader(body))
	if err != nil {
		return nil, fault.New(fault.Invalid, op, c.link.Name, err)
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
