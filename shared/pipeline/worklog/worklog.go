// Package worklog counts what a process does of a run, and leaves a sign of it in the
// ledger now and then, for those who look how the run stands. No outcome rests on it.
package worklog

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/files"
	"kodoferry/shared/ledger/live"
)

// Log is what one process has done of one run. It is safe for concurrent use. A nil Log
// counts nothing and writes nothing.
type Log struct {
	dir   files.Folder
	every time.Duration
	now   func() time.Time
	binds func() (by string, inFlight int) // what bounds the process now

	writing sync.Mutex // held by the one call that writes a sign

	mu       sync.Mutex // over all that follows
	me       live.Work
	due      time.Time // when the next sign is, by the process's monotonic clock
	wrote    bool
	copying  int // tasks under way
	others   int
	batches  map[string]*underWay
	written  []live.BatchDone
	marks    []mark // of Total, one a sign, those of the last minute and the one before
	failures map[failure]*live.Failed
}

// underWay is a batch that tasks of this process work at, or worked at a part of.
type underWay struct {
	live.Done
	tasks int
	last  time.Time // when one of its tasks ended
}

// mark is what was done by a time.
type mark struct {
	at   time.Time
	done live.Done
}

type failure struct{ state, cause string }

// New returns the Log of a process, which tells so often what it has done; binds says what bounds it.
func New(dir files.Folder, me live.Work, every time.Duration, now func() time.Time, binds func() (by string, inFlight int)) *Log {
	if every <= 0 {
		return nil
	}
	me.Since = now()
	return &Log{
		dir: dir, every: every, now: now, binds: binds, me: me, due: time.Now().Add(every), batches: map[string]*underWay{},
		marks: []mark{{at: me.Since}}, failures: map[failure]*live.Failed{},
	}
}

// Enter counts a task as under way, one of a batch where that is not "", and leaves signs
// while it is, until leave is called. The signs are of the context's time; one that cannot
// be written is left out.
func (l *Log) Enter(ctx context.Context, batch string, copies bool) (leave func()) {
	if l == nil {
		return func() {}
	}
	l.tasks(batch, copies, 1)
	signs, stop := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(max(l.every/10, time.Millisecond))
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				l.tell(signs)
			case <-signs.Done():
				return
			}
		}
	}()
	return func() {
		stop()
		<-ended
		l.tell(ctx) // an instance of a function is frozen between its tasks
		l.tasks(batch, copies, -1)
	}
}

// tasks counts tasks under way. What was copied of a batch whose tasks ended and that is not
// written off is kept for a while: its other parts follow.
func (l *Log) tasks(batch string, copies bool, n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if copies {
		l.copying += n
	} else {
		l.others += n
	}
	if batch == "" {
		return
	}
	b := l.batch(batch)
	b.tasks += n
	b.last = l.now()
	if b.tasks <= 0 && b.Done == (live.Done{}) {
		delete(l.batches, batch)
	}
}

// batch is what was done of a batch; of too many the one is forgotten that no task works at
// and that was worked at longest ago. The caller holds mu.
func (l *Log) batch(id string) *underWay {
	if b, ok := l.batches[id]; ok {
		return b
	}
	if len(l.batches) >= live.MaxBatches {
		oldest := ""
		for id, b := range l.batches {
			if b.tasks <= 0 && (oldest == "" || b.last.Before(l.batches[oldest].last)) {
				oldest = id
			}
		}
		delete(l.batches, oldest)
	}
	b := &underWay{}
	l.batches[id] = b
	return b
}

// Settled counts an object of a batch that ended as its row says; copied are its bytes that
// were copied and not counted before.
func (l *Log) Settled(batch string, r ledger.Row, copied int64) {
	if l == nil {
		return
	}
	d := live.Done{Objects: 1, Bytes: copied}
	l.mu.Lock()
	defer l.mu.Unlock()
	if r.NeedsPerson() {
		d.Failed = 1
		l.fail(r)
	}
	l.count(batch, d)
}

// PartCopied counts bytes of a big object of a batch that were copied.
func (l *Log) PartCopied(batch string, bytes int64) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.count(batch, live.Done{Bytes: bytes})
}

// Throttled counts an answer to slow down.
func (l *Log) Throttled(batch string) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.count(batch, live.Done{Throttled: 1})
}

// count adds to what was done. The caller holds mu.
func (l *Log) count(batch string, d live.Done) {
	add(&l.me.Total, d)
	if batch != "" {
		add(&l.batch(batch).Done, d)
	}
}

// fail counts a failure under its cause. The caller holds mu.
func (l *Log) fail(r ledger.Row) {
	f := failure{string(r.State), string(r.Cause)}
	if r.Verdict == ledger.Mismatch {
		f.state = string(r.Verdict)
	}
	at, ok := l.failures[f]
	if !ok && len(l.failures) >= live.MaxCauses {
		return // the verification tells of all
	}
	if !ok {
		at = &live.Failed{State: f.state, Cause: f.cause, Reason: r.Reason, Keys: []string{}}
		l.failures[f] = at
	}
	if at.Objects++; len(at.Keys) < live.MaxKeys {
		at.Keys = append(at.Keys, r.Key())
	}
}

// WrittenOff takes a batch out of those under way: the ledger has its outcome.
func (l *Log) WrittenOff(batch string) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	d := live.BatchDone{ID: batch}
	if b, ok := l.batches[batch]; ok {
		d.Done = b.Done
		delete(l.batches, batch)
	}
	if l.written = append(l.written, d); len(l.written) > live.MaxBatches {
		l.written = l.written[len(l.written)-live.MaxBatches:]
	}
}

// tell writes a sign if one is due.
func (l *Log) tell(ctx context.Context) {
	if !l.writing.TryLock() {
		return
	}
	defer l.writing.Unlock()
	l.mu.Lock()
	is := !time.Now().Before(l.due)
	l.mu.Unlock()
	if is {
		l.write(ctx, false)
	}
}

// Leave writes the last sign of a process that has left any.
func (l *Log) Leave(ctx context.Context) {
	if l == nil {
		return
	}
	l.writing.Lock()
	defer l.writing.Unlock()
	if l.wrote {
		l.write(ctx, true)
	}
}

// longest is how long a sign may take to be written: the end of a task waits for it.
const longest = 2 * time.Second

// write writes a sign. The caller holds writing.
func (l *Log) write(ctx context.Context, left bool) {
	sign := l.sign(left)
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	err := live.WriteWork(ctx, l.dir, sign) // which is for show: the next one comes soon
	l.mu.Lock()
	defer l.mu.Unlock()
	l.due = time.Now().Add(l.every)
	l.wrote = l.wrote || err == nil
}

// sign is what the process tells now.
func (l *Log) sign(left bool) live.Work {
	by, inFlight := l.binds()
	l.mu.Lock()
	defer l.mu.Unlock()
	s, now := l.me, l.now()
	s.At, s.Left, s.Copies = now, left, l.copying > 0
	s.Minute = l.minute(now)
	if s.Copies {
		s.Binds, s.InFlight = by, inFlight
	}
	for _, id := range slices.Sorted(maps.Keys(l.batches)) {
		s.UnderWay = append(s.UnderWay, live.BatchDone{ID: id, Done: l.batches[id].Done})
	}
	s.Written = slices.Clone(l.written)
	for _, f := range l.failures {
		one := *f
		one.Keys = slices.Clone(f.Keys)
		s.Failures = append(s.Failures, one)
	}
	slices.SortFunc(s.Failures, func(a, b live.Failed) int {
		return cmp.Or(cmp.Compare(b.Objects, a.Objects), cmp.Compare(a.State, b.State), cmp.Compare(a.Cause, b.Cause))
	})
	return s
}

// minute is what was done in the last minute, and marks what is done now. The caller holds mu.
func (l *Log) minute(now time.Time) live.Done {
	for len(l.marks) > 1 && now.Sub(l.marks[1].at) >= time.Minute {
		l.marks = l.marks[1:]
	}
	was, total := l.marks[0], l.me.Total
	l.marks = append(l.marks, mark{now, total})
	d := live.Done{Objects: total.Objects - was.done.Objects, Bytes: total.Bytes - was.done.Bytes, Failed: total.Failed - was.done.Failed, Throttled: total.Throttled - was.done.Throttled}
	if took := now.Sub(was.at); took > time.Minute { // the mark before is older
		part := float64(time.Minute) / float64(took)
		d.Objects, d.Bytes = int64(float64(d.Objects)*part), int64(float64(d.Bytes)*part)
	}
	return d
}

func add(to *live.Done, d live.Done) {
	to.Objects += d.Objects
	to.Bytes += d.Bytes
	to.Failed += d.Failed
	to.Throttled += d.Throttled
}
