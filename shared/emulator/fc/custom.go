package fc

import (
	"bytes"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"
	"unicode/utf8"
)

// customPort is where deployments have a custom runtime's server listen. Each instance here
// is told another, by the same arguments.
const customPort = "9000"

// server asks an instance's server. A redirect is for whoever asked the function.
var server = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

// forwarded is a request of an HTTP trigger, which a custom runtime gets as it came.
type forwarded struct {
	method, uri, host, from string
	header                  http.Header
	body                    []byte
}

func forwardedOf(r *http.Request, body []byte) *forwarded {
	from, _, _ := net.SplitHostPort(r.RemoteAddr)
	return &forwarded{method: r.Method, uri: r.URL.RequestURI(), host: r.Host, from: from, header: r.Header.Clone(), body: body}
}

// forward sends the invocations that the instance takes to the server at addr, from when it
// listens until over is closed (Function Compute, "Custom runtime: how it works").
func (i *instance) forward(addr string, over <-chan struct{}) {
	for {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			_ = c.Close()
			break
		}
		select {
		case <-over:
			return
		case <-time.After(5 * time.Millisecond):
		}
	}
	i.asked()
	for {
		select {
		case inv := <-i.inbox:
			if i.fetch(inv) {
				go i.send(addr, inv)
			}
		case <-over:
			return
		}
	}
}

// send has the server do one invocation. Where it does not answer, its process is gone, or
// the timeout finds it.
func (i *instance) send(addr string, inv *invocation) {
	r, err := i.custom(addr, inv)
	if err != nil {
		return
	}
	resp, err := server.Do(r)
	if err != nil {
		return
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return
	}
	failed := resp.StatusCode != http.StatusOK || resp.Header.Get("X-Fc-Status") != "200"
	if inv.through != nil {
		failed, body = false, described(resp, body)
	}
	i.finish(inv.id, body, failed)
	i.f.c.mu.Lock()
	defer i.f.c.mu.Unlock()
	i.rest()
}

// described is a response as trigger.respond reads it.
func described(resp *http.Response, body []byte) []byte {
	answer := map[string]any{"statusCode": resp.StatusCode, "headers": joined(resp.Header), "body": string(body), "isBase64Encoded": !utf8.Valid(body)}
	if !utf8.Valid(body) {
		answer["body"] = base64.StdEncoding.EncodeToString(body)
	}
	return encode(answer)
}

// custom is an invocation as a request to the server at addr, with what the platform says
// of it in headers.
func (i *instance) custom(addr string, inv *invocation) (*http.Request, error) {
	method, uri, path, body := http.MethodPost, "/invoke", "/invoke", inv.event
	if t := inv.through; t != nil {
		method, uri, path, body = t.method, t.uri, "/http-invoke", t.body
	}
	r, err := http.NewRequest(method, "http://"+addr+uri, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if t := inv.through; t != nil {
		r.Header, r.Host = t.header.Clone(), t.host
		r.Header.Set("X-Fc-Client-Ip", t.from)
	} else {
		r.Header.Set("Content-Type", "application/octet-stream")
	}
	f, h := i.f, r.Header
	h.Set("X-Fc-Control-Path", path)
	h.Set("X-Fc-Request-Id", inv.id)
	h.Set("X-Fc-Function-Name", f.Name)
	h.Set("X-Fc-Function-Memory", strconv.Itoa(f.Memory))
	h.Set("X-Fc-Function-Timeout", strconv.Itoa(int((inv.timeout+time.Second-1)/time.Second)))
	h.Set("X-Fc-Region", f.Region)
	h.Set("X-Fc-Account-Id", f.Account)
	h.Set("X-Fc-Retry-Count", strconv.Itoa(inv.retry))
	f.tellKeys(h)
	return r, nil
}

// tellKeys puts the keys of the function's role, if it has one, into the headers of an
// invocation.
func (f *Function) tellKeys(h http.Header) {
	if f.Credentials == nil {
		return
	}
	keys := f.Credentials()
	h.Set("X-Fc-Access-Key-Id", keys.AccessKeyID)
	h.Set("X-Fc-Access-Key-Secret", keys.AccessKeySecret)
	h.Set("X-Fc-Security-Token", keys.SecurityToken)
}
