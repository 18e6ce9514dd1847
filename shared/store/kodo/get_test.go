package kodo

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"kodoferry/shared/emulator/opentest"
	"kodoferry/shared/fault"
	"kodoferry/shared/store"
)

const (
	hashA = "FhHNuuv8GdpLpXHEvXJDUlJxtVCW"
	hashB = "FkBhdo9odL2Xjvu-YdwtDIw79fIL"
)

func TestWhatOpenMakesOfAnAnswer(t *testing.T) {
	for name, tc := range map[string]struct {
		o      store.Object
		off, n int64
		status int
		header []string // "Name: value"
		body   string
		kind   fault.Kind // of Open, "" if it works
		says   string
		want   string // the body
		broken fault.Kind
	}{
		"the hash that was listed":           {o: store.Object{Hash: hashA, Size: 3}, n: -1, status: 200, header: []string{`ETag: "` + hashA + `"`}, body: "abc", want: "abc"},
		"the hash as a weak tag":             {o: store.Object{Hash: hashA, Size: 3}, n: -1, status: 200, header: []string{`ETag: W/"` + hashA + `"`}, body: "abc", want: "abc"},
		"another hash":                       {o: store.Object{Hash: hashA, Size: 3}, n: -1, status: 200, header: []string{`ETag: "` + hashB + `"`}, body: "abc", kind: fault.Changed, says: hashB},
		"another hash of a part":             {o: store.Object{Hash: hashA, Size: 9}, off: 1, n: 2, status: 206, header: []string{`ETag: "` + hashB + `"`, "Content-Range: bytes 1-2/9"}, body: "bc", kind: fault.Changed},
		"no hash and the listed size":        {o: store.Object{Hash: hashA, Size: 3}, n: -1, status: 200, body: "abc", want: "abc"},
		"no hash and another size":           {o: store.Object{Hash: hashA, Size: 4}, n: -1, status: 200, body: "abc", kind: fault.Changed, says: "3 bytes now, not 4"},
		"a CDN's own tag, the listed size":   {o: store.Object{Hash: hashA, Size: 3}, n: -1, status: 200, header: []string{`ETag: "65a-1f"`}, body: "abc", want: "abc"},
		"a CDN's own tag, another size":      {o: store.Object{Hash: hashA, Size: 4}, n: -1, status: 200, header: []string{`ETag: "65a-1f"`}, body: "abc", kind: fault.Changed},
		"the hash, but slimmed content":      {o: store.Object{Hash: hashA, Size: 4}, n: -1, status: 200, header: []string{`ETag: "` + hashA + `"`}, body: "abc", kind: fault.Corrupt, says: "domain="},
		"nothing was listed of it":           {n: -1, status: 200, body: "abc", want: "abc"},
		"an object without a hash":           {o: store.Object{Size: 3}, n: -1, status: 200, header: []string{`ETag: "` + hashA + `"`}, body: "abc", want: "abc"},
		"a part":                             {o: store.Object{Hash: hashA, Size: 9}, off: 1, n: 2, status: 206, header: []string{`ETag: "` + hashA + `"`, "Content-Range: bytes 1-2/9"}, body: "bc", want: "bc"},
		"a part up to the end":               {off: 7, n: -1, status: 206, header: []string{"Content-Range: bytes 7-8/9"}, body: "hi", want: "hi"},
		"a part cut at the end":              {off: 7, n: 5, status: 206, header: []string{"Content-Range: bytes 7-8/9"}, body: "hi", want: "hi"},
		"a part of a size not told":          {off: 7, n: 2, status: 206, header: []string{"Content-Range: bytes 7-8/*"}, body: "hi", want: "hi"},
		"another part":                       {off: 1, n: 2, status: 206, header: []string{"Content-Range: bytes 0-1/9"}, body: "ab", kind: fault.Corrupt, says: "bytes 0-1/9"},
		"less of a part":                     {off: 1, n: 3, status: 206, header: []string{"Content-Range: bytes 1-2/9"}, body: "bc", kind: fault.Corrupt},
		"a part that does not say which":     {off: 1, n: 2, status: 206, body: "bc", kind: fault.Corrupt},
		"a part of another length":           {off: 1, n: 2, status: 206, header: []string{"Content-Range: bytes 1-2/9"}, body: "bcd", kind: fault.Corrupt},
		"a part that was not asked for":      {n: -1, status: 206, header: []string{"Content-Range: bytes 0-2/9"}, body: "abc", kind: fault.Temporary, says: "206"},
		"ranges are ignored":                 {off: 1, n: 2, status: 200, body: "abc", kind: fault.Invalid, says: "domain="},
		"ranges are ignored, it is that big": {off: 0, n: 3, status: 200, body: "abc", want: "abc"},
		"a range that begins at the end":     {o: store.Object{Hash: hashA, Size: 9}, off: 9, n: -1, status: 416, header: []string{"Content-Range: bytes */9"}},
		"a range behind the end":             {off: 10, n: -1, status: 416, header: []string{"Content-Range: bytes */9"}, kind: fault.Invalid, says: "offset 10 of 9"},
		"a range of what has shrunk":         {o: store.Object{Hash: hashA, Size: 99}, off: 10, n: -1, status: 416, header: []string{"Content-Range: bytes */9"}, kind: fault.Changed},
		"an empty body":                      {o: store.Object{Hash: hashA}, n: -1, status: 200, header: []string{`ETag: "` + hashA + `"`, "Content-Length: 0"}},
		"nothing was asked for":              {o: store.Object{Hash: hashA, Size: 3}, n: 0, status: 200, header: []string{`ETag: "` + hashA + `"`, "Content-Length: 3"}},
		"nothing of another version":         {o: store.Object{Hash: hashA, Size: 3}, n: 0, status: 200, header: []string{`ETag: "` + hashB + `"`, "Content-Length: 3"}, kind: fault.Changed},
		"fewer bytes than announced":         {n: -1, status: 200, header: []string{"Content-Length: 10"}, body: "abc", want: "abc", broken: fault.Temporary},
		"in chunks":                          {n: -1, status: 200, header: []string{"Transfer-Encoding: chunked"}, body: "3\r\nabc\r\n0\r\n\r\n", want: "abc"},
		"in chunks, cut off":                 {n: -1, status: 200, header: []string{"Transfer-Encoding: chunked"}, body: "3\r\nabc\r\n", want: "abc", broken: fault.Temporary},
		"in chunks, fewer than listed":       {o: store.Object{Hash: hashA, Size: 9}, n: -1, status: 200, header: []string{"Transfer-Encoding: chunked"}, body: "3\r\nabc\r\n0\r\n\r\n", want: "abc", broken: fault.Temporary},
		"in chunks, more than listed":        {o: store.Object{Hash: hashA, Size: 2}, n: -1, status: 200, header: []string{"Transfer-Encoding: chunked"}, body: "3\r\nabc\r\n0\r\n\r\n", broken: fault.Corrupt},
		"no end is told":                     {n: -1, status: 200, header: []string{"Connection: close", "-"}, body: "abc", kind: fault.Temporary, says: "where it ends"},
		"no end is told, but it was listed":  {o: store.Object{Hash: hashA, Size: 9}, n: -1, status: 200, header: []string{"Connection: close", "-"}, body: "abc", want: "abc", broken: fault.Temporary},
		"it is gone":                         {n: -1, status: 404, body: `{"error":"Document not found"}`, kind: fault.NotFound, says: "Document not found"},
		"it is gone, says Kodo":              {n: -1, status: 612, body: `{"error":"no such file or directory"}`, kind: fault.NotFound},
		"the bucket is gone, not the object": {n: -1, status: 631, body: `{"error":"no such bucket"}`, kind: fault.Invalid, says: `bucket "b" does not exist`},
		"it may not be read":                 {n: -1, status: 403, body: `{"error":"file is disabled"}`, kind: fault.Denied, says: "file is disabled"},
		"the token is refused":               {n: -1, status: 401, body: `{"error":"bad token"}`, kind: fault.Denied, says: "bad token"},
		"the origin failed":                  {n: -1, status: 478, kind: fault.Temporary},
		"the server failed":                  {n: -1, status: 500, kind: fault.Temporary},
		"too many requests":                  {n: -1, status: 573, header: []string{"Retry-After: 7"}, kind: fault.Throttled},
		"it is somewhere else":               {n: -1, status: 302, header: []string{"Location: https://user:pw@elsewhere.example.com/k?e=1&token=secret"}, kind: fault.Invalid, says: "(elsewhere.example.com)"},
		"an answer without content":          {n: -1, status: 204, kind: fault.Temporary},
		"a page of HTML says nothing":        {n: -1, status: 403, body: "<html>token=secret</html>", kind: fault.Denied, says: "status 403"},
		"a text that repeats the signature":  {n: -1, status: 403, body: "denied: /k?e=1&token=secret:x=", kind: fault.Denied, says: "denied: /k?e=…&token=…"},
	} {
		t.Run(name, func(t *testing.T) {
			b := raw(t, tc.status, tc.header, tc.body)
			tc.o.Key = "k"
			found, body, err := b.Open(t.Context(), tc.o, tc.off, tc.n)
			if fault.KindOf(err) != tc.kind {
				t.Fatalf("Open = %v, want kind %q", err, tc.kind)
			}
			if err != nil {
				if !strings.Contains(err.Error(), tc.says) || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "pw@") {
					t.Errorf("Open = %v, want it to say %q and no secret", err, tc.says)
				}
				if tc.status == 573 && fault.WaitOf(err) != 7*time.Second {
					t.Errorf("it asks to wait %s, want 7s", fault.WaitOf(err))
				}
				return
			}
			defer body.Close()
			if found.Size < 0 || found.Key != "k" {
				t.Errorf("found %+v, want its key and a size", found)
			}
			got, err := io.ReadAll(body)
			if string(got) != tc.want || fault.KindOf(err) != tc.broken {
				t.Errorf("read %q, %v, want %q and kind %q", got, err, tc.want, tc.broken)
			}
		})
	}
}

// raw is a bucket whose download host sends exactly this, and closes. A body
// has a Content-Length unless a header says otherwise; "-" leaves it out.
func raw(t *testing.T, status int, header []string, body string) *Bucket {
	t.Helper()
	text := fmt.Sprintf("HTTP/1.1 %d x\r\n", status)
	framed := false
	for _, h := range header {
		if h != "-" {
			text += h + "\r\n"
		}
		framed = framed || h == "-" || strings.HasPrefix(h, "Content-Length") || strings.HasPrefix(h, "Transfer-Encoding")
	}
	if !framed && status != 204 {
		text += fmt.Sprintf("Content-Length: %d\r\n", len(body))
	}
	return opentest.Bucket(t, Open, Config{Bucket: "b", Endpoint: "127.0.0.1:1", Domain: "http://" + serveRaw(t, text+"\r\n"+body), Insecure: true, AccessKey: "ak", SecretKey: "sk"})
}

// serveRaw answers each connection's first request with text.
func serveRaw(t *testing.T, text string) (host string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			var request []byte
			for one := make([]byte, 1); !bytes.HasSuffix(request, []byte("\r\n\r\n")); request = append(request, one...) {
				if _, err := conn.Read(one); err != nil {
					break
				}
			}
			_, _ = io.WriteString(conn, text)
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() { _ = ln.Close(); <-done })
	return ln.Addr().String()
}

func TestTheSignatureHoldsForADay(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	b := fake(t, nil, func(c *Config) { c.Now = func() time.Time { return now } })
	req := b.download(t.Context(), "https://img.example.com", "a b")
	if want := fmt.Sprintf("https://img.example.com/a%%20b?e=%d&token=ak:", now.Add(24*time.Hour).Unix()); !strings.HasPrefix(req.URL.String(), want) {
		t.Errorf("asks for %s, want %s…", req.URL, want)
	}
}

func TestCompressedContentStaysAsItIs(t *testing.T) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, err := z.Write(bytes.Repeat([]byte("text "), 1000))
	if err := errors.Join(err, z.Close()); err != nil {
		t.Fatal(err)
	}
	b := fake(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(packed.Bytes())
	})
	found, body, err := b.Open(t.Context(), store.Object{Key: "k"}, 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	got, err := io.ReadAll(body)
	if err != nil || !bytes.Equal(got, packed.Bytes()) || found.Header["Content-Encoding"] != "gzip" {
		t.Errorf("got %d bytes, %v, header %v, want the %d that are stored", len(got), err, found.Header, packed.Len())
	}
}

func TestOpenTellsWhatTheAnswerSaid(t *testing.T) {
	b := raw(t, 200, []string{
		`ETag: "` + hashA + `"`, "Last-Modified: Tue, 14 Nov 2023 22:13:20 GMT", "Content-Type: image/png", "X-Qn-Meta-Owner: me",
		"Cache-Control: public, max-age=31536000", `Content-Disposition: inline; filename="k"`, "Content-Language: de", "X-Log: x",
	}, "abc")
	got, body, err := b.Open(t.Context(), store.Object{Key: "k"}, 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	_ = body.Close()
	if got.Size != 3 || got.Hash != hashA || got.Type != "image/png" || !got.Modified.Equal(time.Unix(1_700_000_000, 0)) {
		t.Errorf("got %+v", got)
	}
	if len(got.Meta) != 1 || got.Meta["owner"] != "me" || len(got.Header) != 1 || got.Header["Content-Language"] != "de" {
		t.Errorf("meta %v, header %v, want the owner and the language: the rest Kodo says of every object", got.Meta, got.Header)
	}
}

func TestABodyThatFallsSilentIsGivenUp(t *testing.T) {
	b := fake(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "10")
		_, _ = io.WriteString(w, "abc")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}, func(c *Config) { c.Transport = store.NewTransport(time.Minute, 100*time.Millisecond, time.Minute) })
	_, body, err := b.Open(t.Context(), store.Object{Key: "k"}, 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	if _, err := io.ReadAll(body); !errors.Is(err, store.ErrStalled) || fault.KindOf(err) != fault.Temporary {
		t.Errorf("got %v, want a temporary fault: nothing came", err)
	}
}

func TestABodyEndsWithItsContext(t *testing.T) {
	cause := errors.New("out of time")
	ctx, cancel := context.WithCancelCause(t.Context())
	b := fake(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "10")
		_, _ = io.WriteString(w, "abc")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	_, body, err := b.Open(ctx, store.Object{Key: "k"}, 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	if _, err := io.ReadFull(body, make([]byte, 3)); err != nil {
		t.Fatal(err)
	}
	cancel(cause)
	if _, err := body.Read(make([]byte, 3)); !errors.Is(err, cause) || fault.KindOf(err) != fault.Temporary {
		t.Errorf("got %v, want a temporary fault: out of time", err)
	}
}
