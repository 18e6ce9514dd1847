package store_test

import (
	"net/http"
	"testing"
	"time"

	"kodoferry/shared/store"
)

// FuzzParseTime: a time is what net/http takes it for.
func FuzzParseTime(f *testing.F) {
	for _, s := range []string{
		"Mon, 30 Nov 2026 18:10:06 GMT", "Thu, 29 Feb 2024 00:00:00 GMT", "Thu, 29 Feb 2023 00:00:00 GMT", "Sun, 00 Jan 2023 00:00:00 GMT", "Sun, 31 Apr 2023 10:00:00 GMT",
		"Mon, 30 Nov 2026 24:10:06 GMT", "Mon, 30 Nov 2026 18:60:06 GMT", "Mon, 30 Nov 2026 18:10:60 GMT", "mon, 30 nov 2026 18:10:06 GMT", "onT, 30 Nov 2026 18:10:06 GMT",
		"Mon, 30 anF 2026 18:10:06 GMT", "Mon, +3 Nov 2026 18:10:06 GMT", "Mon, 30 Nov 0000 18:10:06 GMT", "Mon, 30 Nov 9999 23:59:59 GMT", "Mon, 30 Nov 2026 18:10:06 UTC", "Mon, 30 Nov 2026 18:10:06 gmt",
		"Monday, 30-Nov-26 18:10:06 GMT", "Mon Nov 30 18:10:06 2026", "2026-11-30T18:10:06.000Z", "", "Mon, 30 Nov 2026 18:10:06 GM",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := store.ParseTime(s)
		want, wanted := http.ParseTime(s)
		if (err == nil) != (wanted == nil) || err == nil && (!got.Equal(want) || got.UTC() != want.UTC()) {
			t.Errorf("%q is %v, %v, want %v, %v", s, got, err, want, wanted)
		}
	})
}

func BenchmarkParseTime(b *testing.B) {
	for name, parse := range map[string]func(string) (time.Time, error){"ours": store.ParseTime, "net/http": http.ParseTime} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				_, _ = parse("Mon, 30 Nov 2026 18:10:06 GMT")
			}
		})
	}
}
