package world

import (
	"fmt"
	"time"
)

// Exceptions are the faults that nothing in Ferry can cure: each invariant that has one
// names it, and counts how often it was needed.
var Exceptions = map[string]string{
	"round trip": "OSS has no conditional overwrite and no conditional DELETE: what the application writes between Ferry's last look and the end of its request is lost; and its times are whole seconds: what the application writes over a copy, of the same bytes, within the second of the copy, is taken for it",
}

// Journal is what a storm came to, and what it did if it is traced.
type Journal struct {
	w        *World
	Failure  string
	Lines    []string // if traced
	traced   bool
	Injected map[string]int // how often each thing happened
	Excepted map[string]int
	Met      map[string]int // what the engine came to
}

func newJournal(w *World, traced bool) Journal {
	return Journal{w: w, traced: traced, Injected: map[string]int{}, Excepted: map[string]int{}, Met: map[string]int{}}
}

// Note writes a line of the journal.
func (log *Journal) Note(format string, args ...any) {
	if log.traced {
		log.Lines = append(log.Lines, fmt.Sprintf("#%d %s ", log.w.Step, time.Since(log.w.Begun))+fmt.Sprintf(format, args...))
	}
}

// Fail ends the storm: something is not as it must be.
func (log *Journal) Fail(format string, args ...any) {
	if log.Failure == "" {
		log.Failure = fmt.Sprintf(format, args...)
		log.Note("FAILED: %s", log.Failure)
	}
}

// Happened counts something that was done to the engine.
func (log *Journal) Happened(what string) { log.Injected[what]++ }

// Excuse counts that a known fault was met.
func (log *Journal) Excuse(name string) {
	if _, known := Exceptions[name]; !known {
		log.Fail("the exception %q is in no table", name)
	}
	log.Excepted[name]++
}
