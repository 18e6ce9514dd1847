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

// altering is a domain bound to the bucket whose pictures are a little slimmer.
func (c *clouds) altering(t *testing.T) string {
	t.Helper()
	to, err := url.Parse("http://" + c.kodo.Domain(standins.Source))
	if err != nil {
		t.Fatal(err)
	}
	p := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(to)
		r.Out.Host = r.In.Host // which is signed
	}}
	p.ModifyResponse = func(r *http.Response) error {
		if r.Header.Get("Content-Type") == "image/jpeg" && r.Request.Method == http.MethodGet {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				return err
			}
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader(string(body[1:]))), int64(len(body)-1)
			r.Header.Set("Content-Length", fmt.Sprint(r.ContentLength))
			r.Header.Del("ETag")
		}
		return nil
	}
	s := httptest.NewServer(p)
	t.Cleanup(s.Close)
	domain := "localhost" + s.URL[strings.LastIndexByte(s.URL, ':'):] // a name of its own: the API's host is an address
	c.kodo.Bind(domain, standins.Source)
	return domain
}

// elsewhen serves what a host serves, whose clock is ahead by d.
func elsewhen(t *testing.T, host string, d time.Duration) string {
	t.Helper()
	to, err := url.Parse(host)
	if err != nil {
		t.Fatal(err)
	}
	p := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) }}
	p.ModifyResponse = func(r *http.Response) error {
		r.Header.Set("Date", time.Now().Add(d).UTC().Format(http.TimeFormat))
		return nil
	}
	s := httptest.NewServer(p)
	t.Cleanup(s.Close)
	return s.URL
}

// relisting is a way to the bucket's S3 interface on which f rewrites listings.
func (c *clouds) relisting(t *testing.T, f func(listing string) string) (src string) {
	t.Helper()
	to, err := url.Parse(c.kodo.S3Endpoint())
	if err != nil {
		t.Fatal(err)
	}
	p := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(to)
		r.Out.Host = r.In.Host // which is signed
	}}
	p.ModifyResponse = func(r *http.Response) error {
		if !r.Request.URL.Query().Has("list-type") {
			return nil
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return err
		}
		body = []byte(f(string(body)))
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader(string(body))), int64(len(body))
		r.Header.Set("Content-Length", fmt.Sprint(len(body)))
		return nil
	}
	s := httptest.NewServer(p)
	t.Cleanup(s.Close)
	return strings.Replace(c.s3, c.kodo.S3Endpoint(), s.URL, 1)
}
