package life_test

import (
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"kodoferry/scripts/ferry/life"
)

const seed = 1

func bucket(objects int, seed uint64) map[string]life.Item {
	items := map[string]life.Item{}
	for it := range life.Bucket(objects, seed) {
		items[it.Key] = it
	}
	return items
}

func TestABucketHasAsManyObjectsAsAskedFor(t *testing.T) {
	for _, n := range []int{0, 1, 2, 3, 10, 50, 99, 100, 101, 2000, 20000} {
		yielded := 0
		for range life.Bucket(n, seed) {
			yielded++
		}
		if items := bucket(n, seed); yielded != n || len(items) != n {
			t.Errorf("Bucket(%d) yields %d items of %d keys, want %d of each", n, yielded, len(items), n)
		}
	}
	for range life.Bucket(2000, seed) { // stops when told to
		break
	}
}

func TestItIsTheSameBucketEachTime(t *testing.T) {
	sum := func(objects int, seed uint64) string {
		h := sha256.New()
		for it := range life.Bucket(objects, seed) {
			describe(h, it)
		}
		return hex.EncodeToString(h.Sum(nil))
	}
	if a, b := sum(300, 7), sum(300, 7); a != b {
		t.Errorf("two buckets of one seed are %s and %s, want equal ones", a, b)
	}
	if a, b := sum(300, 7), sum(300, 8); a == b {
		t.Error("buckets of two seeds are equal, want different ones")
	}
}

func describe(h hash.Hash, it life.Item) {
	head := make([]byte, min(it.Size, 1000))
	_, err := it.Content().ReadAt(head, 0)
	fmt.Fprintf(h, "%q %v %d %v %q %q %d %v %v %v %v %v %x\n", it.Key, err, it.Size, it.Parts, it.Type, it.Meta, it.Class, it.Modified, it.Disabled, it.Frozen, it.NoHash, it.MD5, head)
}

func TestSizesAreThoseOfRealLife(t *testing.T) {
	const mib = 1 << 20
	var total int64
	var giant, big, small, empty, v2 int
	items := bucket(2000, seed)
	for _, it := range items {
		total += it.Size
		switch {
		case it.Size == 64*mib:
			giant++
		case it.Size > 20*mib:
			t.Errorf("%q has %d bytes, want at most 20 MiB beside the one of 64", it.Key, it.Size)
		case it.Size >= 5*mib:
			big++
		case it.Size == 0:
			empty++
		case it.Size >= 1<<10 && it.Size < 64<<10:
			small++
		}
		if it.Parts != nil {
			v2++
			sum := int64(0)
			for _, p := range it.Parts {
				sum += p
			}
			if sum != it.Size || len(it.Parts) < 2 || slices.Min(it.Parts) < 1 {
				t.Errorf("%q of %d bytes has the parts %v, want two or more that add up to it", it.Key, it.Size, it.Parts)
			}
			if it.MD5 {
				t.Errorf("%q is multipart and has an md5, want none, as at Kodo", it.Key)
			}
		}
	}
	if giant != 1 || big < 3 || big > 12 || empty < 5 || small < 1200 || v2 < 20 {
		t.Errorf("%d of 64 MiB, %d of 5 to 20 MiB, %d empty, %d of 1 to 64 KiB, %d multipart: want 1, 3..12, >= 5, >= 1200, >= 20", giant, big, empty, small, v2)
	}
	for _, s := range []uint64{1, 2, 3, 42, 2024} {
		total = 0
		for it := range life.Bucket(2000, s) {
			total += it.Size
		}
		if total < 400*mib || total > 600*mib {
			t.Errorf("seed %d: 2,000 objects have %d MiB, want 400 to 600", s, total/mib)
		}
	}
}

func TestEveryKindOfTroubleIsThere(t *testing.T) {
	items := bucket(2000, seed)
	var frozen, disabled, hashless, slash int
	for _, it := range items {
		count := func(n *int, yes bool) {
			if yes {
				*n++
			}
		}
		count(&frozen, it.Frozen)
		count(&disabled, it.Disabled)
		count(&hashless, it.NoHash)
		count(&slash, strings.HasPrefix(it.Key, "/"))
		if !utf8.ValidString(it.Key) || it.Key == "" || len(it.Key) > 750 {
			t.Errorf("%q is no key that Kodo would take", it.Key)
		}
		if it.Type == "" || it.Modified.IsZero() {
			t.Errorf("%q has the type %q and the time %v, want both", it.Key, it.Type, it.Modified)
		}
	}
	if frozen != 1 || disabled != 1 || hashless != 2 || slash != 1 {
		t.Errorf("%d frozen, %d disabled, %d without hash, %d with a leading slash: want 1, 1, 2, 1", frozen, disabled, hashless, slash)
	}
	if it := items[life.Archived]; !it.Frozen || it.Class != 2 {
		t.Errorf("%q is %+v, want it archived and frozen", life.Archived, it)
	}
	if it := items[life.Thawed]; it.Frozen || it.Class != 2 {
		t.Errorf("%q is %+v, want it archived and thawed", life.Thawed, it)
	}
	if !items[life.Disabled].Disabled || !items[life.Hashless].NoHash || items[life.Hashless].MD5 || !items[life.HashlessMD5].MD5 || items[life.Giant].Size != 64<<20 {
		t.Error("disabled, hash-less or giant objects are not what their names say")
	}
	for _, key := range []string{life.LeadingSlash, life.Empty, life.Folder, life.Headers, life.AwkwardMeta, "a//b", "a/../b", "..", "newline\nhere", "plus+plus"} {
		if _, ok := items[key]; !ok {
			t.Errorf("there is no %q, want one", key)
		}
	}
	bytes := 0
	for name, value := range items[life.HugeMeta].Meta {
		bytes += len(name) + len(value)
	}
	if bytes <= 8<<10 {
		t.Errorf("the metadata of %q has %d bytes, want more than 8 KiB", life.HugeMeta, bytes)
	}
	if !slices.ContainsFunc(slices.Collect(maps.Keys(items)), func(k string) bool { return strings.HasPrefix(k, life.Long) && len(k) == 700 }) {
		t.Error("there is no key of 700 bytes, want one")
	}
}

func TestContentIsTheSameFromAnywhere(t *testing.T) {
	for _, it := range []life.Item{bucket(2000, seed)["edges/one-block-and-a-byte.bin"], bucket(2000, seed)[life.Gzipped], bucket(2000, seed)[life.Empty]} {
		whole, err := io.ReadAll(it.Content())
		if err != nil || int64(len(whole)) != it.Size {
			t.Fatalf("%q: read %d bytes, %v, want %d", it.Key, len(whole), err, it.Size)
		}
		for _, off := range []int64{0, 1, 7, 8, 9, 4095, it.Size - 1} {
			for _, n := range []int64{1, 7, 8, 9, 1000} {
				if off < 0 || off+n > it.Size {
					continue
				}
				got := make([]byte, n)
				if _, err := it.Content().ReadAt(got, off); err != nil || string(got) != string(whole[off:off+n]) {
					t.Errorf("%q: ReadAt(%d, %d) = %x, %v, want %x", it.Key, off, n, got, err, whole[off:off+n])
				}
			}
		}
	}
}

func TestNoTwoContentsAreEqual(t *testing.T) {
	seen := map[string]string{}
	for it := range life.Bucket(2000, seed) {
		if it.Size < 32 {
			continue
		}
		head := make([]byte, 32)
		if _, err := it.Content().ReadAt(head, 0); err != nil {
			t.Fatal(err)
		}
		if other, twice := seen[string(head)]; twice {
			t.Errorf("%q and %q begin alike, want different content", it.Key, other)
		}
		seen[string(head)] = it.Key
	}
}

func TestTheGzippedObjectIsGzipped(t *testing.T) {
	r, err := gzip.NewReader(bucket(20, seed)[life.Gzipped].Content())
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err != nil || !strings.HasPrefix(string(text), "export const c0 = ") {
		t.Errorf("unpacked to %.40q, %v, want a script", text, err)
	}
}

func BenchmarkContent(b *testing.B) {
	it := bucket(200, seed)[life.Giant]
	b.SetBytes(it.Size)
	for b.Loop() {
		if _, err := io.Copy(io.Discard, it.Content()); err != nil {
			b.Fatal(err)
		}
	}
}
