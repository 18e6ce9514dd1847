package oss_test

import (
	"bufio"
	"crypto/md5"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	sdk "github.com/aliyun/aliyun-oss-go-sdk/oss"

	"kodoferry/shared/emulator/oss"
)

func md5Header(b []byte) string {
	sum := md5.Sum(b)
	return base64.StdEncoding.EncodeToString(sum[:])
}

func TestWhatPutRefuses(t *testing.T) {
	meta := func(n int) sdk.Option { return sdk.Meta("m", strings.Repeat("x", n)) }
	for name, tc := range map[string]struct {
		options []sdk.Option
		status  int
		code    string
	}{
		"the MD5 of something else":       {[]sdk.Option{sdk.ContentMD5(md5Header([]byte("y")))}, 400, "InvalidDigest"},
		"an MD5 that is none":             {[]sdk.Option{sdk.ContentMD5("eA==")}, 400, "InvalidDigest"},
		"an MD5 that is no base64":        {[]sdk.Option{sdk.ContentMD5("?")}, 400, "InvalidDigest"},
		"metadata over 8 KB":              {[]sdk.Option{meta(8 << 10)}, 400, "InvalidArgument"},
		"metadata named with underscore":  {[]sdk.Option{sdk.Meta("a_b", "x")}, 400, "InvalidArgument"},
		"metadata named with a dot":       {[]sdk.Option{sdk.Meta("a.b", "x")}, 400, "InvalidArgument"},
		"metadata without a name":         {[]sdk.Option{sdk.Meta("", "x")}, 400, "InvalidArgument"},
		"another storage class":           {[]sdk.Option{sdk.ObjectStorageClass("Glacier")}, 400, "InvalidArgument"},
		"another list":                    {[]sdk.Option{sdk.ObjectACL("all")}, 400, "InvalidArgument"},
		"forbid-overwrite that is no yes": {[]sdk.Option{sdk.SetHeader("x-oss-forbid-overwrite", "abc")}, 400, "InvalidArgument"},
		"a tag named twice":               {[]sdk.Option{sdk.SetHeader("x-oss-tagging", "a=1&a=2")}, 400, "InvalidTag"},
		"eleven tags":                     {[]sdk.Option{sdk.SetHeader("x-oss-tagging", "a&b&c&d&e&f&g&h&i&j&k")}, 400, "InvalidTag"},
		"a tag with a mark":               {[]sdk.Option{sdk.SetHeader("x-oss-tagging", "a%3F=1")}, 400, "InvalidTag"},
		"a callback":                      {[]sdk.Option{sdk.SetHeader("x-oss-callback", "e30=")}, 501, "NotImplemented"},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, version sdk.ClientOption) {
				s := start(t)
				put(t, s, "k", "old")
				wantCode(t, "put", open(t, s, version).PutObject("k", strings.NewReader("x"), tc.options...), tc.status, tc.code)
				if o, _ := s.Get(bucketName, "k"); string(o.Body) != "old" {
					t.Errorf("the server holds %q, want what was there", o.Body)
				}
			})
		})
	}
	s := start(t)
	must(t, open(t, s).PutObject("k", strings.NewReader("x"), meta(8<<10-1), sdk.ContentMD5(md5Header([]byte("x")))))
	must(t, open(t, s).PutObject("empty", nil))
	must(t, open(t, s).PutObject("chunked", io.MultiReader(strings.NewReader("a"), strings.NewReader("b"))))
	if o, _ := s.Get(bucketName, "chunked"); string(o.Body) != "ab" {
		t.Errorf("a chunked body was kept as %q, want ab", o.Body)
	}
	if o, ok := s.Get(bucketName, "empty"); !ok || o.Size != 0 || o.CRC64 != 0 || o.ETag != "D41D8CD98F00B204E9800998ECF8427E" {
		t.Errorf("an empty body was kept as %+v", o)
	}
}

// dial writes a request by hand, over a connection of its own.
func dial(t *testing.T, s *oss.Server, signed, head string) (net.Conn, *http.Response) {
	t.Helper()
	u, err := url.Parse(signed)
	must(t, err)
	conn, err := net.Dial("tcp", u.Host)
	must(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	_, err = fmt.Fprintf(conn, "PUT %s HTTP/1.1\r\nHost: %s\r\n%s\r\n", u.RequestURI(), u.Host, head)
	must(t, err)
	if !strings.Contains(head, "sever") {
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		must(t, err)
		return conn, resp
	}
	return conn, nil
}

func TestASeveredUploadLeavesNothing(t *testing.T) {
	for name, tc := range map[string]struct{ head, body string }{
		"by length": {"Content-Length: 1000\r\nX-Test: sever\r\n", strings.Repeat("x", 999)},
		"chunked":   {"Transfer-Encoding: chunked\r\nX-Test: sever\r\n", "5\r\nhello\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			put(t, s, "k", "old")
			s.OnStored(func(bucket string, o oss.Object) { t.Errorf("%s of %s was stored", o.Key, bucket) })
			signed, err := open(t, s).SignURL("k", sdk.HTTPPut, 60)
			must(t, err)
			conn, _ := dial(t, s, signed, tc.head)
			_, err = io.WriteString(conn, tc.body)
			must(t, err)
			// Half-closed, the server still gets to answer: then it is done with the request.
			must(t, conn.(*net.TCPConn).CloseWrite())
			_, _ = io.ReadAll(conn)
			if o, _ := s.Get(bucketName, "k"); string(o.Body) != "old" {
				t.Errorf("the server holds %q, want what was there", o.Body)
			}
		})
	}
}

func TestLengthsAreCheckedBeforeTheBodyComes(t *testing.T) {
	s := start(t)
	signed, err := open(t, s).SignURL("k", sdk.HTTPPut, 60)
	must(t, err)
	for name, tc := range map[string]struct {
		head, code string
		status     int
	}{
		"over 5 GB":     {fmt.Sprintf("Expect: 100-continue\r\nContent-Length: %d\r\n", 5<<30+1), "EntityTooLarge", 400},
		"not said":      {"", "MissingContentLength", 411},
		"not said, but": {"Content-Length: 0\r\n", "", 200},
	} {
		t.Run(name, func(t *testing.T) {
			_, resp := dial(t, s, signed, tc.head)
			if b := readAll(t, resp.Body, nil); resp.StatusCode != tc.status || !strings.Contains(string(b), tc.code) {
				t.Errorf("got %d %s, want %d %s", resp.StatusCode, b, tc.status, tc.code)
			}
		})
	}
}

func TestForbidOverwrite(t *testing.T) {
	for state, refused := range map[string]bool{"": true, "Enabled": false, "Suspended": false} {
		t.Run("versioning "+state, func(t *testing.T) {
			each(t, func(t *testing.T, version sdk.ClientOption) {
				s := start(t)
				b := open(t, s, version)
				must(t, s.SetVersioning(bucketName, state))
				must(t, b.PutObject("k", strings.NewReader("1"), sdk.ForbidOverWrite(true)))
				put(t, s, "src", "2")
				for name, do := range map[string]func() error{
					"put":  func() error { return b.PutObject("k", strings.NewReader("2"), sdk.ForbidOverWrite(true)) },
					"copy": func() error { _, err := b.CopyObject("src", "k", sdk.ForbidOverWrite(true)); return err },
					"complete": func() error {
						up, err := b.InitiateMultipartUpload("k")
						must(t, err)
						p, err := b.UploadPart(up, strings.NewReader("2"), 1, 1)
						must(t, err)
						_, err = b.CompleteMultipartUpload(up, []sdk.UploadPart{p}, sdk.ForbidOverWrite(true))
						return err
					},
				} {
					err := do()
					o, _ := s.Get(bucketName, "k")
					if !refused {
						must(t, err)
						if string(o.Body) != "2" {
							t.Errorf("%s: the server holds %q, want 2", name, o.Body)
						}
						continue
					}
					wantCode(t, name, err, 409, "FileAlreadyExists")
					if string(o.Body) != "1" {
						t.Errorf("%s: the server holds %q, want 1", name, o.Body)
					}
				}
			})
		})
	}
}

func TestOneOfManyWinsARaceThatForbidsOverwriting(t *testing.T) {
	s := start(t)
	var wins atomic.Int32
	var all sync.WaitGroup
	for i := range 16 {
		b := open(t, s)
		all.Go(func() {
			if b.PutObject("record", strings.NewReader(fmt.Sprint(i)), sdk.ForbidOverWrite(true)) == nil {
				wins.Add(1)
			}
		})
	}
	all.Wait()
	if wins.Load() != 1 {
		t.Errorf("%d puts won, want 1", wins.Load())
	}
}
