package alerting

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"kodoferry/shared/alert"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/report"
	"kodoferry/shared/task"
)

const (
	// manyOf is how many objects must have ended before their share of failures counts
	// as a sample of the rest.
	manyOf = 100
	// maxCauses bounds how many causes of one run are alerted by this process: robots
	// take 20 messages a minute, and the report has all causes.
	maxCauses = 10
)

// after alerts what a task that was done came to, as the record that it left in the
// ledger has it.
func (d *Doer) after(ctx context.Context, a *alerts, t task.Task, next []task.Task) {
	a.run.mu.Lock()
	a.run.moved = d.now()
	a.run.mu.Unlock()
	switch t.Kind {
	case task.Begin, task.Part:
		if len(next) > 0 {
			return // it goes on
		}
		fallthrough
	case task.Copy, task.Finish, task.Delete:
		if w, err := a.run.ledger.Batches().ReadWriteOff(ctx, t.Batch); err == nil {
			d.writtenOff(ctx, a, t.Kind.Stage(), w)
		}
	case task.Verify:
		if p, err := a.run.ledger.Shards().ReadVerified(ctx, t.Shard); err == nil {
			d.proved(ctx, a, p)
		}
	case task.Decide:
		if decision, err := a.run.ledger.ReadDeleteDecision(ctx); err == nil && decision.Reason != "" {
			d.alert(ctx, a, "refused", alert.Message{Event: alert.Refused, Text: "nothing is deleted from the target: " + decision.Reason, Next: a.run.command("status", a.run.ledger.Name)})
		}
	case task.Report:
		if len(next) == 0 {
			d.finished(ctx, a)
		}
	}
}

func (d *Doer) writtenOff(ctx context.Context, a *alerts, of task.Stage, w ledger.WriteOff) {
	s := failRate{}
	if w.Lost != "" {
		d.failed(ctx, a, ledger.Failure{State: ledger.Failed, Reason: w.Lost})
	}
	for _, row := range w.Rows {
		s.ended++
		if row.State == ledger.Failed {
			s.failed++
			d.failed(ctx, a, ledger.Failure{Key: row.Key(), State: row.State, Reason: row.Reason})
		}
	}
	d.count(ctx, a, of, s)
}

func (d *Doer) proved(ctx context.Context, a *alerts, p ledger.Proved) {
	if p.Failed != "" {
		d.failed(ctx, a, ledger.Failure{State: ledger.Failed, Reason: p.Failed})
	}
	for _, f := range p.Failures {
		if f.State == ledger.Failed || f.Verdict == ledger.Mismatch {
			d.failed(ctx, a, f)
		}
	}
	c := p.Counts
	d.count(ctx, a, task.Verifying, failRate{failed: c.States[ledger.Failed].Objects + c.Verdicts[ledger.Mismatch].Objects, ended: c.Listed.Objects})
}

// failed alerts the first failure of each cause.
func (d *Doer) failed(ctx context.Context, a *alerts, f ledger.Failure) {
	cause := report.CommonReason(f.Reason)
	a.run.mu.Lock()
	told := a.run.causes[cause] || len(a.run.causes) >= maxCauses
	a.run.causes[cause] = true
	a.run.mu.Unlock()
	if told {
		return
	}
	what, next := "a stretch of keys failed: ", a.run.command("status", a.run.ledger.Name)
	if f.Key != "" {
		what, next = strconv.Quote(f.Key)+" failed: ", a.run.command("why", a.run.ledger.Name, f.Key)
		if f.Verdict == ledger.Mismatch {
			what = strconv.Quote(f.Key) + " is not in the target as it was copied: "
		}
	}
	sum := sha256.Sum256([]byte(cause))
	d.alert(ctx, a, "failing-"+hex.EncodeToString(sum[:8]), alert.Message{Event: alert.Failing, Text: what + f.Reason, Next: next})
}

// count alerts once that more than one in a hundred failed, of the objects that ended
// in this process: a sample of all where other processes work, too.
func (d *Doer) count(ctx context.Context, a *alerts, of task.Stage, s failRate) {
	a.run.mu.Lock()
	sum := a.run.seen[of]
	sum.failed, sum.ended = sum.failed+s.failed, sum.ended+s.ended
	a.run.seen[of] = sum
	tell := !a.run.many && sum.ended >= manyOf && sum.failed*100 > sum.ended
	a.run.many = a.run.many || tell
	a.run.mu.Unlock()
	if tell {
		d.alert(ctx, a, "many", alert.Message{
			Event: alert.Many, Next: a.run.command("status", a.run.ledger.Name),
			Text: fmt.Sprintf("over 1 %% fail: %d of the first %d objects that one of its processes saw the end of", sum.failed, sum.ended),
		})
	}
}

func (d *Doer) finished(ctx context.Context, a *alerts) {
	if run := a.run.ledger; ledger.IsVerification(run.Name) {
		d.verified(ctx, a)
		return
	}
	rep, err := report.Read(ctx, a.run.ledger)
	if err != nil {
		return // it is not over
	}
	o := rep.Objects
	text := fmt.Sprintf("%s in %s: %d listed = %d copied + %d unchanged + %d skipped + %d conflict + %d gone + %d failed",
		rep.Result, time.Duration(rep.Seconds*float64(time.Second)).Round(time.Second), o.Listed, o.Copied, o.Unchanged, o.Skipped, o.Conflict, o.Gone, o.Failed)
	for _, more := range []struct {
		n    int64
		what string
	}{{o.Updated, "updated"}, {o.Present, "present and unproved"}} {
		if more.n > 0 {
			text += fmt.Sprintf(" + %d %s", more.n, more.what)
		}
	}
	text += fmt.Sprintf("; %d verified", o.Verified)
	if rep.Reason != "" {
		text += "; " + rep.Reason
	}
	for _, more := range []struct {
		n    int64
		what string
	}{{o.Mismatch, "differ"}, {o.Deleted, "deleted from the target"}, {rep.Stretches(), "stretches of keys given up, their count unknown"}} {
		if more.n > 0 {
			text += fmt.Sprintf("; %d %s", more.n, more.what)
		}
	}
	d.alert(ctx, a, "finished", alert.Message{Event: alert.Finished, Text: text, Next: a.run.command("report", a.run.ledger.Name)})
}

// verified alerts what a verification of a run that is over came to.
func (d *Doer) verified(ctx context.Context, a *alerts) {
	data, err := a.run.ledger.Results().ReadReport(ctx)
	var rep struct {
		Verified bool   `json:"verified"`
		Reason   string `json:"reason"`
	}
	if err != nil || json.Unmarshal(data, &rep) != nil {
		return // it is not over
	}
	text := "run " + ledger.VerifiedRun(a.run.ledger.Name) + " was verified once more: "
	if rep.Verified {
		text += "everything that was looked at holds"
	} else {
		text += "not verified: " + rep.Reason
	}
	d.alert(ctx, a, "finished", alert.Message{Event: alert.Finished, Text: text, Next: a.run.command("report", a.run.ledger.Name)})
}

// WatchStall alerts when nothing of the run of that name has ended in this process,
// which does all of it, for the time after. It looks at each tick and returns when ctx
// ends.
func (d *Doer) WatchStall(ctx context.Context, name string, after time.Duration, tick <-chan time.Time) {
	r := d.run(ctx, name)
	if r == nil {
		return
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick:
		}
		r.mu.Lock()
		since := r.moved
		r.mu.Unlock()
		if d.now().Sub(since) >= after {
			d.Stalled(ctx, name, since)
		}
	}
}

// Touch notes that something of the run has made progress.
func (d *Doer) Touch(name string) {
	d.mu.Lock()
	r := d.runs[name]
	d.mu.Unlock()
	if r != nil {
		r.mu.Lock()
		r.moved = d.now()
		r.mu.Unlock()
	}
}

// place is a location without the way there.
func place(l job.Location) string {
	text, _, _ := strings.Cut(l.String(), "?")
	return text
}

// shellWord is w as a shell takes it for one word.
func shellWord(w string) string {
	if w != "" && strings.Trim(w, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:=") == "" {
		return w
	}
	return "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
}
