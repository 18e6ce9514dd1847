// Package contract holds a user's own clouds to everything that Ferry relies on:
// the contracts of its ports, sentence by sentence, and what no documentation
// says for sure. Start with Run. recorder.go stands in for go test, scratch.go
// and kodo.go keep what is written in one place, facts.go, facts_oss.go and facts_mns.go
// ask what is not known, redact.go takes out what is the user's alone.
package contract

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"kodoferry/shared/job"
	"kodoferry/shared/queue"
	"kodoferry/shared/queue/queuetest"
	"kodoferry/shared/store"
	"kodoferry/shared/store/storetest"
)

// Verdict is what became of a sentence.
type Verdict string

const (
	Pass    Verdict = "pass"
	Fail    Verdict = "fail"
	Skipped Verdict = "skipped" // it could not be asked; Reason says why
)

// Row is one sentence and what became of it. It names nothing of the user's.
type Row struct {
	Cloud    string  `json:"cloud"`            // kodo, oss, mns, eventbridge, fc
	Region   string  `json:"region,omitempty"` // as its location names it
	Of       string  `json:"of"`               // source, target, parts, queue: of that contract; unknown: what no documentation says
	Sentence string  `json:"sentence"`
	Verdict  Verdict `json:"verdict"`
	Reason   string  `json:"reason,omitempty"` // of what did not pass
	Found    string  `json:"found,omitempty"`  // what was seen, where the sentence is a question
	Seconds  float64 `json:"seconds"`
}

// Bucket is where what is written goes.
type Bucket interface {
	store.Target
	store.Multipart
}

// Queue can be made and removed.
type Queue interface {
	queue.Queue
	Create(ctx context.Context, visibility time.Duration) error
	Drop(ctx context.Context) error
}

// Setup is what is held to the contract, and where.
type Setup struct {
	Source   store.Source // read only
	SourceAt job.Location

	Bucket   Bucket // written below Prefix
	BucketAt job.Location
	Prefix   string // ends in "/"; nothing else may be below it

	Queue    func(name string) (Queue, error) // nil: no queues were named
	QueuesAt job.Location
	// Ways says which addresses of the queues' service answer from here, and whether an
	// internal one is among them; asked is false where there is but one address.
	Ways func(ctx context.Context) (says string, inside, asked bool)

	Scratch   *Kodo        // writes at Kodo; nil: nothing was named that it may write
	ScratchAt store.Source // reads there

	Private []string  // what no row may tell: names of buckets, hosts, accounts, keys
	Tell    func(Row) // told of each row as it ends; may be nil
}

const (
	// timeLimit leaves half a minute of five to clean up.
	timeLimit  = 4*time.Minute + 30*time.Second
	together   = 6 // sentences of a store at the same time
	cleanTime  = 2 * time.Minute
	settleTime = time.Second // for requests that were cut off
)

// errTime ends what did not end in time.
var errTime = errors.New("the time was up")

// item is a sentence to be put.
type item struct {
	cloud, region, of, sentence string
	ask                         func(ctx context.Context, r *recorder)
	byHand                      string // why it cannot be put from here, and how to put it; "" if it can
}

// Question is one that no documentation answers for sure.
type Question struct {
	Cloud, Sentence string // as in the rows
	ByHand          string // why Run cannot ask it, and how to ask it by hand; "" if it can
}

// Questions are all of them, in the order of the rows.
func Questions() []Question {
	var all []Question
	for _, it := range (Setup{}).items(&broom{}) {
		if it.of == "unknown" {
			all = append(all, Question{it.cloud, it.sentence, it.byHand})
		}
	}
	return all
}

// Run puts every sentence, many at a time, and removes what it wrote, also when
// ctx ends. It returns the rows in a stable order; an error says that something
// was left behind, and where.
func Run(ctx context.Context, s Setup) ([]Row, error) {
	limited, cancel := context.WithTimeoutCause(ctx, timeLimit, errTime)
	defer cancel()
	tidy := &broom{}
	items := s.items(tidy)
	rows := make([]Row, len(items))
	hide := newRedactor(append(s.Private, s.Prefix))
	var telling sync.Mutex
	var stores errgroup.Group
	stores.SetLimit(together)
	var queues sync.WaitGroup
	for i, it := range items {
		one := func() {
			rows[i] = put(limited, it, hide)
			telling.Lock()
			defer telling.Unlock()
			if s.Tell != nil && ctx.Err() == nil {
				s.Tell(rows[i])
			}
		}
		if it.cloud == "mns" { // they sleep most of the time
			queues.Go(one)
			continue
		}
		stores.Go(func() error { one(); return nil })
	}
	_ = stores.Wait() // none fails: trouble is a row
	queues.Wait()
	if limited.Err() != nil {
		// What was cut off may still arrive; what is removed before stays.
		time.Sleep(settleTime)
	}
	clean, stop := context.WithTimeout(context.WithoutCancel(ctx), cleanTime)
	defer stop()
	return rows, tidy.sweep(clean)
}

// put puts one sentence.
func put(ctx context.Context, it item, hide *redactor) Row {
	row := Row{Cloud: it.cloud, Region: it.region, Of: it.of, Sentence: it.sentence, Verdict: Pass}
	began := time.Now()
	r := &recorder{ctx: ctx}
	if ctx.Err() == nil {
		r.run(func() { it.ask(ctx, r) })
	}
	row.Seconds = time.Since(began).Round(time.Millisecond).Seconds()
	row.Found = hide.text(r.found)
	switch {
	case r.skipped != "":
		row.Verdict, row.Reason = Skipped, hide.text(r.skipped)
	case ctx.Err() != nil && (len(r.failures) > 0 || row.Seconds == 0):
		row.Verdict, row.Reason = Skipped, context.Cause(ctx).Error()
	case len(r.failures) > 0:
		row.Verdict, row.Reason = Fail, hide.text(r.text())
	}
	return row
}

// items are all sentences, in the order of the rows.
func (s Setup) items(tidy *broom) []item {
	var all []item
	all = append(all, s.kodoItems(tidy)...)
	n := 0
	for _, suite := range []struct {
		of    string
		cases []storetest.Case
	}{{"source", storetest.SourceCases()}, {"target", storetest.TargetCases()}, {"parts", storetest.MultipartCases()}} {
		for _, c := range suite.cases {
			n++
			b := newScratch(s.Bucket, s.Prefix, n)
			tidy.add(b.clear)
			all = append(all, item{"oss", s.BucketAt.Region, suite.of, c.Name, func(_ context.Context, r *recorder) { c.Test(r, b.fixture(r)) }, ""})
		}
	}
	all = append(all, s.ossFacts(tidy)...)
	all = append(all, s.queueItems(tidy)...)
	return append(all, unasked...)
}

// kodoItems are the sentences about Kodo: its contract as a source where there
// is a place to write, and what can be asked of the user's own objects.
func (s Setup) kodoItems(tidy *broom) []item {
	var all []item
	for i, c := range storetest.SourceCases() {
		it := item{"kodo", s.SourceAt.Region, "source", c.Name, func(_ context.Context, r *recorder) {
			r.Skipf("nothing was named at Kodo that may be written: --scratch 'kodo://bucket/prefix/'")
		}, ""}
		if s.Scratch != nil {
			k := s.Scratch.below(i)
			it.ask = func(_ context.Context, r *recorder) { c.Test(r, k.fixture(r, s.ScratchAt)) }
		}
		all = append(all, it)
	}
	if s.Scratch != nil {
		tidy.add(func(ctx context.Context) error { return s.Scratch.clear(ctx, s.ScratchAt) })
	}
	return append(all, s.sourceFacts()...)
}

// queueItems are the contract of a queue, each sentence on a queue of its own.
func (s Setup) queueItems(tidy *broom) []item {
	var all []item
	const visibility = 4 * time.Second
	told := make(chan queue.Depth, 1) // by the queue that is asked how much it holds
	for i, c := range queuetest.Cases() {
		it := item{"mns", s.QueuesAt.Region, "queue", c.Name, func(_ context.Context, r *recorder) {
			r.Skipf(noQueues)
		}, ""}
		if s.Queue != nil {
			it.ask = func(ctx context.Context, r *recorder) {
				q, err := s.Queue(name(i))
				if err != nil {
					r.Fatalf("it cannot be opened: %v", err)
				}
				tidy.add(q.Drop)
				var tested queue.Queue = q
				if c.Name == queuetest.DepthCase {
					n := &noted{Queue: q}
					tested = n
					defer func() { told <- n.last }()
				}
				if err := q.Create(ctx, visibility); err != nil {
					r.Fatalf("a scratch queue could not be made: %v", err)
				}
				c.Test(r, tested, queuetest.Knobs{Visibility: visibility, Sleep: func(d time.Duration) { sleep(ctx, d) }})
			}
		}
		all = append(all, it)
	}
	return append(all, s.queueFacts(told)...)
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// broom removes what was written.
type broom struct {
	mu    sync.Mutex
	tasks []func(context.Context) error
}

func (b *broom) add(f func(context.Context) error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.tasks = append(b.tasks, f)
}

// sweep does all that was added, and returns all that failed.
func (b *broom) sweep(ctx context.Context) error {
	b.mu.Lock()
	tasks := slices.Clone(b.tasks)
	b.mu.Unlock()
	errs := make([]error, len(tasks))
	var g errgroup.Group
	g.SetLimit(together)
	for i, f := range tasks {
		g.Go(func() error { errs[i] = f(ctx); return nil })
	}
	_ = g.Wait() // each has its own error
	return errors.Join(errs...)
}
