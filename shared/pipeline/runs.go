package pipeline

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"kodoferry/shared/fault"
)

// keptRuns is how many runs a process remembers that it does no task of: a task
// that comes for another one reads its first record again.
const keptRuns = 64

// leaveTime bounds how long Leave takes.
const leaveTime = 5 * time.Second

// known returns the run of that name if this process remembers it, else nil.
func (p *Pipeline) known(name string) *run {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := p.runs[name]
	if r != nil {
		p.turn++
		r.asked = p.turn
	}
	return r
}

// keep remembers r and returns it, or the one of its name that came first. Beyond
// keptRuns it forgets those without a task that were asked for longest ago.
func (p *Pipeline) keep(r *run) *run {
	kept, over := p.put(r)
	for _, r := range over {
		r.forget()
	}
	return kept
}

func (p *Pipeline) put(r *run) (kept *run, over []*run) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if other, ok := p.runs[r.ledger.Name]; ok {
		return other, []*run{r}
	}
	for len(p.runs) >= keptRuns {
		oldest := p.oldest()
		if oldest == nil {
			break
		}
		delete(p.runs, oldest.ledger.Name)
		over = append(over, oldest)
	}
	p.turn++
	r.asked = p.turn
	p.runs[r.ledger.Name] = r
	p.slots.Resize(p.total())
	return r, over
}

// oldest is the run without a task that was asked for longest ago, nil if each has one.
func (p *Pipeline) oldest() (oldest *run) {
	for _, r := range p.runs {
		if (oldest == nil || r.asked < oldest.asked) && !r.share.Busy() {
			oldest = r
		}
	}
	return oldest
}

// total is how many objects may be in flight in this process.
func (p *Pipeline) total() int {
	most := 0
	for _, r := range p.runs {
		most = max(most, r.job.Limits.Parallel)
	}
	return cmp.Or(p.config.Slots, most)
}

// Leave takes back this process's heartbeats, also where ctx has ended: processes
// that share the limits of a run with it need not wait until they are old.
func (p *Pipeline) Leave(ctx context.Context) {
	p.mu.Lock()
	runs := slices.Collect(maps.Values(p.runs))
	p.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveTime)
	defer cancel()
	var all sync.WaitGroup
	for _, r := range runs {
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
