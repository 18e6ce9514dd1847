package kodo

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"kodoferry/shared/store"
	"kodoferry/shared/store/storetest"
)

// itemJSON is an entry of a listing as Kodo writes it.
func itemJSON(key string) string {
	k, _ := json.Marshal(key) // a string: cannot fail
	return `{"key":` + string(k) + `,"hash":"FhHNuuv8GdpLpXHEvXJDUlJxtVCW","fsize":344606,"mimeType":"image/jpeg","putTime":15895275540000001,"type":0,"status":0,"md5":"5b3c1a2e053d763e1b002cc607c5a0fe"}`
}

func pageJSON(marker string, items ...string) []byte {
	return []byte(`{"marker":` + strconv.Quote(marker) + `,"items":[` + strings.Join(items, ",") + `]}`)
}

const fullItem = `{ "key" : "z/+ \u4e2d\ud83d\ude00\n\"\/", "hash":"lhHN", "fsize":0, "mimeType":"a/b", "putTime":17000000001234567, "type":3, "status":1,
 "endUser":"me", "lastModify": 1.5e3, "versions":[{"a":[true,false,null,"x"]}], "md5":"WzwaLgU9dj4bACzGB8Wg/g==",
 "x-qn-meta":{"!cache-control":"max-age=1","x-qn-meta-!Content-Type":"text/x","!Content-Encoding":"gzip","!X-Other":"o","x-qn-meta-Owner":"é","b":""}, "parts":[1048576,5] }`

func TestPageIsDecoded(t *testing.T) {
	data := pageJSON("bWFyaw==", itemJSON("a b"), fullItem)
	want := &page{marker: "bWFyaw==", thaw: []int{1}, objects: []store.Object{
		{Key: "a b", Size: 344606, Hash: "FhHNuuv8GdpLpXHEvXJDUlJxtVCW", MD5: "5b3c1a2e053d763e1b002cc607c5a0fe",
			Modified: time.Unix(1589527554, 100).UTC(), Type: "image/jpeg", Class: store.Standard},
		{Key: "z/+ 中😀\n\"/", Hash: "lhHN", MD5: "5b3c1a2e053d763e1b002cc607c5a0fe", Modified: time.Unix(1700000000, 123456700).UTC(),
			Type: "text/x", Class: store.DeepArchive, Disabled: true, Frozen: true, Parts: []int64{1048576, 5},
			Header: map[string]string{"Cache-Control": "max-age=1", "Content-Encoding": "gzip"},
			Meta:   map[string]string{"!x-other": "o", "owner": "é", "b": ""}},
	}}
	storetest.Parses(t, data, want, map[string]func([]byte) (*page, error){
		"scanned": func(b []byte) (*page, error) {
			p, ok := scanPage(b)
			if !ok {
				t.Error("scanPage does not know the shape, want it to")
			}
			return p, nil
		},
		"by encoding/json": decodePage,
	})
}

func TestPageThatIsUnusual(t *testing.T) {
	for name, tc := range map[string]struct {
		from, to      string
		scanned, kept bool
	}{
		"nothing unusual":                 {"", "", true, true},
		"space everywhere":                {":", " : ", true, true},
		"members nobody knows":            {`{"key"`, `{"new":{"a":[1,-2.5E+3,"\u00e9",true]},"key"`, true, true},
		"no items at all":                 {`"items":[`, `"items":null,"others":[`, true, false},
		"a hash that is null":             {`"FhHNuuv8GdpLpXHEvXJDUlJxtVCW"`, "null", true, true},
		"metadata and parts that are not": {`"type":0`, `"x-qn-meta":null,"parts":null`, true, true},
		"empty metadata and parts":        {`"type":0`, `"x-qn-meta":{},"parts":[]`, true, true},
		"a member in another case":        {`"key"`, `"KEY"`, false, true},
		"a member in another case, above": {`"items"`, `"Items"`, false, true},
		"metadata twice":                  {`"type":0`, `"x-qn-meta":{"a":"1"},"x-qn-meta":{"b":"2"}`, false, true},
		"metadata of one name":            {`"type":0`, `"x-qn-meta":{"a":"1","b":"","a":"2"}`, false, true},
		"a key twice":                     {`"key"`, `"key":"first","key"`, true, true},
		"a type unknown so far":           {`"type":0`, `"type":9`, true, true},
		"half a surrogate elsewhere":      {"image/jpeg", `\ud83d`, false, true},
		"half a surrogate in a key":       {`"key":"k`, `"key":"\ud83d`, false, false},
		"the wrong half of one":           {`"key":"k`, `"key":"\ude00\ud83d`, false, false},
		"a key that is no UTF-8":          {`"key":"k`, "\"key\":\"\xff", false, false},
		"a key that is a number":          {`"key":"k"`, `"key":1`, false, false},
		"a key that is null":              {`"key":"k"`, `"key":null`, false, false},
		"no key":                          {`"key"`, `"other"`, false, false},
		"a size below 0":                  {"344606", "-1", false, false},
		"a size that is none":             {"344606", "1.5", false, false},
		"a size that is text":             {"344606", `"1"`, false, false},
		"a size too big":                  {"344606", "99999999999999999999", false, false},
		"a size with a zero before":       {"344606", "0344606", false, false},
		"a page cut short":                {"]}", "]", false, false},
		"more behind the page":            {"]}", "]}x", false, false},
		"a comma too many":                {"]}", ",]}", false, false},
		"a control character":             {"image/jpeg", "image\n", false, false},
		"an escape that is none":          {"image/jpeg", `\x`, false, false},
		"another document":                {`{"marker"`, `["marker"`, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			data := []byte(strings.ReplaceAll(string(pageJSON("m", itemJSON("k"))), tc.from, tc.to))
			if tc.from == "" {
				data = pageJSON("m", itemJSON("k"))
			}
			if _, ok := scanPage(data); ok != tc.scanned {
				t.Errorf("scanPage took it: %v, want %v", ok, tc.scanned)
			}
			agree(t, data)
			p, err := parsePage(data)
			if tc.kept != (err == nil && len(p.objects) == 1 && p.objects[0].Key == "k") {
				t.Errorf("got %+v, %v, want the object: %v", p, err, tc.kept)
			}
		})
	}
}

func TestMD5IsHexWhateverItComesAs(t *testing.T) {
	const want = "5b3c1a2e053d763e1b002cc607c5a0fe"
	for in, out := range map[string]string{
		want: want, strings.ToUpper(want): want, "WzwaLgU9dj4bACzGB8Wg/g==": want, "WzwaLgU9dj4bACzGB8Wg_g==": want,
		"": "", "5b3c": "", "WzwaLgU9dj4bACzGB8Wg": "", strings.Repeat("z", 32): "", want + "00": "",
	} {
		if got := hexMD5(in); got != out {
			t.Errorf("hexMD5(%q) = %q, want %q", in, got, out)
		}
	}
}

func FuzzScanAgreesWithJSON(f *testing.F) {
	f.Add(pageJSON("m", itemJSON("a b/中"), fullItem))
	f.Add(pageJSON("", itemJSON("")))
	f.Add([]byte(`{"items":null,"commonPrefixes":["a"],"marker":null}`))
	f.Fuzz(func(t *testing.T, data []byte) { agree(t, data) })
}

// agree holds scanPage to encoding/json wherever it has an answer.
func agree(t *testing.T, data []byte) (scanned bool) {
	t.Helper()
	got, ok := scanPage(data)
	if !ok {
		return false
	}
	want, err := decodePage(data)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("scanned %+v\nwant    %+v, %v\nof %q", got, want, err, data)
	}
	return true
}

func TestScanAgreesWithJSONOnDamagedPages(t *testing.T) {
	const seed = 7
	whole := pageJSON("m", itemJSON("a b/中"), fullItem, itemJSON("<&>\u2028"))
	bits := []string{`"`, `\`, `\u12`, `\ud83d\ude00`, "{", "}", "[", "]", ",", ":", "null", "true", "1", "-0", "1e3", " ", "\n", "\xff", "中",
		`"key":"x",`, `"Key":"x",`, `"parts":[1],`, `"x-qn-meta":{"a":"b"},`, `"a":{},`, `"fsize":7,`}
	storetest.AgreeOnDamaged(t, seed, 20_000, 500, whole, bits, agree)
}

func TestScanTakesWhatJSONWrites(t *testing.T) {
	const seed = 8
	rnd := rand.New(rand.NewPCG(seed, 2))
	for range 5_000 {
		key := make([]rune, rnd.IntN(20))
		for i := range key {
			key[i] = []rune("a/\\\"\x00\x1f\x7fé中😀\u2028<")[rnd.IntN(12)]
		}
		data := pageJSON("m", itemJSON(string(key)))
		p, ok := scanPage(data)
		if !ok || len(p.objects) != 1 || p.objects[0].Key != string(key) {
			t.Fatalf("seed %d: scanPage of key %q: %+v, %v", seed, string(key), p, ok)
		}
		agree(t, data)
	}
}

func BenchmarkPage(b *testing.B) {
	items := make([]string, 1000)
	for i := range items {
		items[i] = itemJSON(fmt.Sprintf("photos/2024/06/%06d 图片.jpg", i))
	}
	data := pageJSON("marker", items...)
	for name, parse := range map[string]func([]byte) (*page, error){"scan": parsePage, "encoding-json": decodePage} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := parse(data); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/key")
		})
	}
}
