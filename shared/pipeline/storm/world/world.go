// Package world is what a storm rages in: buckets, queues and processes, each of whose
// calls waits until whoever drives the storm lets it go on, and what is known of all that
// happened. It knows neither what must hold nor who acts: a Watch is told of what the
// engine does, and an Actor tells what it may do.
//
//	world.go    World, and Watch
//	process.go  a process of the deployment, and what it does
//	desk.go     the calls that processes make, which wait there
//	ports.go    a bucket as one process sees it; queueport.go a queue; pile.go what
//	            is in one
//	tenant.go   the jobs
//	actor.go    Actor, and what one may do next
//	history.go  what ever stood under each key
//	journal.go  what a storm came to, and did; Exceptions
package world

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"kodoferry/shared/app"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/index"
	"kodoferry/shared/pipeline"
	"kodoferry/shared/pipeline/storm/linear"
	"kodoferry/shared/pipeline/storm/weather"
	"kodoferry/shared/queue"
	"kodoferry/shared/store"
	"kodoferry/shared/store/mem"
	"kodoferry/shared/task"
)

// World is everything of one storm: buckets, queues, processes, and, in its parts,
// what is known of all that happened. Each part has the methods of one subject and
// what they alone write; the parts read one another through the world. Only the
// driver acts on it, and whoever the driver has let go on last.
type World struct {
	T       *testing.T
	Plan    weather.Plan
	Dice    weather.Dice
	Weather map[weather.Kind]bool

	Tenants       []*Tenant
	Src, Dst, Led *mem.Bucket
	Piles         map[task.Stage]*Pile
	Dead          *Pile

	Workers       []*Process
	Actors        []Actor
	processesMade int

	Step  int
	Begun time.Time
	Mu    sync.Mutex      // over what processes write at the same time: desk, usage
	Seen  map[string]bool // runs that the operator knows

	Wild []int // the steps at which the storm was not calm

	Log     Journal
	Desk    Desk
	History History
	Answers *linear.History

	Watch  Watch
	Draws  func(kind weather.Kind, percent int) bool                   // whether weather that the storm has happens now, some percent of the times
	Notify func(key string)                                            // told of each key of the source that something was done to
	Stray  func(b *mem.Bucket, key, upload string, n int, data []byte) // told of a part that comes though its request failed
}

// Watch is told what the engine does, right when it does it.
type Watch interface {
	// TargetChanged is called right behind each change of the target.
	TargetChanged(p *Process, key, op string, ifAbsent bool)
	// RecordChanged is called right behind each write to the ledger, with its error.
	RecordChanged(p *Process, key, op string, data []byte, ifAbsent bool, err error)
	// Sends is called before a message is in its queue.
	Sends(p *Process, m queue.Outgoing)
	// Counted is called when a process asks how much a queue holds.
	Counted(p *Process, q *Pile)
	// Opened is called with a body of n bytes of the source, and returns it.
	Opened(p *Process, n int64, body io.ReadCloser) io.ReadCloser
}

// New makes the buckets, queues and histories of a plan, in which nothing is yet.
func New(t *testing.T, plan weather.Plan, traced bool) *World {
	w := &World{
		T: t, Plan: plan, Dice: weather.Dice{Seed: plan.Seed}, Weather: weather.Of(plan), Begun: time.Now(),
		Src: mem.New(mem.Kodo), Dst: mem.New(mem.OSS), Led: mem.New(mem.OSS),
		Piles: map[task.Stage]*Pile{}, Dead: &Pile{Name: "dead"}, Seen: map[string]bool{}, Notify: func(string) {},
	}
	w.Log, w.Desk, w.History, w.Answers = newJournal(w, traced), newDesk(w), newHistory(w), linear.New()
	seconds := func() time.Time { return time.Now().Truncate(time.Second) } // OSS tells no more
	w.Dst.Now, w.Led.Now = seconds, seconds
	for _, s := range task.Stages {
		w.Piles[s] = &Pile{Name: string(s)}
	}
	page := 1 + w.Dice.Draw(8, "page", 0)*w.Dice.Draw(4, "page", 1)
	w.Src.PageSize, w.Dst.PageSize, w.Led.PageSize = page, page, 4*page
	return w
}

// Process makes the n-th process of a slot.
func (w *World) Process(slot string, n int) *Process {
	w.processesMade++
	p := &Process{world: w, id: w.processesMade, Slot: slot, Name: fmt.Sprintf("%s.%d", slot, n)}
	p.ctx, p.Kill = context.WithCancel(context.Background())
	ports := app.Ports{
		Ledger: ledger.Open(port{p, book, w.Led}, Books),
		Queues: map[task.Stage]queue.Queue{}, Dead: queuePort{p, w.Dead},
		Open: func(context.Context, job.Job) (store.Source, pipeline.Target, error) {
			return port{p, Source, w.Src}, port{p, Target, w.Dst}, nil
		},
	}
	for s, pile := range w.Piles {
		ports.Queues[s] = queuePort{p, pile}
	}
	p.Deploy = app.DeployOn(ports, slog.New(slog.DiscardHandler))
	return p
}

// invocation is how long a function may take (s.yaml), and hidden how long a
// message that was handed out is invisible (infra).
const (
	invocation = 290 * time.Second
	Hidden     = 30 * time.Minute
	// Buried is how often a message is delivered before its queue lays it aside.
	Buried = 60
)

// body is content that no other number has; kind says how long it is.
func body(number, kind int) []byte {
	if kind == 0 {
		return []byte{}
	}
	b := fmt.Appendf(nil, "%08d ", number)
	for len(b) < kind {
		b = append(b, b[:min(len(b), kind-len(b))]...)
	}
	return b[:max(kind, 9)]
}

// MostObjects is how many objects there are at the beginning at most.
const MostObjects = 16

// Over reports whether everything has come to its end: the operator wants no
// more, no process does anything, and no message is left.
func (w *World) Over() bool {
	for _, p := range w.Processes() {
		if p.Work != nil {
			return false
		}
	}
	for _, p := range w.AllPiles() {
		if len(p.Messages) > 0 {
			return false
		}
	}
	for _, a := range w.Actors {
		if !a.Content() {
			return false
		}
	}
	return true
}

// Processes lists every process that lives.
func (w *World) Processes() []*Process {
	all := slices.Clone(w.Workers)
	for _, a := range w.Actors {
		if p := a.Process(); p != nil {
			all = append(all, p)
		}
	}
	return all
}

// AllPiles lists every queue.
func (w *World) AllPiles() []*Pile {
	var all []*Pile
	for _, s := range task.Stages {
		all = append(all, w.Piles[s])
	}
	return append(all, w.Dead)
}

// Reported reports whether a run has its report.
func (w *World) Reported(run string) bool {
	over, err := w.Books().Run(run).Over(context.Background())
	return err == nil && over
}

// Books is the ledger as the world itself reads it.
func (w *World) Books() *ledger.Ledger { return ledger.Open(w.Led, Books) }

// Runs lists a job's runs.
func (w *World) Runs(t *Tenant) []string {
	runs, err := index.Runs(context.Background(), w.Books(), t.Job.Name)
	if err != nil {
		w.Log.Fail("the runs cannot be listed: %v", err)
	}
	return runs
}

// BegunRun is a job's newest run that has begun and that the operator has not
// seen the end of; "" where there is none.
func (w *World) BegunRun(t *Tenant) string {
	runs, err := index.Runs(context.Background(), w.Books(), t.Job.Name)
	if err != nil {
		w.Log.Fail("the runs cannot be listed: %v", err)
	}
	for _, run := range runs {
		if _, err := w.Books().Run(run).ReadStarted(context.Background()); err == nil && !w.Seen[run] {
			w.Seen[run] = true
			return run
		}
	}
	return ""
}

// recorded takes what was asked of a key, and answered, into the histories that must be
// linear. p is nil for the application.
func (w *World) recorded(p *Process, of side, key string, since int64, in linear.Asked, out linear.Answered) {
	if of == book && !CreateOnce(key) {
		return
	}
	client := 0
	if p != nil {
		client = p.id
	}
	w.Answers.Add(client, string(of)+" "+key, of == book, since, in, out)
}

// CreateOnce reports whether the ledger's record of that key is created once and
// never changed.
func CreateOnce(key string) bool {
	for _, part := range []string{"/closed/", "/sealed/", "/copied/", "/verified/", "/uploads/", "/parts/"} {
		if strings.Contains(key, part) {
			return true
		}
	}
	return strings.HasSuffix(key, "/job.json") || strings.HasSuffix(key, "/gate.json") || strings.HasSuffix(key, "/report.json")
}

// Keeps reports whether a job is kept in the ledger.
func (w *World) Keeps() bool {
	return w.Weather[weather.Events] || w.Weather[weather.Schedules] || w.Weather[weather.Removes]
}
