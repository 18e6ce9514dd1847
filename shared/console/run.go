package console

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"kodoferry/shared/control"
	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/overview"
)

// runData is the page of a run.
type runData struct {
	O      overview.Overview
	Shown  string // how it goes, in a word
	Acts   []string
	Done   string // the change that led here
	Limits control.Limits
	Stale  []string // why the figures are old: the ledger does not answer
}

// runName is the name that the path has, which may be that of a run.
func runName(q *request) (string, error) {
	j, at := q.PathValue("job"), q.PathValue("time")
	if strings.Contains(j, "/") || strings.Contains(at, "/") {
		return "", fault.New(fault.Invalid, "console.run", "", fmt.Errorf("%q names no run: it is <job>/<time>", j+"/"+at))
	}
	return j + "/" + at, nil
}

// readOverview reads how the run stands that the path names. Where the ledger does not answer
// it is as it was read last, with the reason.
func readOverview(q *request, ctx context.Context) (runData, error) {
	name, err := runName(q)
	if err != nil {
		return runData{}, err
	}
	o, err := q.console.views.Overview(ctx, name)
	d := runData{O: o}
	switch {
	case err == nil:
	case o.Run == "" || ledger.Missing(err):
		return d, err
	default:
		d.Stale = sentences(err)
	}
	d.Shown = shown(o.State, o.Standing, o.Result)
	d.Acts = actsOf(o)
	return d, nil
}

// actsOf are the changes that a run takes as it stands.
func actsOf(o overview.Overview) []string {
	switch {
	case o.State == overview.Over && o.Counts.Failed.Objects+o.Counts.Open.Objects > 0:
		return []string{"retry"}
	case o.State == overview.Over:
		return nil
	case o.Standing.Final():
		return []string{"cancel"} // which ends what was begun
	case o.Standing == ledger.Paused || o.Standing == ledger.Resuming:
		return []string{"resume", "limits", "cancel"}
	}
	return []string{"pause", "limits", "cancel"}
}

func runPage(q *request) error {
	d, err := readOverview(q, q.Context())
	if ledger.Missing(err) { // the error names the runs that there are
		if _, ferr := q.run(); ferr != nil {
			err = ferr
		}
	}
	if err != nil {
		return err
	}
	d.Done = q.FormValue("done")
	if d.O.State != overview.Over {
		if d.Limits, err = control.LimitsOf(q.Context(), q.console.ledger.Run(d.O.Run)); err != nil && !ledger.Unreadable(err) {
			return err
		}
	}
	at := []string{"--ledger", q.console.o.Ledger.String()}
	lines := []command{ferry("watch", append([]string{"watch", d.O.Run}, at...)...), ferry("status", append([]string{"status", d.O.Run, "--json"}, at...)...)}
	if d.O.State == overview.Over {
		lines = []command{ferry("report", append([]string{"report", d.O.Run}, at...)...)}
	}
	return q.show(http.StatusOK, view{Page: "run", Title: d.O.Run, Section: "runs", Data: d, Commands: lines})
}

// runLive are the templates of what of a run changes.
var runLive = []string{"run.state", "run.progress", "run.books", "run.space", "run.work", "run.failures", "run.money"}

func runParts(q *request) (parts, error) {
	d, err := readOverview(q, q.Context())
	if err != nil {
		return parts{}, err
	}
	p, err := renderParts(q, "run", view{Data: d}, runLive...)
	p.Series = &tail{Series: d.O.Series}
	p.Over = d.O.State == overview.Over && len(d.Stale) == 0
	return p, err
}

// segment is a piece of a bar: where it begins and how wide it is, as parts of 1.
type segment struct {
	Class    string
	At, Wide float64
	Title    string
}

// Bar is the books as a bar.
func (d runData) Bar() (all []segment) {
	at := 0.0
	for _, l := range d.O.Books.Lines {
		all = append(all, segment{Class: string(l.State), At: at, Wide: l.Share})
		at += l.Share
	}
	return all
}

// Strip is the key space as a bar: neighbours that are equally far are one piece, as wide as
// the objects in them, and a stretch that nobody has counted as wide as the mean.
func (d runData) Strip() (all []segment) {
	var sum, known int64
	for _, s := range d.O.Space {
		if s.Listed.Objects > 0 {
			sum, known = sum+s.Listed.Objects, known+1
		}
	}
	mean := int64(1)
	if known > 0 {
		mean = max(sum/known, 1)
	}
	weigh := func(s overview.Stretch) float64 {
		if s.Listed.Objects > 0 {
			return float64(s.Listed.Objects)
		}
		return float64(mean)
	}
	total := 0.0
	for _, s := range d.O.Space {
		total += weigh(s)
	}
	at := 0.0
	for _, s := range d.O.Space {
		class := string(s.Progress)
		if s.GivenUp > 0 {
			class = string(overview.GivenUp)
		}
		wide := weigh(s) / total
		if n := len(all); n > 0 && all[n-1].Class == class {
			all[n-1].Wide += wide
		} else {
			all = append(all, segment{Class: class, At: at, Wide: wide})
		}
		at += wide
	}
	return all
}

// legend is how much of the key space is how far.
type legend struct {
	Class string
	ledger.Tally
	Shards int
}

// Legend sums the key space up by progress.
func (d runData) Legend() (all []legend) {
	for _, p := range []overview.Progress{overview.VerifiedProof, overview.Copied, overview.Listed, overview.Unlisted, overview.GivenUp} {
		l := legend{Class: string(p)}
		for _, s := range d.O.Space {
			if s.Progress == p {
				l.Add(s.Listed.Objects, s.Listed.Bytes)
				l.Shards += s.Shards
			}
		}
		if l.Shards > 0 {
			all = append(all, l)
		}
	}
	return all
}

// plot is a curve as a drawing, for a browser without script.
type plot struct {
	Points string // of a polyline in 600 by 100
	Most   float64
}

// plotWidth is how many points a plot has at most.
const plotWidth = 300

// Plot draws counts a second.
func (d runData) Plot(of string) plot {
	s := d.O.Series
	list := s.Objects
	if of == "bytes" {
		list = s.Bytes
	}
	if s.Each <= 0 || len(list) == 0 {
		return plot{}
	}
	step := (len(list) + plotWidth - 1) / plotWidth
	var rates []float64
	for i := 0; i < len(list); i += step {
		n := min(step, len(list)-i)
		sum := int64(0)
		for _, v := range list[i : i+n] {
			sum += v
		}
		rates = append(rates, float64(sum)/float64(int64(n)*s.Each))
	}
	var p plot
	for _, v := range rates {
		p.Most = max(p.Most, v)
	}
	var b strings.Builder
	for i, v := range rates {
		y := 99.0
		if p.Most > 0 {
			y = 99 - v/p.Most*97
		}
		fmt.Fprintf(&b, "%.1f,%.1f ", float64(i)*600/float64(max(len(rates)-1, 1)), y)
	}
	p.Points = strings.TrimSpace(b.String())
	return p
}

// Size is a number of bytes that a plot's rate is.
func (p plot) Size() int64 { return int64(p.Most) }
