package show

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/dustin/go-humanize"

	"kodoferry/scripts/ferry/words"
	"kodoferry/shared/columns"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/progress"
	"kodoferry/shared/overview"
	"kodoferry/shared/pipeline/watch"
)

// Progress shows how far a run is that this process does: lines that are redrawn on a
// terminal, elsewhere a line now and then in which something changed. Its methods may be
// called from many goroutines.
type Progress struct {
	out    io.Writer
	screen *Screen // nil where the output is no terminal
	began  time.Time

	mu     sync.Mutex
	counts overview.Counts
	parts  map[string]int64 // of big objects under way, what was copied of each
	marks  []mark           // the last minute, a second each
	alone  time.Time        // when the last object ended that is known; what is verified since is verification's own time

	quit    chan struct{}
	done    sync.WaitGroup
	stopped sync.Once
}

// mark is what had ended by a time.
type mark struct {
	at    time.Time
	ended ledger.Tally
}

const (
	barEvery  = 150 * time.Millisecond // how often lines are redrawn
	lineEvery = 2 * time.Second        // how often a line is printed where nothing is redrawn,
	soon      = time.Minute            // for so long,
	laterLine = time.Minute            // and how often then
)

// Lines that are printed thin out: after is when the next one is due that long after the beginning.
func lineAfter(since time.Duration) time.Duration {
	if since < soon {
		return lineEvery
	}
	return laterLine
}

// NewProgress starts to show progress on w, until Stop.
func NewProgress(w io.Writer) *Progress {
	p := &Progress{out: w, began: time.Now(), quit: make(chan struct{}), parts: map[string]int64{}}
	p.marks = []mark{{at: p.began}}
	screen, ok := NewScreen(w)
	if ok {
		p.screen = screen
		p.done.Go(p.redraw)
		return p
	}
	p.done.Go(p.lines)
	return p
}

// redraw draws now and then.
func (p *Progress) redraw() {
	tick := time.NewTicker(barEvery)
	defer tick.Stop()
	for {
		select {
		case <-p.quit:
			return
		case <-tick.C:
			p.screen.Draw(Moving(p.Overview(), p.screen.Style()))
		}
	}
}

// lines prints a line now and then, where something has changed.
func (p *Progress) lines() {
	last := ""
	for {
		wait := time.NewTimer(lineAfter(time.Since(p.began)))
		select {
		case <-p.quit:
			wait.Stop()
			return
		case <-wait.C:
		}
		o := p.Overview()
		if now := moved(o); now != last {
			s := Style{Tongue: spoken()}
			all := append(append([]string{now}, s.pace(o)...), s.troubles(o)...)
			p.Println(fmt.Sprintf("%5.1f s  %s", time.Since(p.began).Seconds(), strings.Join(all, s.say("comma"))))
			last = now
		}
	}
}

// moved is how far a run is, in a line.
func moved(o overview.Overview) string {
	c := o.Counts
	return Style{Tongue: spoken()}.say("moved", humanize.Comma(c.Listed.Objects), humanize.Comma(c.Settled.Objects), words.Size(c.Settled.Bytes), humanize.Comma(c.Checked.Objects))
}

// pace is how fast it goes.
func (s Style) pace(o overview.Overview) (parts []string) {
	if o.Rate.Over > 0 && o.Rate.Objects+o.Rate.Bytes > 0 {
		parts = append(parts, s.perSecond(o.Rate))
	}
	if o.Left.Known && o.Left.Time >= time.Second {
		parts = append(parts, s.say("left_of_listed", s.span(o.Left.Time)))
	}
	return parts
}

// troubles is what went wrong so far.
func (s Style) troubles(o overview.Overview) (parts []string) {
	if n := o.Counts.Failed.Objects; n > 0 {
		parts = append(parts, s.say("failed", humanize.Comma(n)))
	}
	if n := o.Counts.Throttled; n > 0 {
		parts = append(parts, s.say("throttled_times", humanize.Comma(n)))
	}
	return parts
}

// Moving are the lines that are redrawn of a run that this process does.
func Moving(o overview.Overview, s Style) []string {
	c := o.Counts
	copied := s.say("bar.copied", humanize.Comma(c.Settled.Objects), humanize.Comma(c.Listed.Objects), words.Size(c.Settled.Bytes), words.Size(c.Listed.Bytes))
	verified := s.say("bar.verified", humanize.Comma(c.Checked.Objects), humanize.Comma(c.Listed.Objects), s.span(o.At.Sub(o.Started)))
	width := 40
	if s.Width > 0 {
		width = min(width, s.Width-1-barLabel-2-max(columns.Width(copied), columns.Width(verified)))
	}
	lines := []string{
		bar(s.say("label.copied"), c.Settled.Objects, c.Listed.Objects, width, s) + copied,
		bar(s.say("label.verified"), c.Checked.Objects, c.Listed.Objects, width, s) + verified,
	}
	fast, bad := s.pace(o), s.troubles(o)
	if a := o.Verification.Alone; a >= time.Second {
		fast = append(fast, s.say("verifying_alone", s.span(a)))
	}
	for _, parts := range [][]string{fast, bad} {
		if len(parts) == 0 {
			continue
		}
		for _, line := range wrap(strings.Join(parts, s.say("comma")), s.Width-1-barLabel, 0) {
			lines = append(lines, strings.Repeat(" ", barLabel)+line)
		}
	}
	return lines
}

// barLabel is how wide the name of a bar is.
const barLabel = 9

// bar draws how much of all is done, in so many columns; in fewer than 5 its name alone.
func bar(name string, done, all int64, width int, s Style) string {
	if width < 5 {
		return pad(name, barLabel)
	}
	full := 0
	if all > 0 {
		full = int(int64(width) * min(done, all) / all)
	}
	return pad(name, barLabel) + s.paint(green, strings.Repeat("━", full)) + s.paint(dim, strings.Repeat("─", width-full)) + "  "
}

// Stands sets the figures to those of the ledger; nil leaves them.
func (p *Progress) Stands(now *progress.Run) {
	if now == nil {
		return
	}
	var c overview.Counts
	for _, s := range now.Shards {
		if s.Closed == nil {
			continue
		}
		listed, open := s.Closed.Counts.Listed, s.Left.Pending
		c.Listed.Add(listed.Objects, listed.Bytes)
		c.Settled.Add(listed.Objects-open.Objects, listed.Bytes-open.Bytes)
		if s.Proved != nil {
			c.Checked.Add(listed.Objects, listed.Bytes)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	c.Failed, c.Throttled = p.counts.Failed, p.counts.Throttled
	p.counts = c
	p.marks = []mark{{time.Now(), c.Settled}}
}

// Watch adds the objects and bytes of an event of the pipeline.
func (p *Progress) Watch(e watch.Progress) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := &p.counts
	switch e.Kind {
	case watch.Listed:
		c.Listed.Add(e.N, e.Bytes)
	case watch.Settled:
		c.Settled.Add(1, e.Row.Src.Size-p.parts[e.Key])
		delete(p.parts, e.Key)
		p.alone = time.Now()
		if e.Row.NeedsPerson() {
			c.Failed.Add(1, e.Row.Src.Size)
		}
	case watch.PartCopied: // long before the object ends
		p.parts[e.Key] += e.Bytes
		c.Settled.Bytes += e.Bytes
	case watch.Slowed:
		c.Throttled++
	case watch.Proven:
		c.Checked.Add(e.N, e.Bytes)
	}
}

// Overview is how the run stands, as far as this process knows. A task that is done twice is
// counted twice, so no figure is above what was listed.
func (p *Progress) Overview() overview.Overview {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	o := overview.Overview{State: overview.Copying, Standing: ledger.Going, At: now, Started: p.began, Exact: true, Counts: p.counts}
	c := &o.Counts
	c.Settled = ledger.Tally{Objects: min(c.Settled.Objects, c.Listed.Objects), Bytes: max(0, min(c.Settled.Bytes, c.Listed.Bytes))}
	c.Checked.Objects = min(c.Checked.Objects, c.Settled.Objects)
	c.Open = ledger.Tally{Objects: c.Listed.Objects - c.Settled.Objects, Bytes: c.Listed.Bytes - c.Settled.Bytes}
	p.mark(now, c.Settled)
	was := p.marks[0]
	if over := now.Sub(was.at); over >= time.Second {
		o.Rate = overview.Rate{Objects: float64(c.Settled.Objects-was.ended.Objects) / over.Seconds(), Bytes: float64(c.Settled.Bytes-was.ended.Bytes) / over.Seconds(), Over: over}
	}
	o.LeftAt(o.Rate)
	if c.Open.Objects == 0 && c.Listed.Objects > 0 && !p.alone.IsZero() {
		o.Verification.Alone = now.Sub(p.alone)
	}
	return o
}

// mark keeps what had ended each second of the last minute. The caller holds mu.
func (p *Progress) mark(now time.Time, ended ledger.Tally) {
	if now.Sub(p.marks[len(p.marks)-1].at) >= time.Second {
		p.marks = append(p.marks, mark{now, ended})
	}
	for len(p.marks) > 1 && now.Sub(p.marks[1].at) >= time.Minute {
		p.marks = p.marks[1:]
	}
}

// Println prints a line above those that are redrawn.
func (p *Progress) Println(line string) {
	if p.screen != nil {
		p.screen.Println(line)
		return
	}
	_, _ = io.WriteString(p.out, line+"\n") // a failed write stops nothing
}

// Stop removes the lines that are redrawn; what is printed afterwards goes to the writer itself.
func (p *Progress) Stop() {
	p.stopped.Do(func() {
		close(p.quit)
		p.done.Wait()
		if p.screen != nil {
			p.screen.Clear()
		}
	})
}
