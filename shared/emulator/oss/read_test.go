package oss_test

import (
	"bytes"
	"crypto/md5"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	sdk "github.com/aliyun/aliyun-oss-go-sdk/oss"

	"kodoferry/shared/emulator/oss"
)

func TestRanges(t *testing.T) {
	for name, tc := range map[string]struct {
		header, standard string // what comes, by default and with x-oss-range-behavior: standard
	}{
		"bytes=0-4":     {"206 01234", "206 01234"},
		"bytes=5-":      {"206 56789", "206 56789"},
		"bytes=-3":      {"206 789", "206 789"},
		"bytes=0-":      {"206 0123456789", "206 0123456789"},
		"bytes=9-9":     {"206 9", "206 9"},
		"bytes=5-20":    {"200 0123456789", "206 56789"},
		"bytes=10-20":   {"200 0123456789", "416 InvalidRange"},
		"bytes=10-":     {"200 0123456789", "416 InvalidRange"},
		"bytes=-20":     {"200 0123456789", "206 0123456789"},
		"bytes=-0":      {"200 0123456789", "416 InvalidRange"},
		"bytes=4-2":     {"200 0123456789", "200 0123456789"},
		"byte=0-4":      {"200 0123456789", "200 0123456789"},
		"bytes=a-b":     {"200 0123456789", "200 0123456789"},
		"bytes=0-1,4-5": {"206 01", "206 01"},
		"bytes=-":       {"200 0123456789", "200 0123456789"},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			put(t, s, "k", "0123456789")
			for behaviour, want := range map[string]string{"": tc.header, "standard": tc.standard} {
				headers := map[string]string{"Range": name}
				if behaviour != "" {
					headers["x-oss-range-behavior"] = behaviour
				}
				got := ""
				resp, err := connect(t, s).Conn.Do("GET", bucketName, "k", nil, headers, nil, 0, nil)
				if e, ok := err.(sdk.ServiceError); ok {
					got = fmt.Sprint(e.StatusCode, " ", e.Code)
				} else {
					got = fmt.Sprint(resp.StatusCode, " ", string(readAll(t, resp.Body, err)))
					if crc := resp.Headers.Get("X-Oss-Hash-Crc64ecma"); crc != fmt.Sprint(crcOf([]byte("0123456789"))) {
						t.Errorf("CRC64 = %s, want that of the whole", crc)
					}
				}
				if got != want {
					t.Errorf("%q: got %s, want %s", behaviour, got, want)
				}
			}
		})
	}
}

func TestConditions(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 600, time.UTC)
	for name, tc := range map[string]struct {
		option sdk.Option
		status int
		code   string
	}{
		"If-Match of its ETag":             {sdk.IfMatch(`"9DD4E461268C8034F5C8564E155C67A6"`), 200, ""},
		"If-Match without quotes":          {sdk.IfMatch("9DD4E461268C8034F5C8564E155C67A6"), 200, ""},
		"If-Match of another":              {sdk.IfMatch(`"x"`), 412, "PreconditionFailed"},
		"If-None-Match of another":         {sdk.IfNoneMatch(`"x"`), 200, ""},
		"If-None-Match of its ETag":        {sdk.IfNoneMatch(`"9DD4E461268C8034F5C8564E155C67A6"`), 304, ""},
		"modified since before":            {sdk.IfModifiedSince(at.Add(-time.Second)), 200, ""},
		"modified since then":              {sdk.IfModifiedSince(at), 304, ""},
		"unmodified since then":            {sdk.IfUnmodifiedSince(at), 200, ""},
		"unmodified since before":          {sdk.IfUnmodifiedSince(at.Add(-time.Second)), 412, "PreconditionFailed"},
		"a time that is none is no matter": {sdk.SetHeader("If-Modified-Since", "yesterday"), 200, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			must(t, s.Put(bucketName, oss.Object{Key: "k", Body: []byte("x"), LastModified: at}))
			b := open(t, s)
			r, err := b.GetObject("k", tc.option)
			switch {
			case tc.status == 200:
				readAll(t, r, err)
			case tc.status == 304:
				if err == nil || !strings.Contains(err.Error(), "304") {
					t.Errorf("got %v, want 304", err)
				}
			default:
				wantCode(t, "get", err, tc.status, tc.code)
			}
		})
	}
	s := start(t)
	must(t, s.Put(bucketName, oss.Object{Key: "k", Body: []byte("x"), LastModified: at}))
	_, err := open(t, s).CopyObject("k", "k2", sdk.CopySourceIfMatch(`"x"`))
	wantCode(t, "copy", err, 412, "PreconditionFailed")
}

func TestCopies(t *testing.T) {
	each(t, func(t *testing.T, version sdk.ClientOption) {
		s := start(t)
		must(t, s.CreateBucket("bucket-2"))
		b := open(t, s, version)
		must(t, b.PutObject("a", strings.NewReader("body"), sdk.Meta("m", "1"), sdk.ContentType("a/b"), sdk.SetTagging(sdk.Tagging{Tags: []sdk.Tag{{Key: "t", Value: "1"}}})))
		_, err := b.CopyObjectTo("bucket-2", "b", "a", sdk.Meta("m", "ignored"))
		must(t, err)
		_, err = b.CopyObject("a", "c", sdk.Meta("m", "2"), sdk.MetadataDirective(sdk.MetaReplace), sdk.TaggingDirective(sdk.TaggingReplace))
		must(t, err)
		_, err = b.CopyObject("a", "a", sdk.Meta("m", "3"))
		must(t, err)
		for where, want := range map[string]string{"bucket-2/b": "body a/b 1 map[t:1]", bucketName + "/c": "body application/octet-stream 2 map[]", bucketName + "/a": "body application/octet-stream 3 map[t:1]"} {
			bucket, key, _ := strings.Cut(where, "/")
			o, _ := s.Get(bucket, key)
			if got := fmt.Sprint(string(o.Body), " ", o.Header.Get("Content-Type"), " ", o.Meta["m"], " ", o.Tags); got != want || o.CRC64 != crcOf([]byte("body")) {
				t.Errorf("%s is %s, want %s", where, got, want)
			}
		}
		_, err = b.CopyObject("missing", "d")
		wantCode(t, "copy of nothing", err, 404, "NoSuchKey")
		_, err = b.CopyObjectFrom("bucket-3", "a", "d")
		wantCode(t, "copy from nowhere", err, 404, "NoSuchBucket")
	})
}

func TestAppends(t *testing.T) {
	each(t, func(t *testing.T, version sdk.ClientOption) {
		s := start(t)
		b := open(t, s, version)
		a, z := content(200_000), content(77)
		next, err := b.AppendObject("log", bytes.NewReader(a), 0, sdk.Meta("m", "1"))
		must(t, err)
		next, err = b.AppendObject("log", bytes.NewReader(z), next)
		must(t, err)
		whole := append(bytes.Clone(a), z...)
		o, _ := s.Get(bucketName, "log")
		if next != int64(len(whole)) || !bytes.Equal(o.Body, whole) || o.CRC64 != crcOf(whole) || o.Type != "Appendable" || o.Meta["m"] != "1" {
			t.Errorf("next %d, %d bytes, CRC64 %d, type %s, want %d and the whole", next, len(o.Body), o.CRC64, o.Type, len(whole))
		}
		_, err = b.AppendObject("log", strings.NewReader("x"), 5)
		wantCode(t, "another position", err, 409, "PositionNotEqualToLength")
		put(t, s, "normal", "x")
		_, err = b.AppendObject("normal", strings.NewReader("x"), 1)
		wantCode(t, "a normal object", err, 409, "ObjectNotAppendable")
		_, err = b.AppendObject("missing", strings.NewReader("x"), 1)
		wantCode(t, "nothing, not from 0", err, 409, "PositionNotEqualToLength")
		_, err = connect(t, s, version).Conn.Do("POST", bucketName, "x", map[string]any{"append": nil}, nil, strings.NewReader("x"), 0, nil)
		wantCode(t, "no position", err, 400, "MissingArgument")
	})
}

func TestFrozenObjectsAreReadOnceRestored(t *testing.T) {
	now := atomic.Int64{}
	now.Store(time.Now().Unix())
	s := start(t, func(c *oss.Config) { c.Now = func() time.Time { return time.Unix(now.Load(), 0) } })
	b := open(t, s)
	must(t, b.PutObject("k", strings.NewReader("cold"), sdk.ObjectStorageClass(sdk.StorageArchive)))
	put(t, s, "warm", "x")
	_, err := b.GetObject("k")
	wantCode(t, "get of the frozen", err, 403, "InvalidObjectState")
	_, err = b.CopyObject("k", "copy")
	wantCode(t, "copy of the frozen", err, 403, "InvalidObjectState")
	must(t, b.RestoreObject("k"))
	wantCode(t, "restore again", b.RestoreObject("k"), 409, "RestoreAlreadyInProgress")
	wantCode(t, "restore of what is not frozen", b.RestoreObject("warm"), 400, "OperationNotSupported")
	_, err = b.GetObject("k")
	wantCode(t, "get while it thaws", err, 403, "InvalidObjectState")
	h, err := b.GetObjectDetailedMeta("k")
	must(t, err)
	if got := h.Get("X-Oss-Restore"); got != `ongoing-request="true"` {
		t.Errorf("x-oss-restore = %s, want ongoing", got)
	}
	now.Add(61)
	r, err := b.GetObject("k")
	if got := readAll(t, r, err); string(got) != "cold" {
		t.Errorf("got %q, want cold", got)
	}
	must(t, s.Put(bucketName, oss.Object{Key: "deep", Body: []byte("x"), Class: "DeepColdArchive"}))
	must(t, s.Thaw(bucketName, "deep"))
	r, err = b.GetObject("deep")
	readAll(t, r, err)
}

func TestAttributesOnly(t *testing.T) {
	s := start(t, func(c *oss.Config) { c.AttributesOnly = true })
	b := open(t, s)
	body := content(300_000)
	must(t, b.PutObject("k", bytes.NewReader(body), sdk.ContentMD5(md5Header(body)), sdk.Meta("m", "1")))
	o, _ := s.Get(bucketName, "k")
	sum := md5.Sum(body)
	if o.CRC64 != crcOf(body) || o.Size != 300_000 || o.Body != nil || o.Meta["m"] != "1" || o.ETag != fmt.Sprintf("%X", sum) {
		t.Errorf("the server holds %+v, want attributes and no body", o)
	}
	_, err := b.GetObject("k")
	wantCode(t, "get", err, 400, "BodyNotKept")
	must(t, b.PutObject("empty", nil))
	r, err := b.GetObject("empty")
	readAll(t, r, err)
	brief := start(t, func(c *oss.Config) { c.AttributesOnly, c.BriefETags = true, true })
	for _, withMD5 := range []bool{false, true} {
		var how []sdk.Option
		if withMD5 {
			how = append(how, sdk.ContentMD5(md5Header(body)))
		}
		must(t, open(t, brief).PutObject("k", bytes.NewReader(body), how...))
		o, _ := brief.Get(bucketName, "k")
		if o.CRC64 != crcOf(body) || (o.ETag == fmt.Sprintf("%X", sum)) != withMD5 {
			t.Errorf("with Content-MD5 %v it has the ETag %s and the CRC64 %d, want the MD5 where that came", withMD5, o.ETag, o.CRC64)
		}
	}
	wantCode(t, "put", open(t, brief).PutObject("k", strings.NewReader("other"), sdk.ContentMD5(md5Header(body))), 400, "InvalidDigest")
	whole := open(t, start(t, func(c *oss.Config) {
		c.AttributesOnly, c.Keep = true, func(_, key string) bool { return key == "ledger" }
	}))
	must(t, whole.PutObject("ledger", strings.NewReader("record")))
	r, err = whole.GetObject("ledger")
	if got := readAll(t, r, err); string(got) != "record" {
		t.Errorf("what is to be kept reads %q, want record", got)
	}
	_, err = b.CopyObject("k", "k2")
	must(t, err)
	if o, _ := s.Get(bucketName, "k2"); o.CRC64 != crcOf(body) {
		t.Errorf("the copy has CRC64 %d, want %d", o.CRC64, crcOf(body))
	}
}
