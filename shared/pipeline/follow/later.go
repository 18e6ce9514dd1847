package follow

import (
	"time"

	"kodoferry/shared/limit"
	"kodoferry/shared/pipeline/outage"
	"kodoferry/shared/random"
	"kodoferry/shared/task"
)

// Resent marks tasks as sent again: what they write may be there already.
func (f Tasks) Resent(tasks []task.Task) []task.Task {
	at := f.Now().UnixNano()
	for i := range tasks {
		tasks[i].Resend = at
	}
	return tasks
}

// Wait returns t once more, later: a wait spends no try. Waits double up to
// MaxWait and are jittered by a quarter, so that twins separate.
func (f Tasks) Wait(t task.Task) []task.Task {
	t.Delay = f.Waits.After(t.Waits)
	t.Waits++
	t.Since = 0
	return []task.Task{t}
}

// In returns t once more, to be done after d.
func In(d time.Duration, t task.Task) []task.Task {
	t.Delay = d
	t.Waits++
	return []task.Task{t}
}

// Await returns t once more, to be done when the outage may be over.
func (f Tasks) Await(t task.Task, o *outage.Outage) []task.Task {
	next := f.Wait(t)
	next[0].Since = o.Since.Unix()
	return next
}

// CutShort returns t once more, later, where its step ended early and has nothing to write
// off: the run stops, or o is out. It returns nothing where neither is so.
func (f Tasks) CutShort(t task.Task, stops bool, o *outage.Outage) []task.Task {
	switch {
	case stops:
		return f.Wait(t)
	case o != nil:
		return f.Await(t, o)
	}
	return nil
}

// Pass returns t for a process to which the run's limits leave a share, soon. It
// spends no try and makes no later wait longer. What may have been worked on
// says so: the message that takes it on is a new one.
func (f Tasks) Pass(t task.Task) []task.Task {
	if t.Again() && t.Resend == 0 {
		t.Resend = task.Touched
	}
	t.Passed++
	t.Delay = random.Jitter(limit.PassAfter)
	return []task.Task{t}
}

// LookAgain returns t once more, later, for what others do may be done by then.
// Waits double up to most and are jittered by a quarter, so that twins separate. One
// process wakes its own tasks, so that there they need not look as soon.
func (f Tasks) LookAgain(t task.Task, most time.Duration) []task.Task {
	if t.Delay = f.Waits.Look(t.Waits, most); !f.Deployed {
		t.Delay = min(f.Waits.After(t.Waits), most)
	}
	t.Waits++
	return []task.Task{t}
}
