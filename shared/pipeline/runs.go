package pipeline

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/limit"
)

// keptRuns is how many runs a process remembers that it does no task of: a task
// that comes for another one reads its first record again.
const keptRuns = 64

// leaveTime bounds how long Leave takes.
const leaveTime = 5 * time.Second

// runs are the runs that a process remembers: at most keptRuns, and those that
// have tasks under way. It is safe for concurrent use.
type runs struct {
	slots *limit.AIMD // over all runs
	fixed int         // how many slots these are; 0: the largest limits.parallel of the runs

	mu     sync.Mutex
	byName map[string]*run
	uses   int64 // counts the calls of use and keep
}

// get returns the run of that name, nil if it is not remembered.
func (s *runs) get(name string) *run {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.byName[name]
}

// use is get for a run of which a task is to be done.
func (s *runs) use(name string) *run {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.byName[name]
	if r != nil {
		s.uses++
		r.used = s.uses
	}
	return r
}

// all returns all runs.
func (s *runs) all() []*run {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Values(s.byName))
}

// keep remembers r and returns it, or the one of its name that was kept before.
// Beyond keptRuns it forgets those without a task that were used longest ago.
func (s *runs) keep(r *run) *run {
	kept, over := s.put(r)
	for _, r := range over {
		r.forget()
	}
	return kept
}

func (s *runs) put(r *run) (kept *run, over []*run) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if other, ok := s.byName[r.ledger.Name]; ok {
		return other, []*run{r}
	}
	for len(s.byName) >= keptRuns {
		oldest := s.oldest()
		if oldest == nil {
			break
		}
		delete(s.byName, oldest.ledger.Name)
		over = append(over, oldest)
	}
	s.uses++
	r.used = s.uses
	s.byName[r.ledger.Name] = r
	s.slots.Resize(s.parallel())
	return r, over
}

// oldest is the run without a task that was used longest ago, nil if each has one.
func (s *runs) oldest() (oldest *run) {
	for _, r := range s.byName {
		if (oldest == nil || r.used < oldest.used) && !r.share.Busy() {
			oldest = r
		}
	}
	return oldest
}

// parallel is how many objects may be in flight in this process.
func (s *runs) parallel() int {
	most := 0
	for _, r := range s.byName {
		most = max(most, r.job.Limits.Parallel)
	}
	return cmp.Or(s.fixed, most)
}

// Leave takes back this process's heartbeats, also where ctx has ended: processes
// that share the limits of a run with it need not wait until they are old.
func (p *Pipeline) Leave(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveTime)
	defer cancel()
	var all sync.WaitGroup
	for _, r := range p.runs.all() {
		all.Go(func() {
			if err := r.share.Leave(ctx); err != nil {
				r.log.WarnContext(ctx, "signs of life not taken back, they are old in seconds", "fault", fault.KindOf(err), "err", err)
			}
		})
	}
	all.Wait()
}

// letGo says that what Open returned is not needed any more.
func (p *Pipeline) letGo(src Source, dst Target) {
	if p.config.Closed != nil {
		p.config.Closed(src, dst)
	}
}
