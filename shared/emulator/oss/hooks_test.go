package oss_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	sdk "github.com/aliyun/aliyun-oss-go-sdk/oss"

	"kodoferry/shared/emulator/chaos"
	"kodoferry/shared/emulator/oss"
)

func TestEveryObjectThatAppearsIsTold(t *testing.T) {
	s := start(t)
	b := open(t, s)
	var seen []string
	s.OnStored(func(bucket string, o oss.Object) {
		now, ok := s.Get(bucket, o.Key)
		seen = append(seen, fmt.Sprint(o.Key, "=", string(o.Body), " ", ok && bytes.Equal(now.Body, o.Body)))
	})
	must(t, b.PutObject("put", strings.NewReader("1")))
	_, err := b.CopyObject("put", "copy")
	must(t, err)
	_, err = b.AppendObject("append", strings.NewReader("2"), 0)
	must(t, err)
	_, err = b.AppendObject("append", strings.NewReader("3"), 1)
	must(t, err)
	up, err := b.InitiateMultipartUpload("parts")
	must(t, err)
	p, err := b.UploadPart(up, strings.NewReader("4"), 1, 1)
	must(t, err)
	_, err = b.CompleteMultipartUpload(up, []sdk.UploadPart{p})
	must(t, err)
	put(t, s, "by hand", "5")
	want := []string{"put=1 true", "copy=1 true", "append=2 true", "append=23 true", "parts=4 true"}
	if !slices.Equal(seen, want) {
		t.Errorf("told of %q, want %q", seen, want)
	}
}

func TestTheApplicationMayWriteInBetween(t *testing.T) {
	s := start(t)
	b := open(t, s)
	s.OnRequest(func(r oss.Request) {
		if r.Op == "put" && r.Key == "k" && r.Bucket == bucketName {
			put(t, s, "k", "the application's")
		}
	})
	wantCode(t, "put", b.PutObject("k", strings.NewReader("ours"), sdk.ForbidOverWrite(true)), 409, "FileAlreadyExists")
	if o, _ := s.Get(bucketName, "k"); string(o.Body) != "the application's" {
		t.Errorf("the server holds %q, want the application's", o.Body)
	}
}

func TestFaultsAreInjected(t *testing.T) {
	s := start(t)
	b := open(t, s)
	body := content(1000)
	must(t, s.Put(bucketName, oss.Object{Key: "k", Body: body}))
	get := func() ([]byte, error) {
		r, err := b.GetObject("k")
		if err != nil {
			return nil, err
		}
		defer func() { _ = r.Close() }()
		return io.ReadAll(r)
	}
	s.Desk().Inject(chaos.Rule{Op: "get", Kind: chaos.Throttle, Rate: 1})
	_, err := get()
	wantCode(t, "throttled", err, 503, "TotalQpsLimitExceeded")
	resp, err := connect(t, s).Conn.Do("GET", bucketName, "k", nil, nil, nil, 0, nil)
	wantCode(t, "throttled", err, 503, "TotalQpsLimitExceeded")
	if resp.Headers.Get("x-oss-qos-delay-time") != "250" {
		t.Errorf("headers %v, want x-oss-qos-delay-time", resp.Headers)
	}
	s.Desk().Inject(chaos.Rule{Op: "get", Kind: chaos.Flip, Rate: 1})
	if got, err := get(); err == nil && bytes.Equal(got, body) {
		t.Error("the body came unharmed, want one bit flipped")
	}
	s.Desk().Inject(chaos.Rule{Op: "get", Kind: chaos.Reset, Rate: 1})
	if got, err := get(); err == nil || len(got) >= len(body) {
		t.Errorf("%d bytes and %v, want a reset", len(got), err)
	}
	s.Desk().Inject(chaos.Rule{Op: "put", Kind: chaos.Lost, Rate: 1})
	if err := b.PutObject("lost", strings.NewReader("x")); err == nil {
		t.Error("put was answered, want a reset")
	} else if _, ok := errors.AsType[sdk.ServiceError](err); ok {
		t.Errorf("put was answered %v, want a reset", err)
	}
	if _, ok := s.Get(bucketName, "lost"); !ok {
		t.Error("the put whose answer was lost did nothing")
	}
	for status, code := range map[int]string{403: "AccessDenied", 500: "InternalError", 503: "ServiceUnavailable"} {
		s.Desk().Inject(chaos.Rule{Op: "put", Kind: chaos.Status, Rate: 1, Status: status})
		wantCode(t, "injected", b.PutObject("k", bytes.NewReader(content(5<<20))), status, code)
	}
	s.Desk().Inject()
	if n := s.Desk().Counts(); n["get"] != 4 || n["put"] != 4 {
		t.Errorf("counted %v, want 4 gets and 4 puts", n)
	}
}

func TestEmptyPagesStillLeadToEveryKey(t *testing.T) {
	s := start(t)
	for i := range 30 {
		put(t, s, fmt.Sprintf("%02d", i), "")
	}
	for name, page := range map[string]pager{"v1": pageV1, "v2": pageV2} {
		s.Desk().Inject(chaos.Rule{Op: "list", Kind: chaos.EmptyPage, Rate: 0.5})
		objects, _, pages, err := page(open(t, s), "", "", "", 7)
		if err != nil || len(objects) != 30 || !slices.IsSorted(objects) || !slices.Contains(pages, 0) {
			t.Errorf("%s: %q in pages of %v, %v, want 30 keys and an empty page", name, objects, pages, err)
		}
	}
}

func TestCloseEndsIt(t *testing.T) {
	s := start(t)
	must(t, s.Close())
	must(t, s.Close())
	if err := open(t, s).PutObject("k", nil); err == nil {
		t.Error("a closed server answered")
	}
	if _, err := oss.Start(oss.Config{}); err == nil {
		t.Error("a server without credentials started")
	}
}
