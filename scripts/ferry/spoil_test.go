package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"

	"kodoferry/scripts/ferry/emulation"
	"kodoferry/scripts/ferry/standins"
	"kodoferry/shared/emulator/mns"
)

// madeQueues are queues of those names behind ferry-, and where they are.
func madeQueues(t *testing.T, visibility time.Duration, names ...string) (*mns.Server, string) {
	t.Helper()
	s, err := mns.Start(mns.Config{AccessKeyID: emulation.AccessKey, AccessKeySecret: emulation.SecretKey})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	for _, name := range names {
		if err := s.CreateQueue("ferry-"+name, mns.Attributes{Visibility: visibility}); err != nil {
			t.Fatal(err)
		}
	}
	return s, "mns://" + s.Account() + "/ferry-?region=cn-hangzhou&insecure=true&endpoint=" + url.QueryEscape(s.Endpoint())
}

// between serves what a host serves, as change leaves its answers. Where requests are signed
// for the host that is asked, they keep that.
func between(t *testing.T, host string, signed bool, change func(r *http.Response) error) (at string) {
	t.Helper()
	to, err := url.Parse(host)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(&httputil.ReverseProxy{ModifyResponse: change, Rewrite: func(r *httputil.ProxyRequest) {
		if r.SetURL(to); signed {
			r.Out.Host = r.In.Host
		}
	}})
	t.Cleanup(s.Close)
	return s.URL
}

// rewritten is an answer with the body that f makes of its own.
func rewritten(r *http.Response, f func(body string) string) error {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	text := f(string(body))
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader(text)), int64(len(text))
	r.Header.Set("Content-Length", fmt.Sprint(len(text)))
	return nil
}

// altering is a domain bound to the bucket whose pictures are a little slimmer.
func (c *clouds) altering(t *testing.T) string {
	t.Helper()
	at := between(t, "http://"+c.kodo.Domain(standins.Source), true, func(r *http.Response) error {
		if r.Header.Get("Content-Type") != "image/jpeg" || r.Request.Method != http.MethodGet {
			return nil
		}
		r.Header.Del("ETag")
		return rewritten(r, func(body string) string { return body[1:] })
	})
	domain := "localhost" + at[strings.LastIndexByte(at, ':'):] // a name of its own: the API's host is an address
	c.kodo.Bind(domain, standins.Source)
	return domain
}

// elsewhen serves what a host serves, whose clock is ahead by d.
func elsewhen(t *testing.T, host string, d time.Duration) string {
	t.Helper()
	return between(t, host, false, func(r *http.Response) error {
		r.Header.Set("Date", time.Now().Add(d).UTC().Format(http.TimeFormat))
		return nil
	})
}

// relisting is a way to the bucket's S3 interface on which f rewrites listings.
func (c *clouds) relisting(t *testing.T, f func(listing string) string) (src string) {
	t.Helper()
	at := between(t, c.kodo.S3Endpoint(), true, func(r *http.Response) error {
		if !r.Request.URL.Query().Has("list-type") {
			return nil
		}
		return rewritten(r, f)
	})
	return strings.Replace(c.s3, c.kodo.S3Endpoint(), at, 1)
}
