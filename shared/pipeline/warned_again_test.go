package pipeline_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"iter"
	"sync"
	"testing"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/pipeline"
	"kodoferry/shared/report"
	"kodoferry/shared/store"
	"kodoferry/shared/task"
)

const lossWarning = "its metadata bad cannot be held"

// losing is a target that cannot hold metadata of the name bad, and says so when an
// object is stored. forgets has the answers of the first tries get lost.
type losing struct {
	pipeline.Target
	forgets bool

	mu   sync.Mutex
	seen map[string]bool
}

func (l *losing) Losses(o store.Object) []string {
	if o.Meta["bad"] == "" {
		return nil
	}
	return []string{lossWarning}
}

// lost is the answer to a try that was done: an error the first time.
func (l *losing) lost(key string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.forgets || l.seen[key] {
		return nil
	}
	l.seen[key] = true
	return fault.New(fault.Temporary, "losing", key, errors.New("the answer was lost"))
}

func (l *losing) Put(ctx context.Context, o store.Object, body io.Reader, how store.Put) (store.Stored, error) {
	s, err := l.Target.Put(ctx, o, body, how)
	s.Warnings = l.Losses(o)
	if err == nil {
		err = l.lost(o.Key)
	}
	return s, err
}

func (l *losing) Begin(ctx context.Context, o store.Object) (string, []string, error) {
	id, _, err := l.Target.Begin(ctx, o)
	return id, l.Losses(o), err
}

func (l *losing) Finish(ctx context.Context, key, id string, parts []store.Part, how store.Put) (store.Stored, error) {
	s, err := l.Target.Finish(ctx, key, id, parts, how)
	if err == nil {
		err = l.lost(key)
	}
	return s, err
}

// silent is a source whose listing does not tell type, headers and metadata.
type silent struct{ store.Source }

func (s silent) List(ctx context.Context, r store.Range) iter.Seq2[store.Object, error] {
	return func(yield func(store.Object, error) bool) {
		for o, err := range s.Source.List(ctx, r) {
			o.Type, o.Meta, o.Header = "", nil, nil
			if !yield(o, err) {
				return
			}
		}
	}
}

// TestWarningsSurviveWhateverHappensToTheirCopy has objects whose metadata cannot be
// kept, small ones and big ones, of listings that tell it and that do not.
func TestWarningsSurviveWhateverHappensToTheirCopy(t *testing.T) {
	for name, tc := range map[string]struct {
		forgets bool
		twice   bool // the batch is copied, and the process dies before it is written off
		again   bool // a second run finds all of it unchanged
	}{
		"nothing happens":         {},
		"an answer is lost":       {forgets: true},
		"a process dies":          {twice: true},
		"it is found unchanged":   {again: true},
		"an answer is lost, then": {forgets: true, again: true},
	} {
		for kind, listing := range map[string]func(store.Source) store.Source{"told": nil, "untold": func(s store.Source) store.Source { return silent{s} }} {
			if kind == "untold" && tc.again {
				continue // what is found unchanged is not asked for what its listing does not tell
			}
			t.Run(name+", "+kind, func(t *testing.T) {
				w := newWorld(t, inParts, batches(2))
				for key, size := range map[string]int{"a": 10, "b": 0, "big": 5 * mib, "c": 10} {
					o := store.Object{Key: key, Size: int64(size), Type: "text/plain", Meta: map[string]string{"good": "1"}}
					if key != "c" {
						o.Meta["bad"] = "1"
					}
					if _, err := w.src.Put(t.Context(), o, bytes.NewReader(make([]byte, size)), store.Put{}); err != nil {
						t.Fatal(err)
					}
				}
				w.clock.Advance(time.Hour)
				w.source = listing
				w.target = func(d pipeline.Target) pipeline.Target {
					return &losing{Target: d, forgets: tc.forgets, seen: map[string]bool{}}
				}
				w.fresh()
				name, died := "j/20260102T000000Z", map[string]bool{}
				w.before = func(tk task.Task) {
					if !tc.twice || died[tk.Batch] || tk.Kind != task.Copy && tk.Kind != task.Finish {
						return
					}
					died[tk.Batch] = true
					if _, err := w.pipe.Do(t.Context(), tk); err != nil {
						t.Fatal(err)
					}
					if err := w.led.Delete(t.Context(), w.job.Ledger.Prefix+"runs/"+name+"/copied/"+tk.Batch); err != nil {
						t.Fatal(err)
					}
				}
				w.drive(t.Context(), 0, w.startAs(name)...)
				if tc.again {
					w.fresh()
					name = laterRun
					w.drive(t.Context(), 0, w.startAs(name)...)
				}
				rep, err := report.Read(t.Context(), w.config.Ledger.Run(name))
				if err != nil {
					t.Fatal(err)
				}
				if rep.Warned != 3 || rep.Objects.Verified != 4 {
					t.Errorf("%d objects with a warning, %+v, want 3 of 4 verified", rep.Warned, rep.Objects)
				}
				if tc.twice && len(died) == 0 {
					t.Error("no write-off was lost")
				}
			})
		}
	}
}
