package live_test

import (
	"testing"
	"time"

	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/live"
	"kodoferry/shared/store/mem"
)

func TestThoseWhoPullAreCountedWhileTheyLive(t *testing.T) {
	epoch := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	type sign struct {
		process string
		since   int // seconds after epoch, by its own clock
		at      int // when the store got it
		ended   bool
	}
	for name, tc := range map[string]struct {
		signs []sign
		since int
		now   int // of one who looks; 0: one of them asks
		want  string
	}{
		"nobody yet":                            {nil, 0, 5, ""},
		"in the order in which they began":      {[]sign{{"b", 1, 20, false}, {"a", 5, 10, false}}, 0, 0, "ba"},
		"one who ended":                         {[]sign{{"a", 1, 10, false}, {"b", 5, 11, false}, {"a", 1, 12, true}}, 0, 0, "b"},
		"one who died longer than a minute ago": {[]sign{{"a", 1, 10, false}, {"b", 5, 71, false}}, 0, 0, "b"},
		"one who refreshed its sign":            {[]sign{{"a", 1, 10, false}, {"b", 5, 71, false}, {"a", 1, 40, false}}, 0, 0, "ab"},
		"all dead, for one who looks later":     {[]sign{{"a", 1, 10, false}}, 0, 3600, ""},
		"one who began before those asked for":  {[]sign{{"a", 1, 10, false}, {"b", 50, 11, false}}, 20, 0, "b"},
	} {
		t.Run(name, func(t *testing.T) {
			b := mem.New(mem.OSS)
			l := ledger.Open(b, ".ferry/")
			for _, s := range tc.signs {
				b.Now = func() time.Time { return epoch.Add(time.Duration(s.at) * time.Second) }
				p := live.Sign{Process: s.process, Since: epoch.Add(time.Duration(s.since) * time.Second)}
				tell := func() error { return live.WritePulling(t.Context(), l.Folder(), p, p.Since) }
				if s.ended {
					tell = func() error { return live.EmptyPulling(t.Context(), l.Folder(), p) }
				}
				if err := tell(); err != nil {
					t.Fatal(err)
				}
			}
			now := time.Time{}
			if tc.now > 0 {
				now = epoch.Add(time.Duration(tc.now) * time.Second)
			}
			living, err := live.ReadPulling(t.Context(), l.Folder(), epoch.Add(time.Duration(tc.since)*time.Second), now)
			got := ""
			for _, p := range living {
				got += p.Process
			}
			if err != nil || got != tc.want {
				t.Errorf("pulling: %q, %v, want %q", got, err, tc.want)
			}
		})
	}
}
