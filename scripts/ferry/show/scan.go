package show

import (
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dustin/go-humanize"

	"kodoferry/scripts/ferry/words"
)

// Scan shows how many objects a plan has read of the listings: one line in place on a
// terminal, elsewhere a line every two seconds.
type Scan struct {
	out         io.Writer
	began       time.Time
	keys, bytes atomic.Int64
	quit        chan struct{}
	done        sync.WaitGroup
}

// NewScan starts to show on w, until Stop; quiet shows nothing.
func NewScan(w io.Writer, quiet bool) *Scan {
	s := &Scan{out: w, began: time.Now(), quit: make(chan struct{})}
	if !quiet {
		s.done.Go(s.show)
	}
	return s
}

// Watch adds objects that were read.
func (s *Scan) Watch(objects, bytes int64) {
	s.keys.Add(objects)
	s.bytes.Add(bytes)
}

func (s *Scan) show() {
	f, ok := s.out.(*os.File)
	inPlace := ok && IsTerminal(f)
	every := lineEvery
	if inPlace {
		every = barEvery
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-s.quit:
			if inPlace {
				_, _ = io.WriteString(s.out, "\r\x1b[K") // a failed write stops nothing
			}
			return
		case <-tick.C:
		}
		if inPlace {
			_, _ = fmt.Fprintf(s.out, "\r\x1b[K%s", cut(s.line(), StyleOf(s.out).Width-1))
		} else {
			_, _ = fmt.Fprintln(s.out, s.line())
		}
	}
}

// line returns the number of keys and their rate.
func (s *Scan) line() string {
	since := time.Since(s.began).Seconds()
	n := s.keys.Load()
	return fmt.Sprintf("%5.1f s  ", since) + Sentence("scan", humanize.Comma(n), humanize.Comma(int64(float64(n)/since)), words.Size(s.bytes.Load()))
}

// Stop removes the line.
func (s *Scan) Stop() {
	close(s.quit)
	s.done.Wait()
}
