package main

import (
	"errors"
	"fmt"
	"strings"
	"sync"

	"kodoferry/scripts/ferry/words"
	"kodoferry/shared/fault"
	"kodoferry/shared/pipeline"
)

// live tells what happens while it happens: each kind of fault once in full,
// then only its number.
type live struct {
	tell *teller
	mu   sync.Mutex
	met  map[string]int
}

func newLive(tell *teller) *live { return &live{tell: tell, met: map[string]int{}} }

// The kinds of fault that reach an object, in the words of the demo.
const (
	metFlip    = "flipped byte caught in %s, never visible"
	metLabel   = "wrong hash caught in the listing of %s"
	metReset   = "broken connection caught while %s was read"
	metRefused = "refused download (403) caught, of %s"
	metSource  = "error of the source (5xx) caught, instead of %s"
	metTarget  = "failed or unanswered PUT caught, of %s"
	metTaken   = "another object caught where %s was to go"
)

// cures says what Ferry does about each.
var cures = map[string]string{
	metFlip:    "the hash does not agree, so the last byte is held back and OSS keeps nothing; it is read again",
	metLabel:   "read twice with the same result: it is not damage, and a person must decide",
	metReset:   "the PUT is broken off with it, so nothing becomes visible; it is read again",
	metRefused: "it is asked for again; three in a row, and the bucket itself is asked whether it refuses everything",
	metSource:  "it is asked for again, a little later",
	metTarget:  "whether it was stored is looked up before anything is sent again",
	metTaken:   "the PUT was conditional and replaced nothing; who wrote the other is looked up",
}

// watch is told by the pipeline.
func (w *demoWorld) watch(e pipeline.Progress) {
	w.tell.watch(e)
	if e.Kind != pipeline.Caught {
		return
	}
	w.met(e.Key, e.Err)
}

// met tells of a fault that was caught.
func (w *demoWorld) met(key string, err error) {
	kind := kindOfFault(err)
	if kind == metFlip && key == w.cast[mislabelled].Key {
		kind = metLabel
	}
	if kind != "" {
		w.live.caught(kind, key)
	}
}

func (l *live) caught(kind, key string) {
	l.mu.Lock()
	l.met[kind]++
	first := l.met[kind] == 1
	l.mu.Unlock()
	if first {
		l.tell.line("✓ "+fmt.Sprintf(kind, words.Key(key)), cures[kind])
	}
}

// happened tells what the demo itself did.
func (l *live) happened(format string, args ...any) {
	l.tell.line("! " + fmt.Sprintf(format, args...))
}

// kindOfFault puts an error that the pipeline dealt with into the demo's words; "" for what is no fault.
func kindOfFault(err error) string {
	e, ok := errors.AsType[*fault.Error](err)
	if !ok {
		return ""
	}
	source := strings.HasPrefix(e.Op, "kodo.")
	switch {
	case e.Kind == fault.Corrupt:
		return metFlip
	case e.Kind == fault.Denied && source:
		return metRefused
	case e.Kind == fault.Changed && !source:
		return metTaken
	case e.Kind != fault.Temporary && e.Kind != fault.Unknown:
		return ""
	case source:
		return metSource
	case strings.HasPrefix(e.Op, "oss."):
		return metTarget
	}
	return metReset
}

// repeated says how often each kind was met after it was told.
func (l *live) repeated() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := int64(0)
	for _, met := range l.met {
		n += int64(met) - 1
	}
	return "and " + words.Count(n, "more fault", "more faults") + " of these kinds, caught and dealt with"
}
