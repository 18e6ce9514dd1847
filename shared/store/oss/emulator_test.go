package oss

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cenkalti/backoff/v5"

	"kodoferry/shared/digest"
	"kodoferry/shared/emulator/chaos"
	emulator "kodoferry/shared/emulator/oss"
	"kodoferry/shared/fault"
	"kodoferry/shared/store"
)

// stand starts the stand-in for OSS and opens a bucket of it, with permanent keys.
func stand(t *testing.T, change func(*Config)) (*emulator.Server, *Bucket) {
	t.Helper()
	srv, err := emulator.Start(emulator.Config{AccessKeyID: "LTAItest", AccessKeySecret: testSecret, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = srv.Close() })
	if err := srv.CreateBucket("bucket"); err != nil {
		t.Fatal(err)
	}
	cfg := Config{
		Bucket: "bucket", Region: srv.Region(), Endpoint: srv.Endpoint(), Insecure: true,
		Credentials: func() Credentials { return Credentials{AccessKeyID: "LTAItest", AccessKeySecret: testSecret} },
	}
	if change != nil {
		change(&cfg)
	}
	b, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	b.pause = func() backoff.BackOff { return &backoff.ZeroBackOff{} }
	return srv, b
}

// awkward keys sort by bytes, not by locale, and survive the wire unchanged.
func awkward() []string {
	keys := []string{"a", "a b", "a+b", "a%2Fb", "a%b", "a/../b", "a//b", "a/", "a?b=c", "?lead", "a#b", "a&b", "a<b>\"'", "a\\b",
		"a\x01b", "a\tb", "a\nb", "a\rb", "a\x7f", "é", "e\u0301", "中文/文件.txt", "\U0001F600", "~", "!", ".hidden", " lead", "trail ",
		"UPPER", "a=b", "a;b", "a:b", "a|b", "a*b", strings.Repeat("k", maxKey), strings.Repeat("文", 341)}
	slices.Sort(keys)
	return keys
}

func TestAwkwardKeysAndAttributesSurviveTheStandIn(t *testing.T) {
	srv, b := stand(t, nil)
	origin := &store.Origin{Hash: "FhAsh_-=", Modified: time.Date(2024, 1, 2, 3, 4, 5, 678901200, time.UTC)}
	for i, key := range awkward() {
		body := []byte(strings.Repeat(key, i%3))
		obj := store.Object{
			Key: key, Size: int64(len(body)), Type: "text/plain; charset=utf-8", Class: store.Infrequent, Origin: origin,
			Header: map[string]string{"Cache-Control": "max-age=60", "Expires": "Thu, 01 Jan 2026 00:00:00 GMT"},
			Meta:   map[string]string{"plain": "v", "My_Name": "中文 ", "empty": "", "ferry-hash": "not ours"},
		}
		got, err := b.Put(t.Context(), obj, bytes.NewReader(body), store.Put{})
		if err != nil {
			t.Fatalf("Put %q: %v", key, err)
		}
		crc := fmt.Sprint(digest.CRC64(0, body))
		if got.CRC64 != crc || len(got.Warnings) > 0 {
			t.Errorf("Put %q: got %+v, want CRC64 %s and no warnings", key, got, crc)
		}
		stat, err := b.Stat(t.Context(), key)
		if err != nil {
			t.Fatalf("Stat %q: %v", key, err)
		}
		now, content, err := b.Open(t.Context(), store.Object{Key: key, Hash: got.ETag}, 0, -1)
		if err != nil {
			t.Fatalf("Open %q: %v", key, err)
		}
		read, err := io.ReadAll(content)
		_ = content.Close()
		if err != nil || !bytes.Equal(read, body) || !reflect.DeepEqual(now, stat) {
			t.Errorf("Open %q: got %d bytes, %v, %+v, want %d and what Stat says: %+v", key, len(read), err, now, len(body), stat)
		}
		want := obj
		want.Hash, want.CRC64, want.MD5, want.Modified = got.ETag, crc, strings.ToLower(got.ETag), stat.Modified
		if !reflect.DeepEqual(stat, want) {
			t.Errorf("Stat %q: got %+v\nwant %+v", key, stat, want)
		}
	}
	keys, err := collect(t.Context(), b, store.Range{})
	if err != nil || !slices.Equal(keys, awkward()) || !slices.Equal(srv.Keys("bucket"), keys) {
		t.Errorf("List: got %q, %v, want %q", keys, err, awkward())
	}
	for _, after := range awkward() {
		got, err := collect(t.Context(), b, store.Range{After: after})
		i, _ := slices.BinarySearch(keys, after)
		if err != nil || !slices.Equal(got, keys[i+1:]) {
			t.Errorf("List after %q: got %q, %v, want %q", after, got, err, keys[i+1:])
		}
	}
	for _, key := range awkward() {
		if err := b.Delete(t.Context(), key); err != nil {
			t.Errorf("Delete %q: %v", key, err)
		}
	}
	if left := srv.Keys("bucket"); len(left) > 0 {
		t.Errorf("got %q left, want nothing", left)
	}
}

func TestListingOfManyPagesWithFaults(t *testing.T) {
	srv, b := stand(t, nil)
	var want []string
	for i := range 3500 {
		key := fmt.Sprintf("k/%05d", i*7)
		want = append(want, key)
		if err := srv.Put("bucket", emulator.Object{Key: key}); err != nil {
			t.Fatal(err)
		}
	}
	srv.Desk().Inject(
		chaos.Rule{Op: "list", Kind: chaos.Status, Rate: 0.2, Limit: 4},
		chaos.Rule{Op: "list", Kind: chaos.Reset, Rate: 0.2, Limit: 4},
		chaos.Rule{Op: "list", Kind: chaos.EmptyPage, Rate: 0.3, Limit: 4},
	)
	if got, err := collect(t.Context(), b, store.Range{}); err != nil || !slices.Equal(got, want) {
		t.Errorf("got %d keys, %v, want %d", len(got), err, len(want))
	}
	const seed = 3
	rnd := rand.New(rand.NewPCG(seed, 4))
	for range 20 {
		lo, hi := rnd.IntN(len(want)), rnd.IntN(len(want))
		lo, hi = min(lo, hi), max(lo, hi)
		got, err := collect(t.Context(), b, store.Range{After: want[lo], UpTo: want[hi]})
		if err != nil || !slices.Equal(got, want[lo+1:max(hi+1, lo+1)]) {
			t.Errorf("seed %d, (%s, %s]: got %d keys, %v, want %d", seed, want[lo], want[hi], len(got), err, hi-lo)
		}
	}
}

func TestStandInThrottles(t *testing.T) {
	srv, b := stand(t, nil)
	srv.Desk().Inject(chaos.Rule{Op: "put", Kind: chaos.Throttle, Rate: 1})
	_, err := b.Put(t.Context(), store.Object{Key: "k", Size: 1}, strings.NewReader("x"), store.Put{})
	wantKind(t, "Put", err, fault.Throttled)
	if n := srv.Desk().Counts()["put"]; n != 1 {
		t.Errorf("got %d requests, want one", n)
	}
}

func TestStandInRefusesDamageAndKeepsWhatIsThere(t *testing.T) {
	srv, b := stand(t, nil)
	for _, size := range []int{100, 3 << 20} {
		key := fmt.Sprint("k", size)
		_, err := b.Put(t.Context(), store.Object{Key: key, Size: int64(size)}, failing(size-1), store.Put{})
		wantKind(t, "Put of a failing body", err, fault.Corrupt)
		if _, ok := srv.Get("bucket", key); ok {
			t.Errorf("got %s stored, want nothing", key)
		}
		for i, want := range []fault.Kind{"", fault.Changed} {
			_, err = b.Put(t.Context(), store.Object{Key: key, Size: int64(size)}, strings.NewReader(strings.Repeat("abc"[i:i+1], size)), store.Put{IfAbsent: true})
			wantKind(t, fmt.Sprint("Put ", i, " if absent"), err, want)
		}
		if o, ok := srv.Get("bucket", key); !ok || o.Body[0] != 'a' || len(o.Body) != size {
			t.Errorf("got %d bytes, want the first %d", len(o.Body), size)
		}
	}
}

func TestStandInThawing(t *testing.T) {
	srv, b := stand(t, nil)
	put := store.Object{Key: "k", Size: 1, Class: store.DeepArchive}
	if _, err := b.Put(t.Context(), put, strings.NewReader("x"), store.Put{}); err != nil {
		t.Fatal(err)
	}
	look := func(want bool) {
		t.Helper()
		stat, err := b.Stat(t.Context(), "k")
		if err != nil || stat.Frozen != want || stat.Class != store.DeepArchive {
			t.Errorf("Stat: got %+v, %v, want frozen %v", stat, err, want)
		}
	}
	look(true)
	// The stand-in's listings name no RestoreInfo; page_test.go has what OSS sends.
	for obj, err := range b.List(t.Context(), store.Range{}) {
		if err != nil || !obj.Frozen || obj.Class != store.DeepArchive {
			t.Errorf("List: got %+v, %v, want it frozen", obj, err)
		}
	}
	_, _, err := b.Open(t.Context(), put, 0, -1)
	wantKind(t, "Open", err, fault.Denied)
	if err := srv.Thaw("bucket", "k"); err != nil {
		t.Fatal(err)
	}
	look(false)
	_, body, err := b.Open(t.Context(), put, 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	_ = body.Close()
}

func TestStandInMultipart(t *testing.T) {
	srv, b := stand(t, nil)
	id, _, err := b.Begin(t.Context(), store.Object{Key: "a b\x01中", Type: "text/plain", Meta: map[string]string{"A": "b"}})
	if err != nil {
		t.Fatal(err)
	}
	data := bytes.Repeat([]byte("0123456789abcdef"), 200<<10/16*3)
	var parts []store.Part
	for n := 3; n >= 1; n-- {
		size := int64(len(data)) / 3
		p, err := b.PutPart(t.Context(), "a b\x01中", id, n, bytes.NewReader(data[int64(n-1)*size:]), size)
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, p)
	}
	listed, err := b.Parts(t.Context(), "a b\x01中", id)
	if err != nil || len(listed) != 3 || listed[0].ETag != parts[2].ETag || listed[2].Size != parts[0].Size {
		t.Errorf("got %+v, %v, want %+v", listed, err, parts)
	}
	forged := slices.Clone(parts)
	forged[0].ETag = strings.Repeat("0", 32)
	_, err = b.Finish(t.Context(), "a b\x01中", id, forged, store.Put{})
	wantKind(t, "Finish with a replaced part", err, fault.Invalid)
	got, err := b.Finish(t.Context(), "a b\x01中", id, parts, store.Put{IfAbsent: true})
	if err != nil || got.CRC64 != fmt.Sprint(digest.CRC64(0, data)) {
		t.Errorf("got %+v, %v, want the whole's CRC64", got, err)
	}
	stat, err := b.Stat(t.Context(), "a b\x01中")
	if err != nil || stat.MD5 != "" || stat.Meta["A"] != "b" || stat.Hash != got.ETag {
		t.Errorf("got %+v, %v, want the attributes of Begin and no MD5", stat, err)
	}
	_, err = b.Parts(t.Context(), "a b\x01中", id)
	wantKind(t, "Parts of what is finished", err, fault.NotFound)
	if err := b.Abort(t.Context(), "a b\x01中", id); err != nil {
		t.Errorf("Abort of what is gone: %v", err)
	}
	if n := srv.Uploads("bucket"); n != 0 {
		t.Errorf("got %d uploads, want none", n)
	}
}

func TestCheckAgainstTheStandIn(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*Config)
		kind   fault.Kind
		want   string
	}{
		"all is right": {nil, "", ""},
		"wrong bucket": {func(c *Config) { c.Bucket = "other" }, fault.NotFound, `"other" does not exist`},
		"wrong region": {func(c *Config) { c.Region = "cn-beijing" }, fault.Invalid, `region "cn-beijing"`},
		"wrong key id": {func(c *Config) { c.Credentials = func() Credentials { return Credentials{"x", testSecret, ""} } }, fault.Denied, "does not know the access key id"},
		"wrong secret": {func(c *Config) { c.Credentials = func() Credentials { return Credentials{"LTAItest", "x", ""} } }, fault.Denied, "secret does not belong"},
	} {
		t.Run(name, func(t *testing.T) {
			_, b := stand(t, tc.change)
			err := b.Check(t.Context())
			wantKind(t, "Check", err, tc.kind)
			if err != nil && !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q in it", err, tc.want)
			}
		})
	}
}

func TestVersionedAgainstTheStandIn(t *testing.T) {
	srv, b := stand(t, nil)
	for _, tc := range []struct {
		state string
		want  bool
	}{{"", false}, {"Enabled", true}, {"Suspended", true}} {
		if err := srv.SetVersioning("bucket", tc.state); err != nil {
			t.Fatal(err)
		}
		if got, err := b.Versioned(t.Context()); err != nil || got != tc.want {
			t.Errorf("%q: got %v, %v, want %v", tc.state, got, err, tc.want)
		}
	}
}

func TestAnAnswerThatIsLostIsTemporary(t *testing.T) {
	srv, b := stand(t, nil)
	srv.Desk().Inject(chaos.Rule{Op: "put", Kind: chaos.Lost, Rate: 1})
	_, err := b.Put(t.Context(), store.Object{Key: "k", Size: 1}, strings.NewReader("x"), store.Put{})
	wantKind(t, "Put", err, fault.Temporary)
	if _, ok := srv.Get("bucket", "k"); !ok {
		t.Error("got nothing stored, want the object: only its answer was lost")
	}
}

func TestUnfinishedUploadsAreThoseOfExactlyOneKey(t *testing.T) {
	_, b := stand(t, func(*Config) {})
	for _, key := range awkward() {
		if len(key) == maxKey {
			continue // none is longer
		}
		want := map[string]bool{}
		for _, k := range []string{key, key, key + "0", "0" + key} {
			id, _, err := b.Begin(t.Context(), store.Object{Key: k})
			if err != nil {
				t.Fatalf("%q: %v", k, err)
			}
			want[id] = k == key
		}
		found, err := b.Unfinished(t.Context(), key)
		if err != nil || len(found) != 2 || !want[found[0].ID] || !want[found[1].ID] || time.Since(found[0].Begun).Abs() > time.Minute {
			t.Errorf("%q has %+v, %v, want the two that were begun now", key, found, err)
		}
	}
}
