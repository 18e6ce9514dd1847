package show

import (
	"fmt"
	"io"
	"sync"
	"time"

	"kodoferry/shared/ledger/progress"
	"kodoferry/shared/pipeline/watch"
)

// Teller prints lines, above the progress of a run while there is one. Its methods may
// be called from many goroutines, and after End.
type Teller struct {
	w     io.Writer
	mu    sync.Mutex
	began time.Time
	show  *Progress // nil before and after the run
}

// NewTeller returns a Teller that prints to w.
func NewTeller(w io.Writer) *Teller { return &Teller{w: w} }

// Writer is where lines are printed while there is no progress.
func (t *Teller) Writer() io.Writer { return t.w }

// Begin starts the clock and the progress.
func (t *Teller) Begin() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.show, t.began = NewProgress(t.w), time.Now()
}

// End removes the progress.
func (t *Teller) End() {
	t.mu.Lock()
	show := t.show
	t.show = nil
	t.mu.Unlock()
	if show != nil {
		show.Stop()
	}
}

// Stands shows the figures of the ledger.
func (t *Teller) Stands(now *progress.Run) {
	t.mu.Lock()
	show := t.show
	t.mu.Unlock()
	if show != nil {
		show.Stands(now)
	}
}

// Watch passes an event of the pipeline on to the progress.
func (t *Teller) Watch(e watch.Progress) {
	t.mu.Lock()
	show := t.show
	t.mu.Unlock()
	if show != nil {
		show.Watch(e)
	}
}

// Plain prints a line as it is.
func (t *Teller) Plain(format string, args ...any) {
	t.print(fmt.Sprintf(format, args...))
}

// Said prints the sentence of that name, filled in.
func (t *Teller) Said(name string, args ...any) { t.print(Sentence(name, args...)) }

// Line prints a line with the time since Begin, and below it the lines of more.
func (t *Teller) Line(text string, more ...string) {
	t.mu.Lock()
	since := time.Since(t.began)
	t.mu.Unlock()
	text = fmt.Sprintf("%5.1f s  %s", since.Seconds(), text)
	for _, m := range more {
		text += fmt.Sprintf("\n%11s%s", "", m)
	}
	t.print(text)
}

func (t *Teller) print(text string) {
	text = fitted(StyleOf(t.w), text)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.show != nil {
		t.show.Println(text)
		return
	}
	_, _ = io.WriteString(t.w, text+"\n") // a failed write stops nothing
}
