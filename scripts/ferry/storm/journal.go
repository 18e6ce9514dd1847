package storm

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"kodoferry/scripts/ferry/standins"
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

// of returns a writer of the output of one process, line by line.
func (l *journal) of(who string) io.Writer {
	return standins.Lines(func(line []byte) { l.line(who, string(line)) })
}
