package oss

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"
)

func TestIndexAgreesWithASortedMap(t *testing.T) {
	const seed = 7
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	for name, key := range map[string]func(i int) string{
		"in order": func(i int) string { return fmt.Sprintf("%08d", i) },
		"backward": func(i int) string { return fmt.Sprintf("%08d", 99999999-i) },
		"anyhow":   func(int) string { return fmt.Sprintf("%x", r.IntN(30_000)) },
	} {
		t.Run(name, func(t *testing.T) {
			var x index
			want := map[string]*object{}
			for i := range 20_000 {
				k := key(i)
				if r.IntN(4) == 0 {
					k = key(r.IntN(i + 1))
					x.remove(k)
					delete(want, k)
					continue
				}
				o := &object{key: k}
				x.set(o)
				want[k] = o
			}
			keys := slices.Sorted(maps.Keys(want))
			if x.size != len(keys) {
				t.Fatalf("size = %d, want %d", x.size, len(keys))
			}
			at := x.from("")
			for i, k := range keys {
				if o := at.object(); o != want[k] || x.get(k) != want[k] {
					t.Fatalf("key %d is %v, want %q", i, o, k)
				}
				at.next()
			}
			if at.object() != nil {
				t.Errorf("%q is behind the last", at.object().key)
			}
			for range 200 {
				k := key(r.IntN(20_000)) + string([]byte{byte(r.IntN(256))})
				i, _ := slices.BinarySearch(keys, k)
				c := x.from(k)
				switch o := c.object(); {
				case i == len(keys) && o != nil, i < len(keys) && (o == nil || o.key != keys[i]):
					t.Fatalf("from(%q) is %v, want number %d", k, o, i)
				}
			}
			for _, b := range x.blocks {
				if len(b) == 0 || len(b) > blockSize {
					t.Fatalf("a block holds %d", len(b))
				}
			}
		})
	}
}

func TestPastIsBehindAllThatBeginSo(t *testing.T) {
	for prefix, want := range map[string]string{"a/": "a0", "a\xff": "b", "中": "\xe4\xb8\xae"} {
		if got, ok := past(prefix); got != want || !ok {
			t.Errorf("past(%q) = %q, want %q", prefix, got, want)
		}
	}
	if _, ok := past("\xff"); ok {
		t.Error("past of the last string found one")
	}
}

func TestXMLIsRead(t *testing.T) {
	for name, tc := range map[string]struct {
		doc, want string
		ok        bool
	}{
		"text":             {"<?xml version=\"1.0\"?>\n<A><B>x</B></A>\n", "x", true},
		"attributes":       {`<A xmlns="a>b"><B c='"'>x</B></A>`, "x", true},
		"prefixes":         {"<n:A><n:B>x</n:B></n:A>", "x", true},
		"references":       {"<A><B>&lt;&gt;&amp;&quot;&apos;&#65;&#x42;&#x01;</B></A>", "<>&\"'AB\x01", true},
		"CDATA":            {"<A><B>a<![CDATA[<b>&]]>c</B></A>", "a<b>&c", true},
		"comments":         {"<!-- a --><A><!-- b --><B>x<!-- c -->y</B></A><!-- d -->", "xy", true},
		"white space kept": {"<A> <B> x </B> </A>", " x ", true},
		"an empty element": {"<A><B/></A>", "", true},
		"no end":           {"<A><B>x</B>", "", false},
		"crossed":          {"<A><B>x</A></B>", "", false},
		"two roots":        {"<A><B>x</B></A><A></A>", "", false},
		"a type":           {"<!DOCTYPE a><A><B>x</B></A>", "", false},
		"its own entity":   {"<A><B>&x;</B></A>", "", false},
		"an open entity":   {"<A><B>&amp</B></A>", "", false},
		"nothing":          {"", "", false},
		"no element":       {"x", "", false},
		"too deep":         {"<A><B>" + deep("<c>", 20) + deep("</c>", 20) + "</B></A>", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			n, ok := parseXML([]byte(tc.doc))
			if ok != tc.ok || ok && n.get("B").text != tc.want {
				t.Errorf("got %q, %v, want %q, %v", n.get("B").text, ok, tc.want, tc.ok)
			}
		})
	}
}

func deep(s string, n int) (out string) {
	for range n {
		out += s
	}
	return out
}

func TestTokensLookLikeTheServices(t *testing.T) {
	if got := sealToken("bc"); got != "CgJiYw--" {
		t.Errorf("token of bc = %s, want CgJiYw--", got)
	}
	for _, key := range []string{"", "a", string(make([]byte, 127)), string(make([]byte, 128)), string(make([]byte, 1023)), "\xff\xfe中"} {
		if got, ok := openToken(sealToken(key)); got != key || !ok {
			t.Errorf("token of %q opens as %q, %v", key, got, ok)
		}
	}
	for _, bad := range []string{"x", "CgNiYw--", "CgFiYw--", "EgJiYw--", "Cg--", "CoCAgIAB"} {
		if key, ok := openToken(bad); ok {
			t.Errorf("token %s opens as %q, want none", bad, key)
		}
	}
}

var epoch = time.Unix(1_700_000_000, 0)

// BenchmarkMemoryOfAnObject reports the bytes that an object of a migration
// takes where only attributes are kept.
func BenchmarkMemoryOfAnObject(b *testing.B) {
	const n = 300_000
	for b.Loop() {
		s := &Server{hollow: hollow(Config{AttributesOnly: true}), buckets: map[string]*bucket{}}
		bkt := newBucket("bucket", epoch, standard, aclPrivate)
		s.buckets["bucket"] = bkt
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		for i := range n {
			err := s.Put("bucket", Object{
				Key: fmt.Sprintf("users/2024/03/%012d/photo.jpg", i), Size: 1 << 20, ETag: "D41D8CD98F00B204E9800998ECF8427E", LastModified: epoch,
				Header: map[string][]string{"Content-Type": {"image/jpeg"}},
				Meta:   map[string]string{"ferry-hash": "Fto5o-5ea0sNMlW_75VgGJCv2AcJ", "ferry-time": "17000000000000000"},
			})
			if err != nil {
				b.Fatal(err)
			}
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/n, "B/object")
		runtime.KeepAlive(s)
	}
}
