package show

import (
	"fmt"
	"sync"
	"time"

	"github.com/dustin/go-humanize"

	"kodoferry/shared/agent"
	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger/live"
	"kodoferry/shared/ledger/progress"
	"kodoferry/shared/pipeline/memory"
	"kodoferry/shared/pipeline/watch"
)

// Copy shows a run of `ferry copy`: Begun, Follows, Waited, PassedOver and Watch are the functions of
// agent.CopyOptions.
type Copy struct {
	Tell *Teller
	Run  string // its name, once it has begun

	job    job.Job
	quiet  bool
	caught *Caught
	by     string // another process that does it

	mu   sync.Mutex
	down time.Time       // when it was last printed that a side does not answer; zero: both answer
	over map[string]bool // files that were passed over, and printed
}

// NewCopy shows a run of j by tell, where quiet without progress and faults.
func NewCopy(tell *Teller, j job.Job, quiet bool) *Copy {
	return &Copy{Tell: tell, job: j, quiet: quiet, caught: NewCaught(tell)}
}

// Begun prints which run begins, or goes on where done is not nil.
func (c *Copy) Begun(run string, done *progress.Run) {
	c.Run = run
	s := Style{Tongue: spoken()}
	c.Tell.Plain("%s -> %s", c.job.Source.Place(), c.job.Target.Place())
	if done == nil {
		c.Tell.Plain("%s", s.say("copy.begun", run, c.job.Ledger.Place()))
	} else {
		batches, open := batches(*done)
		c.Tell.Plain("%s", s.say("copy.goes_on", run, c.job.Ledger.Place(), humanize.Comma(batches-open), s.count("batches", batches)))
		if j, err := job.Decode(done.Started.Job); err == nil && bounds(j.Limits) != bounds(c.job.Limits) {
			c.Tell.Plain("%s", s.say("copy.its_limits", run))
		}
	}
	c.Tell.End() // of the process that did it before
	if !c.quiet {
		c.Tell.Begin()
		c.Tell.Stands(done)
	}
}

// bounds is what of a job's limits bounds all processes of a run together, which ferry limits
// changes.
func bounds(l job.Limits) string { return fmt.Sprint(l.Bandwidth, l.Requests, l.Instances) }

// PassedOver prints, once for each file, that what an earlier run left of its objects is not
// believed.
func (c *Copy) PassedOver(file string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over[file] || len(c.over) >= mostPassedOver {
		return
	}
	if c.over == nil {
		c.over = map[string]bool{}
	}
	c.over[file] = true
	c.Tell.Plain("%s", memory.Disbelieved(file, err))
}

// mostPassedOver bounds the files that PassedOver prints.
const mostPassedOver = 20

// Follows shows a run that another process does.
func (c *Copy) Follows(f agent.Follow) {
	if c.by != f.By.Process {
		c.by, c.Run = f.By.Process, f.Run
		s := Style{Tongue: spoken()}
		c.Tell.Plain("%s", s.say("copy.follows", f.Run, s.process(f.By), f.By.Since.UTC().Format(time.DateTime), fmt.Sprintf("%.0f", f.Age.Seconds())))
		if !c.quiet {
			c.Tell.Begin()
		}
	}
	if f.Progress != nil {
		c.Tell.Stands(f.Progress)
	}
}

// Waited prints that another process waits for this one.
func (c *Copy) Waited(by live.Holder) {
	s := Style{Tongue: spoken()}
	c.Tell.Plain("%s", s.say("copy.waited", s.process(by)))
}

// process names a process by its number and its machine.
func (s Style) process(h live.Holder) string {
	if h.Process == "" {
		return s.say("copy.unread")
	}
	return s.say("copy.process", h.PID, h.Host)
}

// batches counts the batches of a run that hold something to copy, and the open ones.
func batches(p progress.Run) (all, open int64) {
	for _, s := range p.Shards {
		all += s.Sealed.Batches
		open += s.Left.Batches
	}
	return all, open
}

// Watch shows an event of the pipeline: progress, the first fault of each kind, and that a
// side does not answer.
func (c *Copy) Watch(e watch.Progress) {
	c.Tell.Watch(e)
	c.outage(e)
	if e.Kind != watch.Caught || c.quiet {
		return
	}
	if kind := KindOf(e.Err); kind != "" {
		c.caught.Add(kind, e.Key)
	}
}

// outageEvery is how often it is printed that a side does not answer.
const outageEvery = 10 * time.Minute

// outage prints that a side does not answer, every ten minutes, and that it answers again.
func (c *Copy) outage(e watch.Progress) {
	if e.Kind != watch.Down && e.Kind != watch.Up {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case e.Kind == watch.Up && !c.down.IsZero():
		c.down = time.Time{}
		c.Tell.Plain("%s", Style{Tongue: spoken()}.say("copy.answers"))
	case e.Kind == watch.Down && time.Since(c.down) > outageEvery:
		c.down = time.Now()
		c.Tell.Plain("%s", Translated(fault.Sentence(e.Err)))
	}
}

// AtMost prints how many objects are copied at a time, and what bounds them.
func (c *Copy) AtMost(most int, by string) {
	c.Tell.Plain("%s", Style{Tongue: spoken()}.say("copy.at_most", most, Translated(by)))
}

// Interrupted prints what holds after Ctrl-C.
func (c *Copy) Interrupted() {
	c.Tell.Plain("%s", Style{Tongue: spoken()}.say("copy.interrupted", c.Run))
}

// Where prints where the report of a run is.
func Where(tell *Teller, at job.Location, run string) {
	tell.Plain("%s", Style{Tongue: spoken()}.say("copy.report", fmt.Sprintf("oss://%s/%sruns/%s/report.html", at.Bucket, at.Prefix, run), fmt.Sprintf("ferry report %s --ledger '%s'", run, at)))
}
