package show

import (
	"strings"
	"testing"
	"time"

	"kodoferry/shared/columns"
	"kodoferry/shared/ledger"
	"kodoferry/shared/overview"
)

// TestNoLineIsWiderThanTheTerminal shows a run with long keys, many causes and workers, of
// which most is Chinese, at some widths.
func TestNoLineIsWiderThanTheTerminal(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	many := ledger.Tally{Objects: 123_456_789, Bytes: 987_654_321_000}
	o := overview.Overview{
		Run: "photos/20260301T120000Z", Source: "kodo://照片库照片库照片库/2019/", Target: "oss://photos-new/", State: overview.Copying, At: now, Started: now.Add(-time.Hour),
		Says:    overview.Sentence{Code: "state.copying", Args: []overview.Arg{{Name: "ended", Kind: overview.Number, Number: 123456789}, {Name: "to_copy", Kind: overview.Number, Number: 987654321}}},
		Counts:  overview.Counts{Listed: many, ToCopy: many, Ended: many, Open: many, Verified: many, Failed: many, Excluded: many, UnderWay: many, Throttled: 12345},
		Batches: overview.Batches{Sealed: 800_000, Ended: 1, UnderWay: 64}, Shards: overview.Shards{Known: 2000, Listed: 10},
		Rate: overview.Rate{Objects: 12345, Bytes: 1e9, Over: time.Minute}, Left: overview.Left{Known: true, Time: 100 * time.Hour, Rests: overview.Sentence{Code: "left.rate"}},
		Books: overview.Books{Listed: many, Lines: []overview.Line{{State: ledger.Copied, Tally: many}, {State: overview.OpenLine, Tally: many}}},
		Next:  overview.Sentence{Code: "next.copy", Args: []overview.Arg{{Name: "command", Kind: overview.Command, Text: "ferry copy 'kodo://photos/?region=z0' 'oss://photos-new/'"}}},
	}
	for i := range 3000 {
		o.Series.Objects, o.Series.Bytes = append(o.Series.Objects, int64(i%17)), append(o.Series.Bytes, int64(i%19)<<20)
	}
	o.Series.Each = 60
	for i := range 400 {
		o.Space = append(o.Space, overview.Stretch{Progress: []overview.Progress{overview.Listed, overview.VerifiedProof, overview.GivenUp}[i%3]})
	}
	for range 12 {
		o.Failures = append(o.Failures, overview.Failure{State: "failed", Cause: "The source does not serve it", Cure: "See whether its owner can read it", Objects: 7, Keys: []string{strings.Repeat("文件夹/", 40) + "\x1b[31m.jpg"}})
		o.Work.Workers = append(o.Work.Workers, overview.Worker{Process: "abcdefgh", Host: "rack-3.example.com", PID: 4711, Does: overview.Copies, Since: now, Seen: now, Ended: many})
	}
	o.Work.Alive = 12
	for i, width := range []int{40, 41, 60, 80, 100, 140} {
		for _, line := range Lines(o, Style{Width: width, Colour: i%2 == 0}, true) {
			if n := columns.Width(line); n > width && !strings.Contains(line, "photos/20260301T120000Z") {
				t.Errorf("at %d columns a line has %d: %q", width, n, columns.Plain(line))
			}
			if strings.Contains(columns.Plain(line), "\x1b") {
				t.Errorf("a key colours what is behind it: %q", line)
			}
		}
		for _, line := range Moving(o, Style{Width: width}) {
			if n := columns.Width(cut(line, width-1)); n >= width {
				t.Errorf("at %d columns a line of copy has %d: %q", width, n, line)
			}
		}
	}
}

func TestLinesThatArePrintedThinOut(t *testing.T) {
	if got := []time.Duration{lineAfter(0), lineAfter(59 * time.Second), lineAfter(time.Minute), lineAfter(time.Hour)}; got[0] != 2*time.Second || got[1] != 2*time.Second || got[2] != time.Minute || got[3] != time.Minute {
		t.Errorf("lines come every %v, want 2 s for a minute and then a minute", got)
	}
}

func TestAFindingIsFoldedAtTheWidth(t *testing.T) {
	head, text := "  note  prefixes      ", "the target's prefix ends with a slash, so that 键 becomes another: write both alike, or neither"
	for _, width := range []int{0, 40, 60, 80, 140} {
		lines := Style{Width: width}.folded(head, text)
		for i, line := range lines {
			if n := columns.Width(line); width > 0 && n >= width {
				t.Errorf("at %d columns a line has %d: %q", width, n, line)
			}
			if i > 0 && !strings.HasPrefix(line, "    ") {
				t.Errorf("at %d columns a line does not stand below its head: %q", width, line)
			}
		}
		if width == 0 && len(lines) != 1 {
			t.Errorf("where no terminal is, there are %d lines, want one", len(lines))
		}
		var all []string
		for _, line := range lines {
			all = append(all, strings.TrimSpace(line))
		}
		if got := strings.Join(all, " "); got != strings.TrimSpace(head+text) {
			t.Errorf("at %d columns %q, want every word", width, got)
		}
	}
}
