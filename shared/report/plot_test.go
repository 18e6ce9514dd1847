package report_test

import (
	"encoding/xml"
	"errors"
	"io"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"time"

	"kodoferry/shared/ledger"
	"kodoferry/shared/report"
	"kodoferry/shared/store"
)

// profiled gives a report the profile of n objects over some time.
func profiled(n int, over time.Duration) func(*report.Report) {
	return func(r *report.Report) {
		d := rand.New(rand.NewPCG(7, uint64(n)))
		for i := range n {
			row := ledger.Row{Src: store.Object{Size: int64(d.ExpFloat64()*200_000) >> d.IntN(12), Class: []store.Class{store.Standard, store.Standard, store.Infrequent, store.Archive, "", "<b>"}[d.IntN(6)]}, State: ledger.Copied}
			row.At = r.Started.Add(time.Duration(float64(over) * float64(i) / float64(n)))
			if d.IntN(100) == 0 {
				row.State = ledger.Failed
			}
			r.Profile.Count(row)
		}
	}
}

// drawings are the SVG pictures of a page that stand in figures.
var drawings = regexp.MustCompile(`(?s)<figure>.*?(<svg.*?</svg>).*?</figure>`)

func TestARunIsDrawn(t *testing.T) {
	for name, tc := range map[string]struct {
		over     time.Duration
		n, plots int
		want     []string
	}{
		"of a moment":  {time.Second / 2, 40, 4, []string{"1 s a bar", "02:03:04", "not told by the source", "any other", "Objects by size"}},
		"of two hours": {2 * time.Hour, 20_000, 5, []string{"1 min a bar", "04:03:00", "Objects that need a person", "archive", "1 KiB"}},
		"of weeks":     {20 * 24 * time.Hour, 20_000, 5, []string{"6 h a bar", "03-01 00:00"}},
	} {
		t.Run(name, func(t *testing.T) {
			page := render(t, profiled(tc.n, tc.over))
			for _, want := range tc.want {
				if !strings.Contains(page, want) {
					t.Errorf("the page lacks %q", want)
				}
			}
			found := drawings.FindAllStringSubmatch(page, -1)
			if len(found) != tc.plots {
				t.Errorf("%d plots, want %d", len(found), tc.plots)
			}
			for _, f := range found {
				wellFormed(t, f[1])
				for _, want := range []string{`role="img"`, "<title id=", "<desc id=", "aria-labelledby="} {
					if !strings.Contains(f[1], want) {
						t.Errorf("a plot lacks %s: %.200s", want, f[1])
					}
				}
			}
		})
	}
}

// wellFormed fails where a drawing is no XML.
func wellFormed(t *testing.T, text string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(text))
	for {
		_, err := d.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatalf("%v in %.300s", err, text)
		}
	}
}

func TestAReportWithoutAProfileIsNotDrawn(t *testing.T) {
	page := render(t)
	for _, not := range []string{"The run over time", "What was listed<", "<figure"} {
		if strings.Contains(page, not) {
			t.Errorf("the page of an older report has %q", not)
		}
	}
}
