package app

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"kodoferry/shared/alert"
	"kodoferry/shared/control"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/report"
	"kodoferry/shared/task"
)

const (
	// manyOf is how many objects must have ended before their share of failures
	// says anything of the others.
	manyOf = 100
	// maxCauses bounds how many causes are told of one run: robots take 20
	// messages a minute, and who was told ten causes looks at the report.
	maxCauses = 10
)

// after tells what a task that was done came to. It reads the record that the
// task left: what counts is in the ledger.
func (b *bell) after(ctx context.Context, r *telling, t task.Task, next []task.Task) {
	r.mu.Lock()
	r.moved = b.now()
	r.mu.Unlock()
	switch t.Kind {
	case task.Begin, task.Part:
		if len(next) > 0 {
			return // it goes on
		}
		fallthrough
	case task.Copy, task.Finish, task.Delete:
		if w, err := r.WrittenOff(ctx, t.Batch); err == nil {
			b.writtenOff(ctx, r, t.Kind.Stage(), w)
		}
	case task.Verify:
		if p, err := r.Proved(ctx, t.Shard); err == nil {
			b.proved(ctx, r, p)
		}
	case task.Gate:
		if g, err := r.Decided(ctx); err == nil && g.Reason != "" {
			b.ring(ctx, r, "refused", alert.Message{Event: alert.Refused, Text: "nothing is deleted from the target: " + g.Reason, Next: r.command("status", r.Name)})
		}
	case task.Report:
		if len(next) == 0 {
			b.finished(ctx, r)
		}
	}
}

func (b *bell) writtenOff(ctx context.Context, r *telling, of task.Stage, w ledger.WriteOff) {
	s := share{}
	if w.Lost != "" {
		b.failed(ctx, r, ledger.Failure{State: ledger.Failed, Reason: w.Lost})
	}
	for _, row := range w.Rows {
		s.ended++
		if row.State == ledger.Failed {
			s.failed++
			b.failed(ctx, r, ledger.Failure{Key: row.Key(), State: row.State, Reason: row.Reason})
		}
	}
	b.count(ctx, r, of, s)
}

func (b *bell) proved(ctx context.Context, r *telling, p ledger.Proved) {
	if p.Failed != "" {
		b.failed(ctx, r, ledger.Failure{State: ledger.Failed, Reason: p.Failed})
	}
	for _, f := range p.Failures {
		if f.State == ledger.Failed || f.Verdict == ledger.Mismatch {
			b.failed(ctx, r, f)
		}
	}
	c := p.Counts
	b.count(ctx, r, task.Verifying, share{failed: c.States[ledger.Failed].Objects + c.Verdicts[ledger.Mismatch].Objects, ended: c.Listed.Objects})
}

// failed tells of the first failure by its cause.
func (b *bell) failed(ctx context.Context, r *telling, f ledger.Failure) {
	cause := report.CommonReason(f.Reason)
	r.mu.Lock()
	told := r.causes[cause] || len(r.causes) >= maxCauses
	r.causes[cause] = true
	r.mu.Unlock()
	if told {
		return
	}
	what, next := "a stretch of keys failed: ", r.command("status", r.Name)
	if f.Key != "" {
		what, next = strconv.Quote(f.Key)+" failed: ", r.command("why", r.Name, f.Key)
		if f.Verdict == ledger.Mismatch {
			what = strconv.Quote(f.Key) + " is not in the target as it was copied: "
		}
	}
	sum := sha256.Sum256([]byte(cause))
	b.ring(ctx, r, "failing-"+hex.EncodeToString(sum[:8]), alert.Message{Event: alert.Failing, Text: what + f.Reason, Next: next})
}

// count tells once that more than one in a hundred failed, of the objects that
// ended before this process: a sample of all where others work, too.
func (b *bell) count(ctx context.Context, r *telling, of task.Stage, s share) {
	r.mu.Lock()
	sum := r.seen[of]
	sum.failed, sum.ended = sum.failed+s.failed, sum.ended+s.ended
	r.seen[of] = sum
	tell := !r.many && sum.ended >= manyOf && sum.failed*100 > sum.ended
	r.many = r.many || tell
	r.mu.Unlock()
	if tell {
		b.ring(ctx, r, "many", alert.Message{
			Event: alert.Many, Next: r.command("status", r.Name),
			Text: fmt.Sprintf("over 1 %% fail: %d of the first %d objects that one of its processes saw the end of", sum.failed, sum.ended),
		})
	}
}

func (b *bell) finished(ctx context.Context, r *telling) {
	rep, err := report.Read(ctx, r.Run)
	if err != nil {
		return // it is not over
	}
	o := rep.Objects
	text := fmt.Sprintf("%s in %s: %d listed = %d copied + %d unchanged + %d skipped + %d conflict + %d gone + %d failed; %d verified",
		rep.Result, time.Duration(rep.Seconds*float64(time.Second)).Round(time.Second), o.Listed, o.Copied, o.Unchanged, o.Skipped, o.Conflict, o.Gone, o.Failed, o.Verified)
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
	b.ring(ctx, r, "finished", alert.Message{Event: alert.Finished, Text: text, Next: r.command("report", r.Name)})
}

// guard tells when the run of that name stands still in this process, which
// does all of it. Each tick it looks; it ends with ctx.
func (b *bell) guard(ctx context.Context, name string, tick <-chan time.Time) {
	r := b.run(ctx, name)
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
		if b.now().Sub(since) >= control.StallAfter {
			b.stalled(ctx, name, since)
		}
	}
}

// touch notes that something of the run moved.
func (b *bell) touch(name string) {
	b.mu.Lock()
	r := b.runs[name]
	b.mu.Unlock()
	if r != nil {
		r.mu.Lock()
		r.moved = b.now()
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
