package rules

import (
	"context"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/eventnames"
	"kodoferry/shared/pipeline/storm/world"
	"kodoferry/shared/queue"
	"kodoferry/shared/task"
)

// RecordRules hold each change of the ledger, and each message, against what may be.
type RecordRules struct {
	w     *world.World
	usage *Usage
	once  map[string]string    // the create-once records of the ledger, as they stand
	named map[string]bool      // the batches and shards that records name
	ended map[string]time.Time // when the report of a run was written
}

func newRecordRules(w *world.World, u *Usage) RecordRules {
	return RecordRules{w, u, map[string]string{}, map[string]bool{}, map[string]time.Time{}}
}

// recordChanged holds a write to the ledger against what may be: a record that
// is created once never changes.
func (rules *RecordRules) recordChanged(p *world.Process, key, op string, data []byte, ifAbsent bool, err error) {
	if name := path.Base(key); err == nil && strings.Contains(key, "/sent/") && p.Work != nil && name == p.Work.Name && !p.Work.Sent {
		rules.w.Log.Fail("%s: %s is marked as done before anything that follows from it is sent", p.Name, p.Work.What)
	}
	if op == "delete" && err == nil {
		rules.cleaned(p, key)
	}
	if err == nil {
		rules.usage.limitsChanged(key)
	}
	if !world.CreateOnce(key) || err != nil {
		return
	}
	before, stands := rules.once[key]
	switch {
	case op == "delete":
		delete(rules.once, key)
	case stands && before != string(data):
		rules.w.Log.Fail("%s: the record %s is replaced", p.Name, key)
	case !ifAbsent:
		rules.w.Log.Fail("%s: the record %s is written without the condition that it be absent", p.Name, key)
	default:
		rules.once[key] = string(data)
		rules.names(key)
	}
}

// names takes in what a new record names.
func (rules *RecordRules) names(key string) {
	of, in, _ := strings.Cut(strings.TrimPrefix(key, world.Books+"runs/"), "/")
	in, name, _ := strings.Cut(in, "/")
	run := rules.w.Books().Run(of + "/" + in)
	kind, id, _ := strings.Cut(name, "/")
	batches := func(all []ledger.BatchRef) {
		for _, b := range all {
			rules.named[run.Name+" "+b.ID] = true
		}
	}
	closed := func(c ledger.Closed) {
		rules.named[run.Name+" "+c.Shard] = true
		batches(c.Batches)
		batches(c.Deletes)
		for _, child := range c.Children {
			rules.named[run.Name+" "+child.Shard] = true
		}
	}
	var err error
	switch kind {
	case "job.json":
		rules.named[run.Name+" "+ledger.RootShard] = true
	case "report.json":
		rules.ended[run.Name] = time.Now()
	case "closed":
		var c ledger.Closed
		if c, err = run.Shards().ReadListed(context.Background(), id); err == nil {
			closed(c)
			rules.sealed(run, c)
		}
	case "sealed":
		var all []ledger.Stretch
		shard, number, _ := strings.Cut(id, "/")
		n, _ := strconv.Atoi(number)
		// The ones before it may be removed: who lists late creates it when the run is over.
		if all, err = run.Shards().ReadStretchesFrom(context.Background(), shard, n, 1); err == nil {
			for _, o := range all {
				batches(o.Batches)
			}
		}
	case "verified":
		var p ledger.Proved
		if p, err = run.Shards().ReadVerified(context.Background(), id); err == nil && p.Next != nil {
			closed(*p.Next)
		}
	case "copied":
		var off ledger.WriteOff
		if off, err = run.Batches().ReadWriteOff(context.Background(), id); err == nil {
			batches(off.Rest)
		}
	}
	if err != nil {
		rules.w.Log.Fail("the record %s cannot be read: %v", key, err)
	}
}

// sealed holds the closing of a shard against what was sealed of it while it was listed:
// it has the same batches.
func (rules *RecordRules) sealed(run *ledger.Run, c ledger.Closed) {
	all, err := run.Shards().ReadStretches(context.Background(), c.Shard)
	if err != nil || len(all) == 0 {
		return
	}
	var sealed ledger.Closed
	for _, o := range all {
		sealed.Add(o)
	}
	same := func(a, b ledger.BatchRef) bool { return a.ID == b.ID }
	if !all[len(all)-1].End || !slices.EqualFunc(sealed.Batches, c.Batches, same) || sealed.Range != c.Range {
		rules.w.Log.Fail("the shard %s of %s is closed with the batches %v, and %v were sealed of it", c.Shard, run.Name, c.Batches, sealed.Batches)
	}
}

// sends holds a message against what may be: a record names what it is about.
func (rules *RecordRules) sends(p *world.Process, m queue.Outgoing) {
	if p.Work != nil {
		p.Work.Sent = true
	}
	t, err := task.Decode(m.Body)
	if err != nil {
		rules.w.Log.Fail("%s: it sends what is no task: %v", p.Name, err)
		return
	}
	switch {
	case t.Kind == task.Event && t.Key != "": // no record names it yet
	case t.Shard != "" && !eventnames.IsRun(t.Run) && !rules.named[t.Run+" "+t.Shard]:
		rules.w.Log.Fail("%s: it sends a %s task of the shard %s before a record names that", p.Name, t.Kind, t.Shard)
	case t.Batch != "" && !rules.named[t.Run+" "+t.Batch]:
		rules.w.Log.Fail("%s: it sends a %s task of the batch %s before a record names that", p.Name, t.Kind, t.Batch)
	}
	rules.sentAgain(p, t)
}

// cleaned holds against what may be that a process removes a record of the ledger:
// who cleans a run removes nothing but of that run, once it is over.
func (rules *RecordRules) cleaned(p *world.Process, key string) {
	if p.Cleans != "" && (!strings.HasPrefix(key, world.Books+"runs/"+p.Cleans+"/") || !rules.w.Reported(p.Cleans)) {
		rules.w.Log.Fail("%s: it cleans %s and removes %s", p.Name, p.Cleans, key)
	}
}
