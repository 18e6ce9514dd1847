package rules

import (
	"context"
	"slices"

	"kodoferry/shared/job"
	"kodoferry/shared/ledger/eventnames"
	"kodoferry/shared/limit"
	"kodoferry/shared/pipeline/storm/world"
	"kodoferry/shared/task"
)

// ChangeRules hold each change of the target against what may be.
type ChangeRules struct {
	w        *world.World
	records  *RecordRules
	Silences map[string]Silence // by run and by job
}

func newChangeRules(w *world.World, records *RecordRules) ChangeRules {
	return ChangeRules{w, records, map[string]Silence{}}
}

// targetChanged holds a change of the target that the engine made against what
// may be: it is called right behind each.
func (rules *ChangeRules) targetChanged(p *world.Process, key, op string, ifAbsent bool) {
	t := rules.w.Owns(key)
	if t == nil {
		rules.w.Log.Fail("%s: %s of %q, which is no job's", p.Name, op, key)
		return
	}
	rules.silent(t, p, op, key)
	rules.late(p, key, op)
	before := world.Last(rules.w.History.Target[key])
	o, there := world.Standing(rules.w.Dst, key)
	now := world.State{Step: rules.w.Step, Object: o, Gone: !there, Crc: o.CRC64}
	rules.w.History.Target[key] = append(rules.w.History.Target[key], now)
	if before.App && !before.Gone && t.Job.Overwrite != job.OverwriteAlways {
		rules.replacedApplications(p, key, op, before)
	}
	if now.Gone {
		rules.removed(t, p, key, before)
		rules.chosen(t, p, key, nil)
		return
	}
	v, ok := rules.version(key, now)
	if ok {
		rules.chosen(t, p, key, &v.Object)
	}
	switch {
	case !ok:
		rules.w.Log.Fail("%s: %s of %q stores what no version of the source was: %d bytes, CRC64 %s", p.Name, op, key, o.Size, o.CRC64)
	case o.Origin == nil:
		rules.w.Log.Fail("%s: %s of %q stores a copy that does not say what it is of", p.Name, op, key)
	case o.Origin.Hash != v.Object.Hash:
		rules.w.Log.Fail("%s: %s of %q stores the version %s and says that it is %s", p.Name, op, key, v.Object.Hash, o.Origin.Hash)
	}
}

// version returns the version of the source whose content a state of the target
// has: of several with that content the one that it says it is of, else the newest.
func (rules *ChangeRules) version(key string, now world.State) (version world.State, ok bool) {
	for _, v := range slices.Backward(rules.w.History.Source[rules.w.Owns(key).SourceKey(key)]) {
		if v.Gone || v.Crc != now.Crc || v.Object.Size != now.Object.Size {
			continue
		}
		if o := now.Object.Origin; o != nil && o.Hash == v.Object.Hash {
			return v, true
		}
		if !ok {
			version, ok = v, true
		}
	}
	return version, ok
}

// replacedApplications holds against what may be that the engine replaced or
// removed an object of the application's.
func (rules *ChangeRules) replacedApplications(p *world.Process, key, op string, before world.State) {
	at := rules.w.History.Looks[world.LookAt{Process: p.Name, Side: world.Target, Key: key}]
	if at.Step > 0 && at.Step <= before.Step && at.Step >= rules.w.History.Puts[world.LookAt{Process: p.Name, Side: world.Target, Key: key}] {
		rules.w.Log.Excuse("round trip")
		return
	}
	if rules.withinSecond(key, before) {
		rules.w.Log.Excuse("round trip")
		return
	}
	rules.w.Log.Fail("%s: %s of %q ends what the application wrote at step %d; it looked at step %d", p.Name, op, key, before.Step, at.Step)
}

// withinSecond reports whether the application wrote an object of the same bytes as one of
// the engine's within the second that the target names as the time of both.
func (rules *ChangeRules) withinSecond(key string, wrote world.State) bool {
	for _, s := range slices.Backward(rules.w.History.Target[key]) { // of that second, whatever came in between
		if !s.Gone && s.Object.Modified.Before(wrote.Object.Modified) {
			return false
		}
		if !s.App && !s.Gone && s.Step < wrote.Step && s.Object.Hash == wrote.Object.Hash {
			return true
		}
	}
	return false
}

// removed holds a removal against what may be.
func (rules *ChangeRules) removed(t *world.Tenant, p *world.Process, key string, before world.State) {
	run := p.Run()
	decision, err := rules.w.Books().Run(run).ReadDeleteDecision(context.Background())
	switch {
	case before.Gone:
		return
	case eventnames.IsRun(run): // without a decision
	case !t.Job.Delete:
		rules.w.Log.Fail("%s: %q is removed from the target, and the job removes nothing", p.Name, key)
	case err != nil || !decision.Allowed:
		rules.w.Log.Fail("%s: %q is removed from the target before a decision allows it (%v)", p.Name, key, err)
	}
	is := world.Last(rules.w.History.Source[t.SourceKey(key)])
	at := rules.w.History.Looks[world.LookAt{Process: p.Name, Side: world.Source, Key: t.SourceKey(key)}]
	if !is.Gone && (at.Step == 0 || at.Step > is.Step) {
		rules.w.Log.Fail("%s: %q is removed from the target, and the source has it since step %d (looked at step %d)", p.Name, key, is.Step, at.Step)
	}
}

// late holds against what may be that the target is changed for a run that was
// over when the task that does it began: it is dropped, once all have noticed.
func (rules *ChangeRules) late(p *world.Process, key, op string) {
	if p.Work == nil || p.Work.M == nil {
		return
	}
	t, err := task.Decode(p.Work.M.Body)
	if over, ended := rules.records.ended[t.Run]; err == nil && ended && p.Work.Begun.Sub(over) > limit.Notice {
		rules.w.Log.Fail("%s: %s of %q by a %s task of %s, which was over for %s when it began", p.Name, op, key, t.Kind, t.Run, p.Work.Begun.Sub(over))
	}
}
