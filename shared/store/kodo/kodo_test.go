package kodo_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"kodoferry/shared/digest"
	"kodoferry/shared/emulator/chaos"
	emulator "kodoferry/shared/emulator/kodo"
	"kodoferry/shared/emulator/opentest"
	"kodoferry/shared/fault"
	"kodoferry/shared/store"
	"kodoferry/shared/store/kodo"
	"kodoferry/shared/store/storetest"
)

// serve starts an emulator with one empty bucket and opens it.
func serve(t testing.TB, set ...func(*kodo.Config)) (*emulator.Server, *kodo.Bucket) {
	t.Helper()
	s := opentest.Start(t, emulator.Start, emulator.Config{AccessKey: "ak", SecretKey: "sk"})
	if err := s.CreateBucket("photos"); err != nil {
		t.Fatal(err)
	}
	return s, opentest.Bucket(t, kodo.Open, kodo.Config{Bucket: "photos", Endpoint: s.Endpoint(), Insecure: true, AccessKey: "ak", SecretKey: "sk"}, set...)
}

func put(t testing.TB, s *emulator.Server, o emulator.Object) string {
	t.Helper()
	hash, err := s.Put("photos", o)
	if err != nil {
		t.Fatal(err)
	}
	return hash
}

func list(t testing.TB, b *kodo.Bucket, r store.Range) []store.Object {
	t.Helper()
	var all []store.Object
	for o, err := range b.List(t.Context(), r) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, o)
	}
	return all
}

func read(t testing.TB, b *kodo.Bucket, o store.Object, off, n int64) []byte {
	t.Helper()
	return storetest.Read(t, b, o, off, n)
}

var awkward = []string{
	"/lead", `\back`, "a", "a b", "a+b", "a%2Fb", "a&b=c", "a#b", "a?b", `a"b`, "a[b]", "a/../b", "a/./b", "a//b", "a/",
	"\x01\x03\n\x7f", "zé", "中文/文件", "😀", "ключ", "مفتاح", "a|b", strings.Repeat("k", 750),
}

func TestEveryKeySurvivesTheWire(t *testing.T) {
	s, b := serve(t)
	for _, key := range awkward {
		put(t, s, emulator.Object{Key: key, Body: []byte("body of " + key)})
	}
	want := slices.Clone(awkward)
	slices.Sort(want)
	for i, o := range list(t, b, store.Range{}) {
		if o.Key != want[i] {
			t.Fatalf("listed %q, want %q", o.Key, want[i])
		}
		if got := string(read(t, b, o, 0, -1)); got != "body of "+o.Key {
			t.Errorf("%q: read %q", o.Key, got)
		}
		if st, err := b.Stat(t.Context(), o.Key); err != nil || st.Key != o.Key || st.Hash != o.Hash {
			t.Errorf("Stat(%q) = %+v, %v", o.Key, st, err)
		}
	}
}

func TestWhatKodoKeepsArrivesWithThePage(t *testing.T) {
	s, b := serve(t)
	at := time.Unix(1_700_000_000, 123_456_700).UTC()
	parts := []int64{1 << 20, 1 << 20, 5}
	body := bytes.Repeat([]byte{7}, 2<<20+5)
	hash := put(t, s, emulator.Object{Key: "k", Body: body, Parts: parts, MimeType: "image/png", PutTime: at, MD5: true, Type: 1,
		Meta: map[string]string{"!Cache-Control": "max-age=1", "x-qn-meta-Owner": "é", "!X-Other": "v"}})
	for name, o := range map[string]func() store.Object{
		"list": func() store.Object { return list(t, b, store.Range{})[0] },
		"stat": func() store.Object {
			o, err := b.Stat(t.Context(), "k")
			if err != nil {
				t.Fatal(err)
			}
			return o
		},
	} {
		got := o()
		if got.Hash != hash || got.Hash[:1] == "F" || got.Size != int64(len(body)) || !got.Modified.Equal(at) || got.Type != "image/png" ||
			got.Class != store.Infrequent || !slices.Equal(got.Parts, parts) || got.MD5 == "" {
			t.Errorf("%s: %+v", name, got)
		}
		if got.Header["Cache-Control"] != "max-age=1" || got.Meta["owner"] != "é" {
			t.Errorf("%s: header %v, meta %v, want Cache-Control and owner", name, got.Header, got.Meta)
		}
	}
	o := list(t, b, store.Range{})[0]
	_, stream, err := b.Open(t.Context(), o, 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	r := digest.NewReader(stream, digest.Want{Size: o.Size, Qetag: o.Hash, Parts: o.Parts})
	if _, err := io.Copy(io.Discard, r); err != nil || r.Proof() != "qetag" {
		t.Errorf("the stream against its version 2 hash: %v by %s", err, r.Proof())
	}
}

func TestClassesAndStates(t *testing.T) {
	s, b := serve(t)
	for _, o := range []emulator.Object{
		{Key: "archive", Type: 2}, {Key: "deep", Type: 3}, {Key: "direct", Type: 4}, {Key: "disabled", Status: 1},
		{Key: "hashless", NoHash: true}, {Key: "thawed", Type: 2, RestoreStatus: 2}, {Key: "thawing", Type: 3, RestoreStatus: 1},
	} {
		o.Body = []byte("x")
		put(t, s, o)
	}
	want := map[string]struct {
		class            store.Class
		frozen, disabled bool
	}{
		"archive": {store.Archive, true, false}, "deep": {store.DeepArchive, true, false}, "direct": {store.ArchiveIR, false, false},
		"disabled": {store.Standard, false, true}, "hashless": {store.Standard, false, false},
		"thawed": {store.Archive, false, false}, "thawing": {store.DeepArchive, true, false},
	}
	for _, o := range list(t, b, store.Range{}) {
		w := want[o.Key]
		if o.Class != w.class || o.Frozen != w.frozen || o.Disabled != w.disabled || (o.Hash == "") != (o.Key == "hashless") {
			t.Errorf("%s: %+v, want %+v", o.Key, o, w)
		}
		if o.Frozen || o.Disabled {
			if _, _, err := b.Open(t.Context(), o, 0, -1); fault.KindOf(err) != fault.Denied {
				t.Errorf("Open(%s) = %v, want denied", o.Key, err)
			}
		}
	}
}

func TestRequestsAreCounted(t *testing.T) {
	s, b := serve(t)
	for i := range 2500 {
		put(t, s, emulator.Object{Key: fmt.Sprintf("k%05d", i), Body: []byte("x")})
	}
	objects := list(t, b, store.Range{})
	if got := s.Desk().Counts(); len(objects) != 2500 || got["list"] != 4 {
		t.Errorf("%d objects by %v, want 2500 by 4 listings, the last behind the last key", len(objects), got)
	}
	for _, o := range objects[:50] {
		read(t, b, o, 0, -1)
	}
	if got := s.Desk().Counts(); got["get"] != 50 || got["stat"] != 0 {
		t.Errorf("50 objects read by %v, want 50 gets and no stat", got)
	}
}

func TestAListingIsWholeOrAnError(t *testing.T) {
	for name, tc := range map[string]struct {
		rule chaos.Rule
		kind fault.Kind
	}{
		"empty pages with a marker do not end it": {chaos.Rule{Op: "list", Kind: chaos.EmptyPage, Rate: 0.5}, ""},
		"a failed page is asked again":            {chaos.Rule{Op: "list", Kind: chaos.Status, Rate: 1, Status: 599, Limit: 2}, ""},
		"a throttled page is asked again":         {chaos.Rule{Op: "list", Kind: chaos.Throttle, Rate: 1, Limit: 2}, ""},
		"a reset page is asked again":             {chaos.Rule{Op: "list", Kind: chaos.Reset, Rate: 1, Limit: 2}, ""},
		"a page that always fails is an error":    {chaos.Rule{Op: "list", Kind: chaos.Status, Rate: 1, Status: 500}, fault.Temporary},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, b := serve(t, func(c *kodo.Config) { c.PageSize = 10 })
			for i := range 95 {
				put(t, s, emulator.Object{Key: fmt.Sprintf("k%05d", i), Body: []byte("x")})
			}
			s.Desk().Inject(tc.rule)
			n, err := 0, error(nil)
			for _, e := range b.List(t.Context(), store.Range{}) {
				if err = e; e == nil {
					n++
				}
			}
			if fault.KindOf(err) != tc.kind || tc.kind == "" && n != 95 {
				t.Errorf("%d keys and %v, want 95 or kind %q", n, err, tc.kind)
			}
		})
	}
}

func TestEveryRangeIsHalfOpen(t *testing.T) {
	const seed = 5
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	s, b := serve(t, func(c *kodo.Config) { c.PageSize = 7 })
	keys := slices.Clone(awkward)
	for range 60 {
		keys = append(keys, strings.Repeat(string([]rune("ab/é中")[r.IntN(5)]), 1+r.IntN(3))+fmt.Sprint(r.IntN(50)))
	}
	for _, k := range keys {
		put(t, s, emulator.Object{Key: k, Body: []byte("x")})
	}
	slices.Sort(keys)
	keys = slices.Compact(keys)
	pick := func() string {
		k := keys[r.IntN(len(keys))]
		return []string{"", k, k + "!", string([]rune(k)[:1])}[r.IntN(4)]
	}
	for range 300 {
		in := store.Range{After: pick(), UpTo: pick()}
		if r.IntN(3) == 0 {
			in.Prefix = string([]rune(keys[r.IntN(len(keys))])[:1])
		}
		var want, got []string
		for _, k := range keys {
			if strings.HasPrefix(k, in.Prefix) && k > in.After && (in.UpTo == "" || k <= in.UpTo) {
				want = append(want, k)
			}
		}
		for _, o := range list(t, b, in) {
			got = append(got, o.Key)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("List(%+v) = %q, want %q", in, got, want)
		}
	}
}

func TestOpenReadsRangesAndNoticesChange(t *testing.T) {
	s, b := serve(t)
	put(t, s, emulator.Object{Key: "k", Body: []byte("0123456789")})
	o, err := b.Stat(t.Context(), "k")
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		off, n int64
		want   string
	}{{0, -1, "0123456789"}, {2, 3, "234"}, {8, -1, "89"}, {8, 100, "89"}, {0, 0, ""}, {10, -1, ""}} {
		if got := string(read(t, b, o, tc.off, tc.n)); got != tc.want {
			t.Errorf("Open(%d, %d) = %q, want %q", tc.off, tc.n, got, tc.want)
		}
	}
	put(t, s, emulator.Object{Key: "k", Body: []byte("another")})
	if _, _, err := b.Open(t.Context(), o, 0, -1); fault.KindOf(err) != fault.Changed {
		t.Errorf("Open of what changed = %v, want changed", err)
	}
	s.Remove("photos", "k")
	if _, _, err := b.Open(t.Context(), o, 0, -1); fault.KindOf(err) != fault.NotFound {
		t.Errorf("Open of what is gone = %v, want not found", err)
	}
	if _, err := b.Stat(t.Context(), "k"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("Stat of what is gone = %v, want not found", err)
	}
}

func TestABodyFailsRatherThanEndsEarly(t *testing.T) {
	s, b := serve(t)
	put(t, s, emulator.Object{Key: "k", Body: bytes.Repeat([]byte("x"), 1<<20)})
	s.Desk().Inject(chaos.Rule{Op: "get", Kind: chaos.Reset, Rate: 1})
	_, body, err := b.Open(t.Context(), store.Object{Key: "k"}, 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	if n, err := io.Copy(io.Discard, body); err == nil || fault.KindOf(err) != fault.Temporary || n >= 1<<20 {
		t.Errorf("read %d bytes and %v, want fewer and a temporary fault", n, err)
	}
	s.Desk().Inject()
	ctx, cancel := context.WithCancel(t.Context())
	_, body, err = b.Open(ctx, store.Object{Key: "k"}, 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	cancel()
	if _, err := io.Copy(io.Discard, body); !errors.Is(err, context.Canceled) {
		t.Errorf("read after a cancel = %v, want cancelled", err)
	}
}

func TestNothingIsDecompressed(t *testing.T) {
	s, b := serve(t)
	raw := []byte("\x1f\x8b not really gzip")
	put(t, s, emulator.Object{Key: "k", Body: raw, Meta: map[string]string{"!Content-Encoding": "gzip"}})
	if got := read(t, b, store.Object{Key: "k"}, 0, -1); !bytes.Equal(got, raw) {
		t.Errorf("read %q, want the stored bytes", got)
	}
}

func TestMistakesAreSentences(t *testing.T) {
	for name, tc := range map[string]struct {
		set  func(*kodo.Config)
		kind fault.Kind
		says string
	}{
		"a wrong bucket":      {func(c *kodo.Config) { c.Bucket = "nowhere" }, fault.NotFound, `bucket "nowhere" does not exist`},
		"a wrong secret":      {func(c *kodo.Config) { c.SecretKey = "other" }, fault.Denied, "QINIU_SECRET_KEY"},
		"a wrong access key":  {func(c *kodo.Config) { c.AccessKey = "other" }, fault.Denied, "QINIU_ACCESS_KEY"},
		"a host that is deaf": {func(c *kodo.Config) { c.Endpoint = "http://127.0.0.1:1" }, fault.Temporary, "cannot be reached"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, b := serve(t, tc.set)
			if err := b.Check(t.Context()); fault.KindOf(err) != tc.kind || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("Check = %v, want %s saying %q", err, tc.kind, tc.says)
			}
		})
	}
	_, err := kodo.Open(kodo.Config{Region: "mars", Domain: "http://img.example.com", Endpoint: "ftp://x"})
	if err == nil {
		t.Fatal("Open = nil")
	}
	for _, says := range []string{"no bucket", "no credentials", "http sends the data in the clear", "the scheme is https"} {
		if !strings.Contains(err.Error(), says) {
			t.Errorf("Open = %v, want it to say %q too", err, says)
		}
	}
	_, err = kodo.Open(kodo.Config{Bucket: "b", AccessKey: "ak", SecretKey: "sk", Domain: "img.example.com:http"})
	if fault.KindOf(err) != fault.Invalid || !strings.Contains(fmt.Sprint(err), "with a port or none") {
		t.Errorf("Open with a port that is no number = %v, want Invalid and the cure", err)
	}
}

func TestNoErrorRepeatsASignature(t *testing.T) {
	s, b := serve(t, func(c *kodo.Config) { c.Domain = "127.0.0.1:1" })
	put(t, s, emulator.Object{Key: "k", Body: []byte("x")})
	_, _, err := b.Open(t.Context(), store.Object{Key: "k"}, 0, -1)
	if err == nil || strings.Contains(err.Error(), "token") || strings.Contains(err.Error(), "e=1") {
		t.Errorf("Open = %v, want an error without the signed address", err)
	}
}

func BenchmarkList(b *testing.B) {
	s, _ := serve(b)
	if err := s.CreateBucket("big"); err != nil {
		b.Fatal(err)
	}
	if err := s.Synthesize("big", emulator.Synthetic{Count: 100_000, MinSize: 1, MaxSize: 1000}); err != nil {
		b.Fatal(err)
	}
	bucket, err := kodo.Open(kodo.Config{Bucket: "big", Endpoint: s.Endpoint(), Insecure: true, AccessKey: "ak", SecretKey: "sk"})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		for _, err := range bucket.List(b.Context(), store.Range{}) {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/100_000, "ns/key")
}
