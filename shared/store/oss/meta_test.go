package oss

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"kodoferry/shared/store"
)

// travel takes headers over a wire that trims values, as HTTP does, and lowers names, as OSS does.
func travel(h map[string]string) http.Header {
	out := http.Header{}
	for name, value := range h {
		out.Set(strings.ToLower(name), strings.TrimSpace(value))
	}
	return out
}

// encoded is what encodeMeta adds, by names as OSS keeps them.
func encoded(meta map[string]string, origin *store.Origin) (map[string]string, []string) {
	h := newHeaders()
	warnings := encodeMeta(h, meta, origin)
	out := map[string]string{}
	for name, values := range h.all {
		out[strings.ToLower(name)] = values[0]
	}
	return out, warnings
}

func TestMetaComesBackAsItWas(t *testing.T) {
	const seed = 20260101
	rnd := rand.New(rand.NewPCG(seed, 1))
	pieces := []string{"a", "Z", "0", "-", "_", " ", "%", "'", "ferry-", "ferry-x-", "hash", "time", "UTF-8''", "utf-8''", "中", "\x00", "\xff", "\r\n", "\"", "-2d", "%41", ":"}
	text := func() string {
		var s strings.Builder
		for range rnd.IntN(6) {
			s.WriteString(pieces[rnd.IntN(len(pieces))])
		}
		return s.String()
	}
	for i := range 5000 {
		meta := map[string]string{}
		for range rnd.IntN(6) {
			meta[text()] = text()
		}
		var origin *store.Origin
		if rnd.IntN(2) == 0 {
			origin = &store.Origin{Hash: text(), Job: text(), Place: text(), Modified: time.Unix(rnd.Int64N(1<<32), rnd.Int64N(1e9)).UTC()}
		}
		h, warnings := encoded(meta, origin)
		if len(warnings) > 0 {
			t.Fatalf("seed %d, case %d: got warnings %q within the limit", seed, i, warnings)
		}
		for name, value := range h {
			if strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" || !plain(value) {
				t.Fatalf("seed %d, case %d: got header %q: %q, which OSS does not take", seed, i, name, value)
			}
		}
		got, gotOrigin := decodeMeta(travel(h))
		if !maps.Equal(got, meta) {
			t.Fatalf("seed %d, case %d: got %q, want %q", seed, i, got, meta)
		}
		if !reflect.DeepEqual(gotOrigin, origin) {
			t.Fatalf("seed %d, case %d: got origin %+v, want %+v", seed, i, gotOrigin, origin)
		}
	}
}

func TestMetaEncoding(t *testing.T) {
	for name, tc := range map[string]struct {
		name, value         string
		wantName, wantValue string
	}{
		"plain":                     {"a-1", "x y%", "a-1", "x y%"},
		"an upper-case name":        {"My_Name", "v", "ferry-x--4dy-5f-4eame", "v"},
		"a name of Ferry's":         {"ferry-hash", "v", "ferry-x-ferry-2dhash", "v"},
		"an empty name":             {"", "v", "ferry-x-", "v"},
		"an empty value":            {"a", "", "a", "UTF-8''"},
		"a Chinese value":           {"a", "中", "a", "UTF-8''%E4%B8%AD"},
		"a space at the end":        {"a", "v ", "a", "UTF-8''v%20"},
		"a value that looks so":     {"a", "UTF-8''%41", "a", "UTF-8''UTF-8%27%27%2541"},
		"a line break in the value": {"a", "1\r\nX: 2", "a", "UTF-8''1%0D%0AX%3A%202"},
	} {
		t.Run(name, func(t *testing.T) {
			h, _ := encoded(map[string]string{tc.name: tc.value}, nil)
			if want := map[string]string{"x-oss-meta-" + tc.wantName: tc.wantValue}; !maps.Equal(h, want) {
				t.Errorf("got %q, want %q", h, want)
			}
		})
	}
}

func TestMetaThatFerryDidNotWriteIsTakenAsItIs(t *testing.T) {
	h := http.Header{}
	for name, value := range map[string]string{
		"ferry-x--zz": "a", "ferry-x--61": "not as Ferry writes an a", "b": "UTF-8''%4", "ferry-time": "yesterday", "ferry-hash": "h",
	} {
		h.Set("x-oss-meta-"+name, value)
	}
	meta, origin := decodeMeta(h)
	if origin != nil {
		t.Errorf("got origin %+v, want none without a time", origin)
	}
	want := map[string]string{"ferry-x--zz": "a", "ferry-x--61": "not as Ferry writes an a", "b": "UTF-8''%4", "ferry-time": "yesterday", "ferry-hash": "h"}
	if !maps.Equal(meta, want) {
		t.Errorf("got %q, want %q", meta, want)
	}
}

func TestMetaOverTheLimitDropsTheLargestAndNamesIt(t *testing.T) {
	origin := &store.Origin{Hash: strings.Repeat("h", 28), Modified: time.Unix(1, 0)}
	for name, tc := range map[string]struct {
		meta map[string]string
		kept []string
		lost []string
	}{
		"all fit":                        {map[string]string{"a": strings.Repeat("x", 4000), "b": strings.Repeat("x", 4000)}, []string{"a", "b"}, nil},
		"the larger goes":                {map[string]string{"a": strings.Repeat("x", 5000), "b": strings.Repeat("x", 4000)}, []string{"b"}, []string{"a"}},
		"of equal ones the last by name": {map[string]string{"a": strings.Repeat("x", 3000), "b": strings.Repeat("x", 3000), "c": strings.Repeat("x", 3000)}, []string{"a", "b"}, []string{"c"}},
		"the size on the wire counts":    {map[string]string{"a": strings.Repeat("中", 1000), "b": strings.Repeat("x", 4000)}, []string{"b"}, []string{"a"}},
		"several go":                     {map[string]string{"a": strings.Repeat("x", 9000), "b": strings.Repeat("x", 8900), "c": "v"}, []string{"c"}, []string{"a", "b"}},
	} {
		t.Run(name, func(t *testing.T) {
			for range 10 { // whatever the order of the map
				h, warnings := encoded(tc.meta, origin)
				meta, back := decodeMeta(travel(h))
				if back == nil || back.Hash != origin.Hash {
					t.Fatalf("got origin %+v, want it kept", back)
				}
				want := map[string]string{}
				for _, k := range tc.kept {
					want[k] = tc.meta[k]
				}
				if !maps.Equal(meta, want) || len(warnings) != len(tc.lost) {
					t.Fatalf("got %d entries and warnings %q, want %q kept", len(meta), warnings, tc.kept)
				}
				for i, k := range tc.lost {
					if !strings.Contains(warnings[i], fmt.Sprintf("%q", k)) {
						t.Errorf("got warning %q, want it to name %q", warnings[i], k)
					}
				}
			}
		})
	}
}

func TestClassesComeBack(t *testing.T) {
	for c, want := range map[store.Class]struct {
		name string
		back store.Class
	}{
		"":                {"Standard", store.Standard},
		store.Standard:    {"Standard", store.Standard},
		store.Infrequent:  {"IA", store.Infrequent},
		store.Archive:     {"Archive", store.Archive},
		store.DeepArchive: {"ColdArchive", store.DeepArchive},
		store.ColdDeep:    {"DeepColdArchive", store.ColdDeep},
		store.ArchiveIR:   {"IA", store.Infrequent},
		store.Tiered:      {"Standard", store.Standard},
	} {
		name, err := className(c)
		if err != nil || name != want.name {
			t.Errorf("className(%q): got %q, %v, want %q", c, name, err, want.name)
		}
		if back := classOf([]byte(name)); back != want.back {
			t.Errorf("classOf(%q): got %q, want %q", name, back, want.back)
		}
	}
}

func TestFrozen(t *testing.T) {
	for name, tc := range map[string]struct {
		class   store.Class
		restore string
		want    bool
	}{
		"standard":           {store.Standard, "", false},
		"ia":                 {store.Infrequent, "", false},
		"archive":            {store.Archive, "", true},
		"archive, thawing":   {store.Archive, `ongoing-request="true"`, true},
		"archive, thawed":    {store.Archive, `ongoing-request="false", expiry-date="Sun, 16 Apr 2017 08:12:33 GMT"`, false},
		"cold archive":       {store.DeepArchive, "", true},
		"deep cold, thawing": {store.ColdDeep, `ongoing-request="true"`, true},
	} {
		t.Run(name, func(t *testing.T) {
			if got := frozen(tc.class, []byte(tc.restore)); got != tc.want {
				t.Errorf("got %v, want %v", got, tc.want)
			}
		})
	}
}
