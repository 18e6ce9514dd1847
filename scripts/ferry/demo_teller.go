package main

import (
	"fmt"
	"io"
	"sync"
	"time"

	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline"
)

// teller prints the demo's lines, above the progress while there is some. The
// stand-ins' hooks may still speak when a run has ended.
type teller struct {
	w     io.Writer
	mu    sync.Mutex
	began time.Time
	show  *progress // nil before and after the run
}

func newTeller(w io.Writer) *teller { return &teller{w: w} }

// begin starts the clock and the progress.
func (t *teller) begin() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.show, t.began = newProgress(t.w), time.Now()
}

// end takes the progress away.
func (t *teller) end() {
	t.mu.Lock()
	show := t.show
	t.show = nil
	t.mu.Unlock()
	if show != nil {
		show.stop()
	}
}

// stands shows how far the ledger says that the run is.
func (t *teller) stands(now *ledger.Progress) {
	t.mu.Lock()
	show := t.show
	t.mu.Unlock()
	if show != nil {
		show.stands(now)
	}
}

// watch passes an event of the pipeline on to the progress.
func (t *teller) watch(e pipeline.Progress) {
	t.mu.Lock()
	show := t.show
	t.mu.Unlock()
	if show != nil {
		show.watch(e)
	}
}

// plain prints a line as it is.
func (t *teller) plain(format string, args ...any) {
	t.print(fmt.Sprintf(format, args...))
}

// line prints a line with the time since the beginning, and what belongs to it.
func (t *teller) line(text string, more ...string) {
	t.mu.Lock()
	since := time.Since(t.began)
	t.mu.Unlock()
	text = fmt.Sprintf("%5.1f s  %s", since.Seconds(), text)
	for _, m := range more {
		text += fmt.Sprintf("\n%11s%s", "", m)
	}
	t.print(text)
}

func (t *teller) print(text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.show != nil {
		t.show.println(text)
		return
	}
	_, _ = io.WriteString(t.w, text+"\n") // a reader that went away misses the show
}
