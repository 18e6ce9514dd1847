package main

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

// scan shows how far a plan has looked: one line in place on a terminal,
// elsewhere a line now and then.
type scan struct {
	out         io.Writer
	began       time.Time
	keys, bytes atomic.Int64
	quit        chan struct{}
	done        sync.WaitGroup
}

func newScan(w io.Writer, quiet bool) *scan {
	s := &scan{out: w, began: time.Now(), quit: make(chan struct{})}
	if !quiet {
		s.done.Go(s.show)
	}
	return s
}

// watch counts objects that were looked at.
func (s *scan) watch(objects, bytes int64) {
	s.keys.Add(objects)
	s.bytes.Add(bytes)
}

func (s *scan) show() {
	f, ok := s.out.(*os.File)
	inPlace := ok && isTerminal(f)
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
				_, _ = io.WriteString(s.out, "\r\x1b[K") // a reader that went away misses the show
			}
			return
		case <-tick.C:
		}
		if inPlace {
			_, _ = fmt.Fprintf(s.out, "\r\x1b[K%s", s.line())
		} else {
			_, _ = fmt.Fprintln(s.out, s.line())
		}
	}
}

// line says how far it is and how fast it goes.
func (s *scan) line() string {
	since := time.Since(s.began).Seconds()
	n := s.keys.Load()
	return fmt.Sprintf("%5.1f s  %s keys looked at, %s/s, %s", since, humanize.Comma(n), humanize.Comma(int64(float64(n)/since)), words.Size(s.bytes.Load()))
}

// stop takes the show away.
func (s *scan) stop() {
	close(s.quit)
	s.done.Wait()
}
