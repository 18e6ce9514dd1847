// Package contract tests a user's own clouds against everything that Ferry relies
// on: the contracts of its ports, sentence by sentence (the suites of storetest and
// queuetest), and questions that no documentation answers for sure. Start with Run.
//
//	recorder.go             runs a case of a suite outside of go test
//	scratch.go, kodo.go     keep everything that is written below one prefix
//	facts.go, facts_*.go    the questions
//	redact.go, result.go    what is reported, without the user's names, hosts and keys
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

// Verdict is the result of a sentence.
type Verdict string

const (
	Pass    Verdict = "pass"
	Fail    Verdict = "fail"
	Skipped Verdict = "skipped" // it could not be asked; Reason says why
)

// Row is one sentence and its result, without any name, host or key of the user's.
type Row struct {
	Cloud    string  `json:"cloud"`            // kodo, oss, mns, eventbridge, fc
	Region   string  `json:"region,omitempty"` // as its location names it
	Of       string  `json:"of"`               // source, target, parts, levels, queue: a sentence of that contract; unknown: a question
	Sentence string  `json:"sentence"`
	Verdict  Verdict `json:"verdict"`
	Reason   string  `json:"reason,omitempty"` // of what did not pass
	Found    string  `json:"found,omitempty"`  // what was seen, where the sentence is a question
	Seconds  float64 `json:"seconds"`
}

// Setup is what Run tests, and where it may write.
type Setup struct {
	Source   store.Source // read only
	SourceAt job.Location

	Bucket   store.Writer // written below Prefix
	BucketAt job.Location
	Prefix   string // ends in "/"; nothing else may be below it

	Queue    func(name string) (queue.Scratch, error) // nil: no queues were named
	QueuesAt job.Location
	// Ways asks which addresses of the queues' service answer from here: says is the answer
	// as a sentence, inside is true where an internal one does; asked is false where there
	// is only one address.
	Ways func(ctx context.Context) (says string, inside, asked bool)

	Scratch   *Kodo        // writes to a prefix at Kodo; nil: no such prefix was named
	ScratchAt store.Source // reads the same bucket

	Private []string  // what no row may contain: names of buckets, hosts, accounts, keys
	Tell    func(Row) // is called with each row once it has its result; may be nil
}

const (
	timeLimit   = 4*time.Minute + 30*time.Second // for all sentences: of 5 minutes, the rest is for the cleanup
	concurrency = 6                              // sentences of stores at the same time
	cleanTime   = 2 * time.Minute                // for the cleanup
	settleTime  = time.Second                    // for requests that were cut off to arrive
)

// errTime is the cause of the end of what did not end within timeLimit.
var errTime = errors.New("the time was up")

// item is a sentence and how to test it.
type item struct {
	cloud, region, of, sentence string
	ask                         func(ctx context.Context, r *recorder)
	byHand                      string // why ask cannot test it, and how to do so by hand; "" if it can
}

// Question is a sentence that no documentation confirms or denies for sure.
type Question struct {
	Cloud, Sentence string // as in the rows
	ByHand          string // why Run cannot test it, and how to do so by hand; "" if it can
}

// Questions returns all questions, in the order of the rows.
func Questions() []Question {
	var all []Question
	for _, it := range (Setup{}).items(&cleanup{}) {
		if it.of == "unknown" {
			all = append(all, Question{it.cloud, it.sentence, it.byHand})
		}
	}
	return all
}

// Run tests every sentence, many at a time, and removes what it wrote, also when
// ctx ends. It returns the rows in a stable order. An error names what could not be
// removed, and where it is.
func Run(ctx context.Context, s Setup) ([]Row, error) {
	limited, cancel := context.WithTimeoutCause(ctx, timeLimit, errTime)
	defer cancel()
	written := &cleanup{}
	items := s.items(written)
	rows := make([]Row, len(items))
	private := newRedactor(append(s.Private, s.Prefix))
	var telling sync.Mutex
	var stores errgroup.Group
	stores.SetLimit(concurrency)
	var queues sync.WaitGroup
	for i, it := range items {
		one := func() {
			rows[i] = put(limited, it, private)
			telling.Lock()
			defer telling.Unlock()
			if s.Tell != nil && ctx.Err() == nil {
				s.Tell(rows[i])
			}
		}
		if it.cloud == "mns" { // most of their time is waiting
			queues.Go(one)
			continue
		}
		stores.Go(func() error { one(); return nil })
	}
	_ = stores.Wait() // no error: a failure is a row
	queues.Wait()
	if limited.Err() != nil {
		// A request that was cut off may still arrive: what it writes after the cleanup would stay.
		time.Sleep(settleTime)
	}
	clean, stop := context.WithTimeout(context.WithoutCancel(ctx), cleanTime)
	defer stop()
	return rows, written.run(clean)
}

// put tests one sentence. After the end of ctx a sentence is Skipped.
func put(ctx context.Context, it item, private *redactor) Row {
	row := Row{Cloud: it.cloud, Region: it.region, Of: it.of, Sentence: it.sentence, Verdict: Pass}
	began := time.Now()
	r := &recorder{ctx: ctx}
	if ctx.Err() == nil {
		r.run(func() { it.ask(ctx, r) })
	}
	row.Seconds = time.Since(began).Round(time.Millisecond).Seconds()
	row.Found = private.text(r.found)
	switch {
	case r.skipped != "":
		row.Verdict, row.Reason = Skipped, private.text(r.skipped)
	case ctx.Err() != nil && (len(r.failures) > 0 || row.Seconds == 0):
		row.Verdict, row.Reason = Skipped, context.Cause(ctx).Error()
	case len(r.failures) > 0:
		row.Verdict, row.Reason = Fail, private.text(r.text())
	}
	return row
}

// items returns all sentences, in the order of the rows. What they write is added
// to written.
func (s Setup) items(written *cleanup) []item {
	var all []item
	all = append(all, s.kodoItems(written)...)
	n := 0
	for _, suite := range []struct {
		of    string
		cases []storetest.Case
	}{{"source", storetest.SourceCases()}, {"target", storetest.TargetCases()}, {"parts", storetest.MultipartCases()}, {"levels", storetest.ListerCases()}} {
		for _, c := range suite.cases {
			n++
			b := newScratch(s.Bucket, s.Prefix, n)
			written.add(b.clear)
			all = append(all, item{"oss", s.BucketAt.Region, suite.of, c.Name, func(_ context.Context, r *recorder) { c.Test(r, b.fixture(r)) }, ""})
		}
	}
	all = append(all, s.ossFacts(written)...)
	all = append(all, s.queueItems(written)...)
	return append(all, unasked...)
}

// kodoItems returns the sentences about Kodo: its contract as a source, Skipped
// without Scratch, and the questions that the user's own objects answer.
func (s Setup) kodoItems(written *cleanup) []item {
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
		written.add(func(ctx context.Context) error { return s.Scratch.clear(ctx, s.ScratchAt) })
	}
	return append(all, s.sourceFacts()...)
}

// queueItems returns the contract of a queue, each sentence on a queue of its own,
// and the questions about MNS.
func (s Setup) queueItems(written *cleanup) []item {
	var all []item
	const visibility = 4 * time.Second
	depths := make(chan queue.Depth, 1) // the last Depth that the case about it saw
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
				written.add(q.Drop)
				var tested queue.Queue = q
				if c.Name == queuetest.DepthCase {
					n := &depthRecorder{Queue: q}
					tested = n
					defer func() { depths <- n.last }()
				}
				if err := q.Create(ctx, visibility); err != nil {
					r.Fatalf("a scratch queue could not be made: %v", err)
				}
				c.Test(r, tested, queuetest.Knobs{Visibility: visibility, Sleep: func(d time.Duration) { sleep(ctx, d) }})
			}
		}
		all = append(all, it)
	}
	return append(all, s.queueFacts(depths)...)
}

// sleep returns after d, or when ctx ends.
func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// cleanup removes what was written. It is safe for concurrent use.
type cleanup struct {
	mu    sync.Mutex
	tasks []func(context.Context) error
}

// add adds f, which removes something.
func (c *cleanup) add(f func(context.Context) error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tasks = append(c.tasks, f)
}

// run calls everything that was added, and returns all errors.
func (c *cleanup) run(ctx context.Context) error {
	c.mu.Lock()
	tasks := slices.Clone(c.tasks)
	c.mu.Unlock()
	errs := make([]error, len(tasks))
	var g errgroup.Group
	g.SetLimit(concurrency)
	for i, f := range tasks {
		g.Go(func() error { errs[i] = f(ctx); return nil })
	}
	_ = g.Wait() // each has its own error
	return errors.Join(errs...)
}
