package storm

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// journal keeps what processes write and what happens, all of it in a file and the last
// lines in memory.
type journal struct {
	file  *os.File
	began time.Time

	mu    sync.Mutex
	lines []string // a ring of the last ones
	next  int
}

func newJournal(path string) (*journal, error) {
	f, err := os.Create(path)
	return &journal{file: f, began: time.Now(), lines: make([]string, keptLines)}, err
}

func (l *journal) Close() error { return l.file.Close() }

// note writes a line of the storm itself.
func (l *journal) note(format string, args ...any) { l.line("storm", fmt.Sprintf(format, args...)) }

func (l *journal) line(who, text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	line := fmt.Sprintf("%7.2f %-8s %s", time.Since(l.began).Seconds(), who, text)
	l.lines[l.next] = line
	l.next = (l.next + 1) % len(l.lines)
	_, _ = fmt.Fprintln(l.file, line) // the last lines are kept anyway
}

// last returns the last lines, the oldest first.
func (l *journal) last() (lines []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.lines {
		if line := l.lines[(l.next+i)%len(l.lines)]; line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

// of returns what takes the output of one process, line by line.
func (l *journal) of(who string) io.Writer { return &linesOf{log: l, who: who} }

// linesOf cuts what is written into lines of a log.
type linesOf struct {
	log *journal
	who string

	mu   sync.Mutex
	part []byte
}

func (w *linesOf) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.part = append(w.part, p...)
	for {
		line, rest, whole := bytes.Cut(w.part, []byte("\n"))
		if !whole {
			return len(p), nil
		}
		w.log.line(w.who, string(line))
		w.part = bytes.Clone(rest)
	}
}
