package fc

import (
	"slices"
	"time"
)

// Stats counts what one function did since it was deployed.
type Stats struct {
	Invocations  int // handed to an instance, tries included
	Failures     int // of them: ended in a Failure, timeouts and kills included
	Timeouts     int // passed their timeout
	Throttled    int // refused: every instance was busy and no other was allowed
	ColdStarts   int // instances started
	Retries      int // tries after the first, of streams and asynchronous invocations; on Lambda, messages that came again
	Kills        int // by Kill
	DeadLetters  int // messages sent to a dead-letter queue
	Dropped      int // messages and asynchronous invocations given up without one
	Instances    int // now
	MaxInstances int // at once
	MaxAtOnce    int // invocations at once, of all instances together

	FirstAnswers []time.Duration // of each instance: from its start to its first answer
}

// Stats returns the counts of each function by its name.
func (c *Cloud) Stats() map[string]Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := make(map[string]Stats, len(c.functions))
	for name, f := range c.functions {
		s := f.stats
		s.Instances = len(f.instances)
		s.FirstAnswers = slices.Clone(s.FirstAnswers)
		all[name] = s
	}
	return all
}

// count changes a function's counts.
func (f *function) count(change func(*Stats)) {
	f.c.mu.Lock()
	defer f.c.mu.Unlock()
	change(&f.stats)
}
