package oss

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"

	emulator "kodoferry/shared/emulator/oss"
	"kodoferry/shared/fault"
	"kodoferry/shared/store"
)

func stored(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("ETag", `"ABC"`)
	w.Header().Set("x-oss-hash-crc64ecma", "17")
}

func TestPutIsOneRequestOfExactLength(t *testing.T) {
	for name, tc := range map[string]struct {
		size int
		md5  bool
	}{
		"nothing":          {0, true},
		"one byte":         {1, true},
		"1 MiB":            {1 << 20, true},
		"one byte more":    {1<<20 + 1, false},
		"many odd chunks":  {3<<20 + 7, false},
		"exactly 2 chunks": {2 << 20, false},
	} {
		t.Run(name, func(t *testing.T) {
			rec := &recorder{answer: stored}
			b := serve(t, rec.ServeHTTP)
			want := strings.Repeat("0123456789", tc.size/10+1)[:tc.size]
			// More than Size is there: only Size may go out.
			got, err := b.Put(t.Context(), store.Object{Key: "a b", Size: int64(tc.size)}, iotest.HalfReader(strings.NewReader(want+"more")), store.Put{})
			if err != nil {
				t.Fatal(err)
			}
			if got.ETag != "ABC" || got.CRC64 != "17" || len(got.Warnings) > 0 {
				t.Errorf("got %+v, want the answer's ETag and CRC64", got)
			}
			r := rec.one(t)
			if r.body != want || r.length != int64(tc.size) || r.chunked || r.readErr != nil {
				t.Errorf("got %d bytes, Content-Length %d, chunked %v, %v; want %d, as they were", len(r.body), r.length, r.chunked, r.readErr, tc.size)
			}
			if got := r.header.Get("Content-Md5") != ""; got != tc.md5 {
				t.Errorf("got Content-MD5 %v, want %v", got, tc.md5)
			}
			if r.method != "PUT" || r.path != "/bucket/a%20b" || r.header.Get("X-Oss-Forbid-Overwrite") != "" {
				t.Errorf("got %s %s %v", r.method, r.path, r.header)
			}
		})
	}
}

func TestPutOfNothingTakesNoBody(t *testing.T) {
	rec := &recorder{answer: stored}
	b := serve(t, rec.ServeHTTP)
	if _, err := b.Put(t.Context(), store.Object{Key: "k"}, nil, store.Put{}); err != nil {
		t.Fatal(err)
	}
	if r := rec.one(t); r.length != 0 || r.chunked {
		t.Errorf("got length %d, chunked %v, want 0 and not", r.length, r.chunked)
	}
}

var errBody = fault.New(fault.Corrupt, "test", "", errors.New("hash differs"))

// failing yields n bytes and then, instead of another, errBody.
func failing(n int) io.Reader {
	return io.MultiReader(strings.NewReader(strings.Repeat("x", n)), iotest.ErrReader(errBody))
}

// dataWithError yields all bytes at once, together with err.
type dataWithError struct {
	n   int
	err error
}

func (d *dataWithError) Read(p []byte) (int, error) {
	m := min(len(p), d.n)
	d.n -= m
	if d.n == 0 {
		return m, d.err
	}
	return m, nil
}

func TestPutOfAFailingBodyStoresNothing(t *testing.T) {
	const big = 3 << 20
	for name, tc := range map[string]struct {
		size     int64
		body     io.Reader
		requests int
		want     error
		kind     fault.Kind
	}{
		"small, at once":              {10, failing(0), 0, errBody, fault.Corrupt},
		"small, before the last byte": {10, failing(9), 0, errBody, fault.Corrupt},
		"small, with the last byte":   {10, &dataWithError{10, errBody}, 0, errBody, fault.Corrupt},
		"empty":                       {0, failing(0), 0, errBody, fault.Corrupt},
		"small and short":             {10, strings.NewReader("123"), 0, io.ErrUnexpectedEOF, fault.Temporary},
		"big, at once":                {big, failing(0), 1, errBody, fault.Corrupt},
		"big, before the last byte":   {big, failing(big - 1), 1, errBody, fault.Corrupt},
		"big, with the last byte":     {big, &dataWithError{big, errBody}, 1, errBody, fault.Corrupt},
		"big and short":               {big, strings.NewReader(strings.Repeat("x", big-1)), 1, io.ErrUnexpectedEOF, fault.Temporary},
		"big, an error without kind":  {big, &dataWithError{big, io.ErrClosedPipe}, 1, io.ErrClosedPipe, fault.Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			rec := &recorder{answer: stored}
			b := serve(t, rec.ServeHTTP)
			_, err := b.Put(t.Context(), store.Object{Key: "k", Size: tc.size}, tc.body, store.Put{})
			wantKind(t, "Put", err, tc.kind)
			if !errors.Is(err, tc.want) {
				t.Errorf("got %v, want %v in the chain", err, tc.want)
			}
			b.CloseIdle()
			all := rec.all()
			if len(all) > tc.requests {
				t.Errorf("got %d requests, want at most %d", len(all), tc.requests)
			}
			for _, r := range all {
				if r.readErr == nil {
					t.Errorf("got a request that the server took for whole, with %d bytes", len(r.body))
				}
			}
		})
	}
}

func TestPutEndsWithItsContextWhileTheBodyBlocks(t *testing.T) {
	for name, tc := range map[string]struct {
		size int64
		of   func(context.Context, *io.PipeReader) io.Reader
	}{
		"small": {10, func(_ context.Context, r *io.PipeReader) io.Reader { return r }},
		"small, a body that ends with it": {10, func(ctx context.Context, r *io.PipeReader) io.Reader {
			context.AfterFunc(ctx, func() { _ = r.Close() })
			return bounded{r, ctx}
		}},
		"small, a body that ends with another": {10, func(ctx context.Context, r *io.PipeReader) io.Reader {
			return bounded{r, context.WithoutCancel(ctx)}
		}},
		"big": {2 << 20, func(_ context.Context, r *io.PipeReader) io.Reader { return r }},
	} {
		t.Run(name, func(t *testing.T) {
			b := serve(t, func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })
			ctx, cancel := context.WithCancel(t.Context())
			body, feed := io.Pipe()
			defer feed.Close()
			go func() {
				_, _ = feed.Write([]byte("x"))
				cancel() // and never another byte
			}()
			_, err := b.Put(ctx, store.Object{Key: "k", Size: tc.size}, tc.of(ctx, body), store.Put{})
			wantKind(t, "Put", err, fault.Temporary)
			if !errors.Is(err, context.Canceled) {
				t.Errorf("got %v, want context.Canceled in the chain", err)
			}
		})
	}
}

type bounded struct {
	io.Reader
	ctx context.Context
}

func (b bounded) Context() context.Context { return b.ctx }

func TestPutRefusedNeverSendsTheBody(t *testing.T) {
	b := serve(t, refuse(403, "AccessDenied", "no"))
	const size = 64 << 20
	body := &counter{}
	_, err := b.Put(t.Context(), store.Object{Key: "k", Size: size}, body, store.Put{})
	wantKind(t, "Put", err, fault.Denied)
	if n := body.n.Load(); n > 4*chunkSize {
		t.Errorf("got %d bytes read of the body, want next to nothing", n)
	}
}

// counter is an endless body that counts what is read.
type counter struct{ n atomic.Int64 }

func (c *counter) Read(p []byte) (int, error) {
	c.n.Add(int64(len(p)))
	return len(p), nil
}

// Buffers are shared and requests are cancelled at any moment; the other side
// must never see bytes other than those whose MD5 it was sent.
func TestBuffersAreNeverMixedUp(t *testing.T) {
	const seed = 11
	var whole, mixed atomic.Int64
	b := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		whole.Add(1)
		if sum := md5.Sum(body); base64.StdEncoding.EncodeToString(sum[:]) != r.Header.Get("Content-Md5") {
			mixed.Add(1)
		}
		stored(w, r)
	})
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(seed, uint64(i)))
			for range 30 {
				ctx, cancel := context.WithCancel(t.Context())
				data := bytes.Repeat([]byte{byte(rnd.Uint32())}, 1+rnd.IntN(300<<10))
				if rnd.IntN(2) == 0 {
					go cancel()
				}
				_, _ = b.Put(ctx, store.Object{Key: "k", Size: int64(len(data))}, bytes.NewReader(data), store.Put{})
				cancel()
			}
		})
	}
	wg.Wait()
	if mixed.Load() > 0 || whole.Load() == 0 {
		t.Errorf("seed %d: got %d of %d bodies mixed up, want none", seed, mixed.Load(), whole.Load())
	}
}

func TestPutIfAbsent(t *testing.T) {
	rec := &recorder{answer: refuse(409, "FileAlreadyExists", "The object you specified already exists and can not be overwritten.")}
	b := serve(t, rec.ServeHTTP)
	_, err := b.Put(t.Context(), store.Object{Key: "k", Size: 1}, strings.NewReader("x"), store.Put{IfAbsent: true})
	wantKind(t, "Put", err, fault.Changed)
	if got := rec.one(t).header.Get("X-Oss-Forbid-Overwrite"); got != "true" {
		t.Errorf("got x-oss-forbid-overwrite %q, want true", got)
	}
}

func TestWhatIsBriefCarriesTheTagThatLifecycleRulesKnow(t *testing.T) {
	srv, b := stand(t, nil)
	tags := map[string]string{}
	srv.OnRequest(func(r emulator.Request) { tags[r.Key] = r.Header.Get("X-Oss-Tagging") })
	for key, brief := range map[string]bool{"mark": true, "record": false} {
		if _, err := b.Put(t.Context(), store.Object{Key: key, Size: 1}, strings.NewReader("x"), store.Put{Brief: brief}); err != nil {
			t.Fatal(err)
		}
	}
	if tags["mark"] != BriefTag || tags["record"] != "" {
		t.Errorf("tags %q, want %s on the mark alone", tags, BriefTag)
	}
}

func TestPutSendsAttributes(t *testing.T) {
	rec := &recorder{answer: stored}
	b := serve(t, rec.ServeHTTP)
	got, err := b.Put(t.Context(), store.Object{
		Key: "k", Type: "text/html; charset=utf-8", Class: store.DeepArchive,
		Header: map[string]string{
			"Cache-Control": "max-age=1", "Expires": "whatever was there",
			"Content-Disposition": `attachment; filename="中文.txt"`, "Content-Language": "z\nh", "X-Own": "1",
		},
		Meta: map[string]string{"plain": "v", "My_Name": "中"},
	}, nil, store.Put{})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"Content-Type": "text/html; charset=utf-8", "X-Oss-Storage-Class": "ColdArchive", "Cache-Control": "max-age=1",
		"Expires": "whatever was there", "Content-Disposition": "attachment; filename*=utf-8''%E4%B8%AD%E6%96%87.txt",
		"Content-Language": "", "X-Own": "", "X-Oss-Meta-Plain": "v", "X-Oss-Meta-Ferry-X--4dy-5f-4eame": "UTF-8''%E4%B8%AD",
	} {
		if got := rec.one(t).header.Get(name); got != want {
			t.Errorf("got %s %q, want %q", name, got, want)
		}
	}
	all := fmt.Sprint(got.Warnings)
	if len(got.Warnings) != 3 || !strings.Contains(all, "Content-Language") || !strings.Contains(all, "X-Own") || !strings.Contains(all, "Content-Disposition") {
		t.Errorf("got warnings %q, want one each for Content-Disposition, Content-Language and X-Own", got.Warnings)
	}
}

func TestPutWithAnInvalidTypeSendsBytes(t *testing.T) {
	for _, typ := range []string{"jpg", "image/\x01png", "图/片", "a b/c", "text/"} {
		rec := &recorder{answer: stored}
		b := serve(t, rec.ServeHTTP)
		got, err := b.Put(t.Context(), store.Object{Key: "k.html", Type: typ}, nil, store.Put{})
		if err != nil {
			t.Fatal(err)
		}
		if sent := rec.one(t).header.Get("Content-Type"); sent != "application/octet-stream" || len(got.Warnings) != 1 {
			t.Errorf("type %q: got %q and warnings %q, want application/octet-stream and one warning", typ, sent, got.Warnings)
		}
	}
}

func TestPutRefusesWithoutARequest(t *testing.T) {
	for name, obj := range map[string]store.Object{
		"over 5 GiB":         {Key: "k", Size: 5<<30 + 1},
		"a negative size":    {Key: "k", Size: -1},
		"no body":            {Key: "k", Size: 1},
		"an unknown class":   {Key: "k", Class: "glacier"},
		"a key with a slash": {Key: "/k"},
	} {
		t.Run(name, func(t *testing.T) {
			b := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("got a request, want none") })
			_, err := b.Put(t.Context(), obj, nil, store.Put{})
			wantKind(t, "Put", err, fault.Invalid)
		})
	}
}
