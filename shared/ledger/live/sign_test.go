package live_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/live"
	"kodoferry/shared/store/mem"
)

func TestTheLivingAreToldByTheStoresClock(t *testing.T) {
	epoch := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	type sign struct {
		process string
		since   int // seconds after epoch, by its own clock
		copies  bool
		at      int // when the store got it
	}
	for name, tc := range map[string]struct {
		signs []sign
		now   int // of one who looks; 0: one of them asks
		want  string
	}{
		"nobody yet":                              {nil, 0, "[]"},
		"both of two":                             {[]sign{{"a", 0, true, 10}, {"b", 5, true, 30}}, 0, "[a b]"},
		"one who stopped a minute ago":            {[]sign{{"a", 0, true, 10}, {"b", 5, true, 70}}, 0, "[a b]"},
		"one who stopped longer ago":              {[]sign{{"a", 0, true, 10}, {"b", 5, true, 71}}, 0, "[b]"},
		"one whose own clock is an hour ahead":    {[]sign{{"a", 3600, true, 10}, {"b", 5, true, 20}}, 0, "[b a]"},
		"those who copy come first":               {[]sign{{"a", 0, false, 10}, {"b", 5, true, 20}}, 0, "[b a]"},
		"one who does both counts once":           {[]sign{{"a", 0, false, 10}, {"a", 0, true, 20}}, 0, "[a]"},
		"equally old ones by their names":         {[]sign{{"b", 0, true, 10}, {"a", 0, true, 20}}, 0, "[a b]"},
		"all seen by one who looks in time":       {[]sign{{"a", 0, true, 10}, {"b", 5, true, 30}}, 80, "[a b]"},
		"none seen by one who looks much later":   {[]sign{{"a", 0, true, 10}, {"b", 5, true, 30}}, 3600, "[]"},
		"one who looks with a clock that is slow": {[]sign{{"a", 0, true, 100}}, 10, "[a]"},
	} {
		t.Run(name, func(t *testing.T) {
			b := mem.New(mem.OSS)
			run := ledger.Open(b, ".ferry/").Run("j/1")
			for _, s := range tc.signs {
				b.Now = func() time.Time { return epoch.Add(time.Duration(s.at) * time.Second) }
				p := live.Sign{Process: s.process, Since: epoch.Add(time.Duration(s.since) * time.Second), Copies: s.copies}
				if err := live.WriteSign(t.Context(), run.Folder(), p, p.Since); err != nil {
					t.Fatal(err)
				}
			}
			now := time.Time{}
			if tc.now > 0 {
				now = epoch.Add(time.Duration(tc.now) * time.Second)
			}
			living, err := live.ReadSigns(t.Context(), run.Folder(), now)
			var got []string
			for _, p := range living {
				got = append(got, p.Process)
				if i := slices.IndexFunc(tc.signs, func(s sign) bool { return s.process == p.Process }); !p.Since.Equal(epoch.Add(time.Duration(tc.signs[i].since) * time.Second)) {
					t.Errorf("%s began at %s, want what it said", p.Process, p.Since)
				}
			}
			if fmt.Sprint(got) != tc.want || err != nil {
				t.Errorf("living are %v, %v, want %s", got, err, tc.want)
			}
		})
	}
}

func TestWhoStoppedCopyingOrWaitsForThatIsToldApart(t *testing.T) {
	epoch := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	b := mem.New(mem.OSS)
	run := ledger.Open(b, ".ferry/").Run("j/1")
	sign := func(second int, p live.Sign) {
		t.Helper()
		p.Since = epoch
		b.Now = func() time.Time { return epoch.Add(time.Duration(second) * time.Second) }
		if err := live.WriteSign(t.Context(), run.Folder(), p, p.Since); err != nil {
			t.Fatal(err)
		}
	}
	sign(0, live.Sign{Process: "copies", Copies: true})
	sign(10, live.Sign{Process: "copies"}) // and does other things
	sign(11, live.Sign{Process: "other"})
	sign(20, live.Sign{Process: "other", Waits: true})
	sign(12, live.Sign{Process: "stopped", Copies: true})
	sign(13, live.Sign{Process: "waits", Waits: true})
	if err := live.StopCopying(t.Context(), run.Folder(), live.Sign{Process: "stopped", Since: epoch}); err != nil {
		t.Fatal(err)
	}
	living, err := live.ReadSigns(t.Context(), run.Folder(), time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range living {
		copied := "-"
		if !p.Copied.IsZero() {
			copied = p.Copied.Sub(epoch).String()
		}
		got = append(got, fmt.Sprint(p.Process, " ", p.Copies, " ", p.Waits, " ", p.Seen.Sub(epoch), " ", copied))
	}
	want := []string{"copies true false 10s 0s", "other false false 11s -", "waits false true 13s -"}
	if !slices.Equal(got, want) {
		t.Errorf("living (process, copies, waits, seen, copied): %q, want %q", got, want)
	}
}
