package app_test

import (
	"fmt"
	"testing"
	"time"

	"kodoferry/shared/emulator/chaos"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/eventnames"
	"kodoferry/shared/report"
	"kodoferry/shared/store"
	"kodoferry/shared/task"
)

const oneDay = 24 * time.Hour

// ofARun are the kinds of task that a run which mirrors deletions has.
var ofARun = []task.Kind{task.List, task.Copy, task.Begin, task.Part, task.Finish, task.Verify, task.Decide, task.Delete, task.Report}

// mirrored is a job of which a first run is over, with objects big and small.
func (o *office) mirrored(t *testing.T, batch int) job.Job {
	t.Helper()
	o.fill(t, 20)
	j := o.job(t, func(j *job.Job) {
		j.Delete, j.Limits.BatchObjects, j.Limits.PartsAbove, j.Limits.PartSize = true, batch, 4<<20, 4<<20
		j.Target.Prefix = "mine/"
	})
	if rep := o.end(t, o.start(t, j)); rep.Result != report.Verified {
		t.Fatalf("%+v, want the first run verified", rep.Summary)
	}
	o.advance(time.Second)
	return j
}

// TestAMessageIsFoundLostHoweverOldItsRunIs starts runs of which nothing is
// delivered until they are so many days old: by then the queues have dropped
// what they held. Then the first message of each kind is lost in turn.
func TestAMessageIsFoundLostHoweverOldItsRunIs(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	j := o.mirrored(t, 4)
	for i, kind := range ofARun {
		days := []int{8, 15, 29}[i%3]
		t.Run(fmt.Sprintf("%s at day %d", kind, days), func(t *testing.T) {
			for n := range 8 {
				o.object(t, fmt.Sprintf("new/%d/%d", i, n), 100+n)
			}
			o.object(t, fmt.Sprintf("new/%d/big", i), 9<<20)
			o.kodo.Remove("photos", fmt.Sprintf("k/%05d", i))
			run := o.start(t, j)
			o.advance(time.Duration(days) * oneDay)
			lost := 0
			o.lose = func(at task.Task) bool {
				if at.Kind == kind {
					lost++
				}
				return at.Kind == kind && lost == 1
			}
			if err := o.deploy.SweepNow(t.Context(), 30*time.Minute); err != nil {
				t.Fatal(err)
			}
			rep := o.end(t, run)
			if lost == 0 || rep.Result != report.Verified || rep.Objects.Copied != 9 || rep.Objects.Deleted != 1 {
				t.Errorf("%+v, %d messages of the kind seen, want it verified, with 9 copied and 1 deleted", rep.Summary, lost)
			}
		})
	}
}

// TestADayOfEventsThatIsLongOverIsReported has an event handed on whose message
// is lost, and then the report's.
func TestADayOfEventsThatIsLongOverIsReported(t *testing.T) {
	for _, days := range []int{8, 15, 29} {
		o := newOffice(t)
		o.object(t, "b", 10)
		j := o.job(t)
		frozen, err := job.Encode(j)
		if err != nil {
			t.Fatal(err)
		}
		day := o.clock().UTC()
		run := o.deploy.Ledger().Run(eventnames.Run(j.Name, day.AddDate(0, 0, -2), 1))
		if _, err := run.CreateStarted(t.Context(), ledger.Started{Job: frozen, At: day, Events: true, Deployed: true}); err != nil {
			t.Fatal(err)
		}
		_, batch := eventnames.Batch("b", day)
		rest := ledger.BatchRef{ID: batch + ".1abcdefgh", First: "b", Last: "b", Rows: 1, Pending: 1}
		if err := run.Batches().WriteRows(t.Context(), rest.ID, []ledger.Row{{Src: store.Object{Key: "b"}, State: ledger.Pending}}); err != nil {
			t.Fatal(err)
		}
		if _, err := run.Batches().CreateWriteOff(t.Context(), batch, ledger.WriteOff{Rest: []ledger.BatchRef{rest}}); err != nil {
			t.Fatal(err)
		}
		o.advance(time.Duration(days) * oneDay)
		lost := map[task.Kind]int{}
		o.lose = func(at task.Task) bool {
			lost[at.Kind]++
			return lost[at.Kind] == 1
		}
		if rep := o.end(t, run.Name); rep.Result != report.Verified || rep.Objects.Listed != 1 || lost[task.Event] < 2 || lost[task.Report] < 2 {
			t.Errorf("after %d days: %+v, messages %v, want it verified with its one event, each kind lost once", days, rep.Summary, lost)
		}
	}
}

// crowd is an office in whose queues other runs are busy, and where only so many
// batches are copied, as where a limit bounds the bandwidth.
type crowd struct {
	*office
	run    string                                // the one looked at
	copied map[string]time.Time                  // when a batch of each run was copied last
	every  func(run string) (rest time.Duration) // how long it takes until the next is
	held   int                                   // batches of the run that were in the queue when last looked
}

// step delivers once what is ready. A batch whose turn has not come stays in the queue.
func (c *crowd) step(t *testing.T) {
	t.Helper()
	c.held = 0
	for _, s := range task.Stages {
		for range 100 {
			messages, err := c.mns.Receive(t.Context(), "ferry-"+string(s), 16, 0)
			if err != nil {
				t.Fatal(err)
			}
			if len(messages) == 0 {
				break
			}
			for _, m := range messages {
				at, err := task.Decode(m.Body)
				if err != nil {
					t.Fatal(err)
				}
				if at.Kind == task.Copy && !c.turn(at) {
					continue
				}
				c.carry(t, s, m)
			}
		}
	}
}

// turn reports whether a batch may be copied now.
func (c *crowd) turn(at task.Task) bool {
	if at.Run == c.run {
		c.held++
	}
	if last, ok := c.copied[at.Run]; ok && c.clock().Sub(last) < c.every(at.Run) {
		return false
	}
	c.copied[at.Run] = c.clock()
	return true
}

// others begins runs that are busy for weeks.
func (c *crowd) others(t *testing.T, n int) {
	t.Helper()
	for i := range n {
		c.start(t, c.job(t, func(j *job.Job) {
			j.Name, j.Target.Prefix, j.Limits.BatchObjects = fmt.Sprintf("other-%d", i), fmt.Sprintf("other-%d/", i), 20
		}))
	}
}

// TestAMonthUnderALimitBesideOtherRunsEndsVerified loses a message of each kind
// each day of a run that copies two batches a day, while five other runs
// have batches in the same queue at all times.
func TestAMonthUnderALimitBesideOtherRunsEndsVerified(t *testing.T) {
	t.Parallel()
	c := &crowd{office: newOffice(t), copied: map[string]time.Time{}}
	c.every = func(run string) time.Duration {
		if run == c.run {
			return 12 * time.Hour
		}
		return 20 * oneDay
	}
	j := c.mirrored(t, 1)
	j.Limits.ShardKeys = 12
	for n := range 28 {
		c.object(t, fmt.Sprintf("new/%02d", n), 100+n)
	}
	c.object(t, "new/big", 9<<20)
	for n := range 5 {
		c.kodo.Remove("photos", fmt.Sprintf("k/%05d", n))
	}
	c.run = c.start(t, j)
	c.others(t, 5)
	began := c.clock()
	age := func() time.Duration { return c.clock().Sub(began) }
	lost, on := map[task.Kind]int{}, map[task.Kind]time.Duration{}
	c.lose = func(at task.Task) bool {
		today := age()/oneDay + 1
		if at.Run != c.run || on[at.Kind] == today {
			return false
		}
		on[at.Kind] = today
		lost[at.Kind]++
		return true
	}
	run := c.deploy.Ledger().Run(c.run)
	most := 0
	for ; age() < 60*oneDay; c.advance(6 * time.Hour) {
		c.step(t)
		most = max(most, c.held)
		if over, err := run.Over(t.Context()); err != nil || over {
			break
		}
		if err := c.deploy.Sweep(t.Context(), 30*time.Minute, c.clock()); err != nil {
			t.Fatal(err)
		}
	}
	rep, err := report.Read(t.Context(), run)
	if err != nil || rep.Result != report.Verified || rep.Objects.Copied != 29 || rep.Objects.Deleted != 5 {
		t.Fatalf("after %d days: %+v (%v), want it verified, with 29 copied and 5 deleted", age()/oneDay, rep.Summary, err)
	}
	for _, kind := range ofARun {
		if lost[kind] == 0 {
			t.Errorf("no message of kind %s was lost: the test proves too little", kind)
		}
	}
	if age() < 29*oneDay || most > 45 {
		t.Errorf("it took %d days and had up to %d messages in the copying queue, want a month, and hardly more than its 29 batches", age()/oneDay, most)
	}
	t.Logf("ended after %d days; lost %v; at most %d messages of 29 batches in the copying queue", age()/oneDay, lost, most)
}

// TestWhatEndsARunIsSentAgainWhateverTheQueuesHold loses what is left of a run
// at its end beside runs that keep all queues full.
func TestWhatEndsARunIsSentAgainWhateverTheQueuesHold(t *testing.T) {
	for _, kind := range []task.Kind{task.Copy, task.Verify, task.Report} {
		c := &crowd{office: newOffice(t), copied: map[string]time.Time{}}
		c.every = func(run string) time.Duration {
			if run == c.run {
				return 0
			}
			return oneDay
		}
		for n := range 12 {
			c.object(t, fmt.Sprintf("k/%02d", n), 10)
		}
		c.others(t, 3)
		c.run = c.start(t, c.job(t, func(j *job.Job) { j.Target.Prefix = "mine/" }))
		lost := 0
		c.lose = func(at task.Task) bool {
			if at.Run == c.run && at.Kind == kind {
				lost++
				return lost == 1
			}
			return false
		}
		began := c.clock()
		for c.clock().Sub(began) < 6*time.Hour {
			c.step(t)
			if err := c.deploy.Sweep(t.Context(), 30*time.Minute, c.clock()); err != nil {
				t.Fatal(err)
			}
			c.advance(10 * time.Minute)
		}
		if rep, err := report.Read(t.Context(), c.deploy.Ledger().Run(c.run)); err != nil || rep.Result != report.Verified || lost < 2 {
			t.Errorf("a lost %s message: %+v (%v), want the run verified", kind, rep.Summary, err)
		}
	}
}

// TestWhatWaitsIsNotTakenForLost has the source refuse everything for hours.
func TestWhatWaitsIsNotTakenForLost(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	for n := range 6 {
		o.object(t, fmt.Sprintf("k/%d", n), 10)
	}
	o.start(t, o.job(t, func(j *job.Job) { j.Limits.BatchObjects = 3 }))
	messages, err := o.mns.Receive(t.Context(), "ferry-list", 1, 0)
	if err != nil || len(messages) != 1 {
		t.Fatal(len(messages), err)
	}
	o.carry(t, task.Listing, messages[0])
	o.kodo.Desk().Inject(chaos.Rule{Op: "*", Kind: chaos.Status, Status: 403, Rate: 1})
	for range 9 {
		o.deliver(t)
		o.advance(20 * time.Minute)
		if err := o.deploy.Sweep(t.Context(), 30*time.Minute, o.clock()); err != nil {
			t.Fatal(err)
		}
	}
	d, err := o.deploy.Queue(task.Copying).Depth(t.Context())
	if n := d.Ready + d.InFlight + d.Delayed; err != nil || n == 0 || n > 2 {
		t.Errorf("after three hours the copying queue has %d messages (%v), want those of the 2 batches", n, err)
	}
}
