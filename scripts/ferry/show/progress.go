package show

import (
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"kodoferry/scripts/ferry/words"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline"
)

// Progress shows how far a run is: bars on a terminal, elsewhere a line every
// two seconds in which something changed. Its methods may be called from many goroutines.
type Progress struct {
	out   io.Writer // above the bars
	began time.Time

	listed, listedBytes, settled, settledBytes, proven atomic.Int64

	mu    sync.Mutex
	parts map[string]int64 // of big objects under way, what was copied of each

	bars           *mpb.Progress // nil where the output is no terminal
	copied, proved *mpb.Bar
	quit           chan struct{} // ends the lines
	done           sync.WaitGroup
	stopped        sync.Once
}

const (
	lineEvery = 2 * time.Second        // where there are no bars
	barEvery  = 150 * time.Millisecond // how often bars are drawn
)

// NewProgress starts to show progress on w, until Stop.
func NewProgress(w io.Writer) *Progress {
	p := &Progress{out: w, began: time.Now(), quit: make(chan struct{})}
	if f, ok := w.(*os.File); ok && IsTerminal(f) {
		p.bars = mpb.New(mpb.WithOutput(f), mpb.WithRefreshRate(barEvery), mpb.WithWidth(40))
		p.copied = p.bar("copied", func() string {
			n := p.numbers()
			return fmt.Sprintf("%s of %s objects, %s of %s", humanize.Comma(n.settled), humanize.Comma(n.listed), words.Size(n.settledBytes), words.Size(n.listedBytes))
		})
		p.proved = p.bar("verified", func() string {
			n := p.numbers()
			return fmt.Sprintf("%s of %s objects, %s", humanize.Comma(n.proven), humanize.Comma(n.listed), words.Duration(time.Since(p.began)))
		})
		p.out = p.bars
		return p
	}
	p.done.Go(p.lines)
	return p
}

func (p *Progress) bar(name string, text func() string) *mpb.Bar {
	return p.bars.New(0, mpb.BarStyle().Lbound(" ").Rbound(" ").Filler("━").Tip("━").Padding("─"),
		mpb.PrependDecorators(decor.Name(name, decor.WC{W: 9, C: decor.DindentRight})),
		mpb.AppendDecorators(decor.Any(func(decor.Statistics) string { return text() })))
}

// lines prints a line now and then, where something has changed.
func (p *Progress) lines() {
	tick := time.NewTicker(lineEvery)
	defer tick.Stop()
	last := ""
	for {
		select {
		case <-p.quit:
			return
		case <-tick.C:
		}
		n := p.numbers()
		now := fmt.Sprintf("%s listed, %s ended (%s), %s verified", humanize.Comma(n.listed), humanize.Comma(n.settled), words.Size(n.settledBytes), humanize.Comma(n.proven))
		if now != last {
			p.Println(fmt.Sprintf("%5.1f s  %s", time.Since(p.began).Seconds(), now))
			last = now
		}
	}
}

// Stands sets the figures to those of the ledger; nil leaves them.
func (p *Progress) Stands(now *ledger.Progress) {
	if now == nil {
		return
	}
	var n shownNumbers
	for _, s := range now.Shards {
		if s.Closed == nil {
			continue
		}
		open, openBytes := s.Left.Pending.Objects, s.Left.Pending.Bytes
		n.listed += s.Closed.Counts.Listed.Objects
		n.listedBytes += s.Closed.Counts.Listed.Bytes
		n.settled += s.Closed.Counts.Listed.Objects - open
		n.settledBytes += s.Closed.Counts.Listed.Bytes - openBytes
		if s.Proved != nil {
			n.proven += s.Closed.Counts.Listed.Objects
		}
	}
	p.listed.Store(n.listed)
	p.listedBytes.Store(n.listedBytes)
	p.settled.Store(n.settled)
	p.settledBytes.Store(n.settledBytes)
	p.proven.Store(n.proven)
	p.draw()
}

// Watch adds the objects and bytes of an event of the pipeline.
func (p *Progress) Watch(e pipeline.Progress) {
	switch e.Kind {
	case pipeline.Listed:
		p.listed.Add(e.N)
		p.listedBytes.Add(e.Bytes)
	case pipeline.Settled:
		p.settled.Add(1)
		p.settledBytes.Add(e.Row.Src.Size - p.parted(e.Key, 0))
	case pipeline.Moved:
		p.parted(e.Key, e.Bytes)
		p.settledBytes.Add(e.Bytes)
	case pipeline.Proven:
		p.proven.Add(e.N)
	default:
		return
	}
	p.draw()
}

// parted adds the copied bytes of a big object, so that they show long before the
// object ends. With 0 the object has ended: parted returns what was added for it.
func (p *Progress) parted(key string, bytes int64) int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	if bytes == 0 {
		defer delete(p.parts, key)
		return p.parts[key]
	}
	if p.parts == nil {
		p.parts = map[string]int64{}
	}
	p.parts[key] += bytes
	return p.parts[key]
}

// shownNumbers are how far the run is.
type shownNumbers struct{ listed, listedBytes, settled, settledBytes, proven int64 }

// numbers returns how far the run is. A task that is done twice is counted twice, so
// no figure is above what was listed.
func (p *Progress) numbers() shownNumbers {
	n := shownNumbers{listed: p.listed.Load(), listedBytes: p.listedBytes.Load()}
	n.settled, n.settledBytes = min(p.settled.Load(), n.listed), min(p.settledBytes.Load(), n.listedBytes)
	n.proven = min(p.proven.Load(), n.settled)
	return n
}

func (p *Progress) draw() {
	if p.bars == nil {
		return
	}
	n := p.numbers()
	// One more than is known, for a bar that is full is over and takes no more.
	p.copied.SetTotal(n.listed+1, false)
	p.copied.SetCurrent(n.settled)
	p.proved.SetTotal(n.listed+1, false)
	p.proved.SetCurrent(n.proven)
}

// Println prints a line above the bars.
func (p *Progress) Println(line string) {
	_, _ = io.WriteString(p.out, line+"\n") // a failed write stops nothing
}

// Stop removes the bars; what is printed afterwards goes to the writer itself.
func (p *Progress) Stop() {
	p.stopped.Do(func() {
		close(p.quit)
		p.done.Wait()
		if p.bars != nil {
			p.copied.Abort(true)
			p.proved.Abort(true)
			p.bars.Wait()
		}
	})
}
