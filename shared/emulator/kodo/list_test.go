package kodo_test

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"kodoferry/shared/digest"
	"kodoferry/shared/emulator/chaos"
	"kodoferry/shared/emulator/kodo"
)

// awkward keys sort by bytes and must survive the wire unchanged.
var awkward = []string{
	"/lead", "//two", "a", "a b", "a+b", "a/", "a/../b", "a/./b", "a//b", "a%2Fb", "a?b", "a?e=1&token=x", "a#b", "a&b=c", "a:b", "a|b", "..", ".",
	"tab\there", "line\nfeed", "del\x7f", "ctl\x01", "quote\"back\\slash", "zé", "中文/文件", "\U0001F600", "�", "\u2028", strings.Repeat("k", 750),
}

// page is an answer of list.
type page struct {
	Marker         string
	CommonPrefixes []string
	Items          []struct {
		Key, Hash, MimeType, Md5, EndUser string
		Fsize, PutTime                    int64
		Type, Status, RestoreStatus       int
		Meta                              map[string]string `json:"x-qn-meta"`
		Parts                             []int64
	}
}

func (w *world) list(query url.Values) (p page) {
	w.t.Helper()
	query.Set("bucket", "b")
	status, body := w.manage("GET", "/list?"+query.Encode(), "")
	if err := json.Unmarshal([]byte(body), &p); status != 200 || err != nil {
		w.t.Fatalf("list %v = %d %.200s, %v", query, status, body, err)
	}
	return p
}

// walk lists to the end and returns each key and common prefix, in order.
func (w *world) walk(query url.Values) (got []string) {
	w.t.Helper()
	for pages := 0; pages < 100000; pages++ {
		p := w.list(query)
		var names []string
		for _, o := range p.Items {
			names = append(names, o.Key)
		}
		names = append(names, p.CommonPrefixes...)
		slices.Sort(names)
		got = append(got, names...)
		if p.Marker == "" {
			return got
		}
		query.Set("marker", p.Marker)
	}
	w.t.Fatal("the listing does not end")
	return nil
}

func TestAListingYieldsEachKeyOnceInOrder(t *testing.T) {
	w := newWorld(t, kodo.Config{})
	for _, k := range awkward {
		w.put(k, k)
	}
	want := slices.Sorted(slices.Values(awkward))
	for limit := 1; limit <= len(awkward)+1; limit++ {
		if got := w.walk(url.Values{"limit": {strconv.Itoa(limit)}}); !slices.Equal(got, want) {
			t.Errorf("by %d = %q, want %q", limit, got, want)
		}
	}
	for _, prefix := range []string{"a", "a/", "/", "none", "\U0001F600", "b"} {
		var want []string
		for _, k := range slices.Sorted(slices.Values(awkward)) {
			if strings.HasPrefix(k, prefix) {
				want = append(want, k)
			}
		}
		if got := w.walk(url.Values{"limit": {"2"}, "prefix": {prefix}}); !slices.Equal(got, want) {
			t.Errorf("under %q = %q, want %q", prefix, got, want)
		}
	}
}

func TestADelimiterGathersKeys(t *testing.T) {
	w := newWorld(t, kodo.Config{})
	for _, k := range []string{"a", "d/1", "d/2", "d/e/3", "d0", "e/", "e/f", "z"} {
		w.put(k, "")
	}
	for limit := 1; limit < 8; limit++ {
		n := strconv.Itoa(limit)
		if got, want := w.walk(url.Values{"limit": {n}, "delimiter": {"/"}}), []string{"a", "d/", "d0", "e/", "z"}; !slices.Equal(got, want) {
			t.Errorf("by %d = %q, want %q", limit, got, want)
		}
		if got, want := w.walk(url.Values{"limit": {n}, "delimiter": {"/"}, "prefix": {"d/"}}), []string{"d/1", "d/2", "d/e/"}; !slices.Equal(got, want) {
			t.Errorf("by %d under d/ = %q, want %q", limit, got, want)
		}
		if got, want := w.walk(url.Values{"limit": {n}, "delimiter": {"/"}, "prefix": {"e/"}}), []string{"e/", "e/f"}; !slices.Equal(got, want) {
			t.Errorf("by %d under e/ = %q, want %q", limit, got, want)
		}
	}
}

func markerOf(text string) string { return base64.URLEncoding.EncodeToString([]byte(text)) }

func TestAMarkerOfAnyKeyStartsAfterIt(t *testing.T) {
	w := newWorld(t, kodo.Config{})
	for _, k := range []string{"a", "c", "ü"} {
		w.put(k, "")
	}
	for after, want := range map[string][]string{"": {"a", "c", "ü"}, "a": {"c", "ü"}, "b": {"c", "ü"}, "c": {"ü"}, "d": {"ü"}, "ü": nil, "v": {"ü"}} {
		key, _ := json.Marshal(after)
		if got := w.walk(url.Values{"marker": {markerOf(`{"c":0,"k":` + string(key) + `}`)}}); !slices.Equal(got, want) {
			t.Errorf("after %q = %q, want %q", after, got, want)
		}
	}
	if p := w.list(url.Values{"limit": {"1"}}); p.Marker != markerOf(`{"c":0,"k":"a"}`) {
		t.Errorf("marker after a = %s", p.Marker)
	}
}

func TestAKeyThatIsNoUTF8DoesNotHoldTheListingUp(t *testing.T) {
	w := newWorld(t, kodo.Config{})
	for _, k := range []string{"", "a\xff", "a\xff\xff", "b"} {
		w.put(k, "")
	}
	if got, want := w.walk(url.Values{"limit": {"1"}}), []string{"", "a�", "a��", "b"}; !slices.Equal(got, want) {
		t.Errorf("listed %q, want %q", got, want)
	}
}

func TestAListingTellsWhatItKnows(t *testing.T) {
	w := newWorld(t, kodo.Config{})
	for _, o := range []kodo.Object{
		{Key: "1", Body: text(6 << 20), Parts: []int64{5 << 20, 1 << 20}, MimeType: "video/mp4", EndUser: "me", Meta: map[string]string{"x-qn-meta-A": "\"", "!Cache-Control": "no-store"}},
		{Key: "2", Body: []byte("x"), MD5: true, Type: 2, RestoreStatus: 1, Status: 1},
		{Key: "3", NoHash: true},
		{Key: "4", Hash: "wrong"},
	} {
		if _, err := w.Put("b", o); err != nil {
			t.Fatal(err)
		}
	}
	stored, _ := w.Get("b", "1")
	var got []string
	for _, o := range w.list(url.Values{"needparts": {"true"}}).Items {
		got = append(got, fmt.Sprintf("%s %q %d %s %q %v %v %q type %d status %d restore %d",
			o.Key, o.Hash, o.Fsize, o.MimeType, o.EndUser, o.Meta, o.Parts, o.Md5, o.Type, o.Status, o.RestoreStatus))
	}
	want := []string{
		`1 "` + stored.Hash + `" 6291456 video/mp4 "me" map[!Cache-Control:no-store A:"] [5242880 1048576] "" type 0 status 0 restore 0`,
		`2 "` + digest.QetagOf([]byte("x")) + `" 1 application/octet-stream "" map[] [] "9dd4e461268c8034f5c8564e155c67a6" type 2 status 1 restore 1`,
		`3 "" 0 application/octet-stream "" map[] [] "" type 0 status 0 restore 0`,
		`4 "wrong" 0 application/octet-stream "" map[] [] "" type 0 status 0 restore 0`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("listed\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if p := w.list(url.Values{}); p.Items[0].Parts != nil {
		t.Errorf("parts that nobody asked for: %v", p.Items[0].Parts)
	}
}

func TestAListingRefusesNonsense(t *testing.T) {
	w := newWorld(t, kodo.Config{})
	for name, tc := range map[string]struct {
		query string
		want  int
	}{
		"limit 0":                     {"bucket=b&limit=0", 400},
		"limit 1001":                  {"bucket=b&limit=1001", 400},
		"a limit that is no number":   {"bucket=b&limit=x", 400},
		"no bucket":                   {"limit=1", 400},
		"a missing bucket":            {"bucket=none", 631},
		"a marker that is no base64":  {"bucket=b&marker=!", 640},
		"a marker that is no JSON":    {"bucket=b&marker=" + markerOf("x"), 640},
		"a marker without a key":      {"bucket=b&marker=" + markerOf(`{"c":0}`), 640},
		"a marker that is a bare key": {"bucket=b&marker=key", 640},
	} {
		t.Run(name, func(t *testing.T) {
			if status, body := w.manage("GET", "/list?"+tc.query, ""); status != tc.want {
				t.Errorf("list = %d %s, want %d", status, body, tc.want)
			}
		})
	}
	if status, body := w.manage("POST", "/list", "bucket=b&limit=1"); status != 200 {
		t.Errorf("list by a form = %d %s, want 200", status, body)
	}
}

func TestTheSecondListingSendsALineAnEntry(t *testing.T) {
	w := newWorld(t, kodo.Config{})
	if err := w.Synthesize("b", kodo.Synthetic{Count: 2500, MaxSize: 9, Prefix: "d/"}); err != nil {
		t.Fatal(err)
	}
	w.put("a", "")
	lines := func(query string) (keys []string, last string) {
		_, body := w.manage("GET", "/v2/list?bucket=b"+query, "")
		for sc := bufio.NewScanner(strings.NewReader(body)); sc.Scan(); {
			var line struct {
				Item   *struct{ Key string }
				Marker string
				Dir    string
			}
			if err := json.Unmarshal(sc.Bytes(), &line); err != nil {
				t.Fatalf("%s: %v", sc.Bytes(), err)
			}
			if line.Item != nil {
				keys = append(keys, line.Item.Key)
			} else if line.Dir != "" {
				keys = append(keys, line.Dir)
			}
			last = line.Marker
		}
		return keys, last
	}
	if keys, last := lines(""); len(keys) != 2501 || last != "" {
		t.Errorf("everything = %d lines and marker %q, want 2501 and none", len(keys), last)
	}
	keys, last := lines("&limit=1500")
	more, end := lines("&marker=" + url.QueryEscape(last))
	if len(keys) != 1500 || len(more) != 1001 || end != "" || !slices.IsSorted(append(keys, more...)) {
		t.Errorf("1500 and the rest = %d, %d lines, marker %q", len(keys), len(more), end)
	}
	if keys, _ := lines("&delimiter=/"); !slices.Equal(keys, []string{"a", "d/"}) {
		t.Errorf("with a delimiter = %q", keys)
	}
}

// TestAListingIsAMergeOfWhatIsStoredAndDerived holds a bucket of derived
// objects, with others put and deleted on top, against a map.
func TestAListingIsAMergeOfWhatIsStoredAndDerived(t *testing.T) {
	w := newWorld(t, kodo.Config{})
	spec := kodo.Synthetic{Count: 1500, Seed: seed, MaxSize: 20, Prefix: "k", Depth: 1}
	if err := w.Synthesize("b", spec); err != nil {
		t.Fatal(err)
	}
	keys := map[string]bool{}
	for _, k := range w.walk(url.Values{}) {
		keys[k] = true
	}
	if len(keys) != int(spec.Count) {
		t.Fatalf("derived %d keys, want %d", len(keys), spec.Count)
	}
	derived := slices.Sorted(maps.Keys(keys))
	r := rand.New(rand.NewPCG(seed, 1))
	for range 4000 {
		k := derived[r.IntN(len(derived))]
		if r.IntN(2) == 0 {
			k = fmt.Sprintf("%s%03d", k[:1+r.IntN(8)], r.IntN(800))
		}
		if r.IntN(2) == 0 {
			w.put(k, "over")
			keys[k] = true
		} else {
			w.Remove("b", k)
			delete(keys, k)
		}
	}
	want := slices.Sorted(maps.Keys(keys))
	for _, limit := range []string{"1000", "7"} {
		if got := w.walk(url.Values{"limit": {limit}}); !slices.Equal(got, want) {
			t.Errorf("seed %d: listed %d keys by %s, want %d", seed, len(got), limit, len(want))
		}
	}
	for range 50 {
		at := r.IntN(len(want))
		key, _ := json.Marshal(want[at])
		if got := w.list(url.Values{"limit": {"1"}, "marker": {markerOf(`{"c":0,"k":` + string(key) + `}`)}}); at+1 < len(want) && got.Items[0].Key != want[at+1] {
			t.Errorf("seed %d: after %q comes %q, want %q", seed, want[at], got.Items[0].Key, want[at+1])
		}
	}
}

func TestEmptyPagesLoseNothing(t *testing.T) {
	w := newWorld(t, kodo.Config{})
	for i := range 30 {
		w.put(fmt.Sprintf("%02d", i), "")
	}
	w.Desk().Inject(chaos.Rule{Op: "list", Kind: chaos.EmptyPage, Rate: 0.5})
	if got := w.walk(url.Values{"limit": {"3"}}); len(got) != 30 || !slices.IsSorted(got) {
		t.Errorf("listed %q", got)
	}
	if n := w.Desk().Injected()[chaos.EmptyPage]; n == 0 {
		t.Error("no page was empty")
	}
	w.Desk().Inject(chaos.Rule{Op: "list", Kind: chaos.EmptyPage, Rate: 1, Limit: 2})
	first := w.list(url.Values{})
	second := w.list(url.Values{"marker": {first.Marker}})
	if len(first.Items)+len(second.Items) != 0 || first.Marker == "" || first.Marker == second.Marker {
		t.Errorf("two empty pages = %+v, %+v, want markers that differ", first, second)
	}
}
