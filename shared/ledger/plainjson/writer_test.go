package plainjson_test

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"testing"
	"time"

	"kodoferry/shared/ledger/plainjson"
)

// asJSON is what encoding/json writes without escapes for HTML.
func asJSON(t *testing.T, v any) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		t.Fatal(err)
	}
	return string(bytes.TrimSuffix(b.Bytes(), []byte("\n")))
}

func TestATextIsWrittenAsEncodingJSONDoesWhereverItsOddByteIs(t *testing.T) {
	for odd := range 256 {
		for length := range 20 {
			for at := range max(1, length) {
				text := bytes.Repeat([]byte("k"), length)
				if length > 0 {
					text[at] = byte(odd)
				}
				w := plainjson.Append([]byte("before"))
				w.Text(string(text))
				got, ok := w.Written()
				if want := "before" + asJSON(t, string(text)); ok && string(got) != want {
					t.Fatalf("%q is written %s, want %s", text, got, want)
				} else if !ok {
					t.Fatalf("%q is refused", text)
				}
			}
		}
	}
	for _, text := range []string{"照片/a", "a\u2028b", "12345678\u2029", "\xe7\x85", "1234567\xff", "é"} {
		w := plainjson.Append(nil)
		w.Text(text)
		if got, _ := w.Written(); string(got) != asJSON(t, text) {
			t.Errorf("%q is written %s, want %s", text, got, asJSON(t, text))
		}
	}
}

func TestATimeIsWrittenAsEncodingJSONDoes(t *testing.T) {
	const seed = 1
	r := rand.New(rand.NewPCG(seed, 1))
	first, last := time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC).Unix(), time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC).Unix()
	times := []time.Time{
		time.Unix(first, 0), time.Unix(last, 999_999_999), time.Date(2024, 2, 29, 0, 0, 0, 1, time.UTC), time.Date(2100, 2, 28, 23, 59, 59, 500_000_000, time.UTC),
		time.Date(2000, 12, 31, 0, 0, 0, 0, time.UTC), time.Date(1969, 12, 31, 23, 59, 59, 999_000_000, time.UTC),
	}
	for range 100_000 {
		at := time.Unix(first+r.Int64N(last-first), r.Int64N(1e9))
		times = append(times, at, at.Truncate(time.Duration(1)<<r.IntN(30)), at.Truncate(24*time.Hour))
	}
	for _, at := range times {
		at = at.UTC()
		w := plainjson.Append(nil)
		w.Time("", at)
		if got, ok := w.Written(); !ok || string(got) != `"`+at.Format(time.RFC3339Nano)+`"` {
			t.Fatalf("seed %d: %v is written %s, want %s", seed, at, got, at.Format(time.RFC3339Nano))
		}
	}
	for name, at := range map[string]time.Time{"before the year 0": time.Unix(first-1, 0).UTC(), "after 9999": time.Unix(last+1, 0).UTC(), "elsewhere": time.Unix(1, 0).In(time.FixedZone("", 3600))} {
		w := plainjson.Append(nil)
		if w.Time("", at); func() bool { _, ok := w.Written(); return ok }() {
			t.Errorf("%s: a time is written, want it refused", name)
		}
	}
}
