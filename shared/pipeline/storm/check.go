package storm

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/limit"
	"kodoferry/shared/queue"
	"kodoferry/shared/report"
	"kodoferry/shared/task"
)

func formatCRC(sum uint64) string { return strconv.FormatUint(sum, 10) }

// Exceptions are the faults that are known and that nothing cures yet: each
// invariant that has one names it, and counts how often it was needed.
var Exceptions = map[string]string{
	"round trip": "OSS has no conditional overwrite and no conditional DELETE: what the application writes between Ferry's last look and the end of its request is lost",
	"older":      "an object of the application's that is older than the source's version is replaced: time decides whose it is",
	"by time":    "an object of the application's of equal size that is newer by 15 minutes is taken for the copy, and called verified: time proves",
}

// excuse counts that a known fault was met.
func (w *world) excuse(name string) {
	if _, known := Exceptions[name]; !known {
		w.fail("the exception %q is in no table", name)
	}
	w.excepted[name]++
}

// targetChanged holds a change of the target that the engine made against what
// may be: it is called right behind each.
func (w *world) targetChanged(p *process, key, op string, ifAbsent bool) {
	t := w.owns(key)
	if t == nil {
		w.fail("%s: %s of %q, which is no job's", p.name, op, key)
		return
	}
	w.silent(t, p, op, key)
	w.late(p, key, op)
	before := last(w.target[key])
	o, there := standing(w.dst, key)
	now := state{step: w.step, object: o, gone: !there, crc: o.CRC64}
	w.target[key] = append(w.target[key], now)
	if before.app && !before.gone && t.job.Overwrite != job.OverwriteAlways {
		w.replacedApplications(p, key, op, before)
	}
	if now.gone {
		w.removed(t, p, key, before)
		w.chosen(t, p, key, nil)
		return
	}
	v, ok := w.version(key, now)
	if ok {
		w.chosen(t, p, key, &v.object)
	}
	switch {
	case !ok:
		w.fail("%s: %s of %q stores what no version of the source was: %d bytes, CRC64 %s", p.name, op, key, o.Size, o.CRC64)
	case o.Origin == nil:
		w.fail("%s: %s of %q stores a copy that does not say what it is of", p.name, op, key)
	case o.Origin.Hash != v.object.Hash:
		w.fail("%s: %s of %q stores the version %s and says that it is %s", p.name, op, key, v.object.Hash, o.Origin.Hash)
	}
}

// version returns the version of the source whose content a state of the target
// has: of several with that content the one that it says it is of, else the newest.
func (w *world) version(key string, now state) (version state, ok bool) {
	for _, v := range slices.Backward(w.source[w.owns(key).sourceKey(key)]) {
		if v.gone || v.crc != now.crc || v.object.Size != now.object.Size {
			continue
		}
		if o := now.object.Origin; o != nil && o.Hash == v.object.Hash {
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
func (w *world) replacedApplications(p *process, key, op string, before state) {
	at := w.looks[lookAt{p.name, target, key}]
	if v, ok := w.version(key, last(w.target[key])); ok && before.object.Modified.Before(v.object.Modified.Truncate(time.Second)) {
		w.excuse("older")
		return
	}
	if at.step > 0 && at.step <= before.step && at.step >= w.puts[lookAt{p.name, target, key}] {
		w.excuse("round trip")
		return
	}
	w.fail("%s: %s of %q ends what the application wrote at step %d; it looked at step %d", p.name, op, key, before.step, at.step)
}

// removed holds a removal against what may be.
func (w *world) removed(t *tenant, p *process, key string, before state) {
	run := p.run()
	gate, err := w.books().Run(run).ReadDeleteDecision(context.Background())
	switch {
	case before.gone:
		return
	case ledger.OfEvents(run): // without a gate
	case !t.job.Delete:
		w.fail("%s: %q is removed from the target, and the job removes nothing", p.name, key)
	case err != nil || !gate.Allowed:
		w.fail("%s: %q is removed from the target before the gate allows it (%v)", p.name, key, err)
	}
	is := last(w.source[t.sourceKey(key)])
	at := w.looks[lookAt{p.name, source, t.sourceKey(key)}]
	if !is.gone && (at.step == 0 || at.step > is.step) {
		w.fail("%s: %q is removed from the target, and the source has it since step %d (looked at step %d)", p.name, key, is.step, at.step)
	}
}

// runs lists a job's runs.
func (w *world) runs(t *tenant) []string {
	runs, err := w.books().Runs(context.Background(), t.job.Name)
	if err != nil {
		w.fail("the runs cannot be listed: %v", err)
	}
	return runs
}

// createOnce reports whether the ledger's record of that key is created once and
// never changed.
func createOnce(key string) bool {
	for _, part := range []string{"/closed/", "/copied/", "/verified/", "/uploads/", "/parts/"} {
		if strings.Contains(key, part) {
			return true
		}
	}
	return strings.HasSuffix(key, "/job.json") || strings.HasSuffix(key, "/gate.json") || strings.HasSuffix(key, "/report.json")
}

// recordChanged holds a write to the ledger against what may be: a record that
// is created once never changes.
func (w *world) recordChanged(p *process, key, op string, data []byte, ifAbsent bool, err error) {
	if name := path.Base(key); err == nil && strings.Contains(key, "/sent/") && p.work != nil && name == p.work.name && !p.work.sent {
		w.fail("%s: %s is marked as done before anything that follows from it is sent", p.name, p.work.what)
	}
	if op == "delete" && err == nil {
		w.cleaned(p, key)
	}
	if err == nil {
		w.limitsChanged(key)
	}
	if !createOnce(key) || err != nil {
		return
	}
	before, stands := w.records[key]
	switch {
	case op == "delete":
		delete(w.records, key)
	case stands && before != string(data):
		w.fail("%s: the record %s is replaced", p.name, key)
	case !ifAbsent:
		w.fail("%s: the record %s is written without the condition that it be absent", p.name, key)
	default:
		w.records[key] = string(data)
		w.names(key)
	}
}

// names takes in what a new record names.
func (w *world) names(key string) {
	of, in, _ := strings.Cut(strings.TrimPrefix(key, books+"runs/"), "/")
	in, name, _ := strings.Cut(in, "/")
	run := w.books().Run(of + "/" + in)
	kind, id, _ := strings.Cut(name, "/")
	batches := func(all []ledger.BatchRef) {
		for _, b := range all {
			w.named[run.Name+" "+b.ID] = true
		}
	}
	closed := func(c ledger.Closed) {
		w.named[run.Name+" "+c.Shard] = true
		batches(c.Batches)
		batches(c.Deletes)
		for _, child := range c.Children {
			w.named[run.Name+" "+child.Shard] = true
		}
	}
	var err error
	switch kind {
	case "job.json":
		w.named[run.Name+" "+ledger.RootShard] = true
	case "report.json":
		w.ended[run.Name] = time.Now()
	case "closed":
		var c ledger.Closed
		if c, err = run.Closed(context.Background(), id); err == nil {
			closed(c)
		}
	case "verified":
		var p ledger.Proved
		if p, err = run.Proved(context.Background(), id); err == nil && p.Next != nil {
			closed(*p.Next)
		}
	case "copied":
		var off ledger.WriteOff
		if off, err = run.WrittenOff(context.Background(), id); err == nil {
			batches(off.Rest)
		}
	}
	if err != nil {
		w.fail("the record %s cannot be read: %v", key, err)
	}
}

// sends holds a message against what may be: a record names what it is about.
func (w *world) sends(p *process, m queue.Outgoing) {
	if p.work != nil {
		p.work.sent = true
	}
	t, err := task.Decode(m.Body)
	if err != nil {
		w.fail("%s: it sends what is no task: %v", p.name, err)
		return
	}
	switch {
	case t.Kind == task.Event && t.Key != "": // no record names it yet
	case t.Shard != "" && !ledger.OfEvents(t.Run) && !w.named[t.Run+" "+t.Shard]:
		w.fail("%s: it sends a %s task of the shard %s before a record names that", p.name, t.Kind, t.Shard)
	case t.Batch != "" && !w.named[t.Run+" "+t.Batch]:
		w.fail("%s: it sends a %s task of the batch %s before a record names that", p.name, t.Kind, t.Batch)
	}
	w.sentAgain(p, t)
}

// late holds against what may be that the target is changed for a run that was
// over when the task that does it began: it is dropped, once all have noticed.
func (w *world) late(p *process, key, op string) {
	if p.work == nil || p.work.m == nil {
		return
	}
	t, err := task.Decode(p.work.m.Body)
	if over, ended := w.ended[t.Run]; err == nil && ended && p.work.begun.Sub(over) > limit.Notice {
		w.fail("%s: %s of %q by a %s task of %s, which was over for %s when it began", p.name, op, key, t.Kind, t.Run, p.work.begun.Sub(over))
	}
}

// row is a line of a run's table.
type row struct {
	key, state, verdict, proof, hash, etag, crc string
	size                                        int64
	deletion                                    bool // of what only the target had
}

// checkRun holds the books of a run that is over against what is known.
func (w *world) checkRun(t *tenant, name string) {
	ctx := context.Background()
	run := w.books().Run(name)
	rep, err := report.Read(ctx, run)
	if err != nil {
		w.fail("the report of %s cannot be read: %v", name, err)
		return
	}
	rows, err := w.rows(run)
	if err != nil {
		w.fail("the rows of %s cannot be read: %v", name, err)
		return
	}
	w.note("%s is %s: %+v %s", name, rep.Result, rep.Objects, rep.Reason)
	w.met["runs "+string(rep.Result)]++
	for _, r := range rows {
		w.met[r.state]++
		if r.verdict != "" {
			w.met[r.verdict]++
		}
	}
	w.met["unknown"] += len(rep.Unknown)
	w.balanced(rep, rows)
	for _, r := range rows {
		w.isTrue(t, r)
	}
	w.choice(t, name, rows)
	if rep.Result != report.Cancelled && !ledger.OfEvents(name) {
		w.complete(t, name, rep, rows)
	}
	w.tables[name] = rows
	if rep.Result != report.Verified && len(w.injected) == 0 && !w.weather[Present] && !w.weather[Lists] {
		w.fail("the run %s is %s in a calm: %s", name, rep.Result, rep.Reason)
	}
}

// rows reads the run's tables.
func (w *world) rows(run *ledger.Run) ([]row, error) {
	ctx := context.Background()
	data, err := run.Read(ctx, "manifest.json")
	if err != nil {
		return nil, err
	}
	var m report.Manifest
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, err
	}
	var rows []row
	for _, f := range m.Files {
		packed, err := run.Read(ctx, f.Name)
		if err != nil {
			return nil, err
		}
		zip, err := gzip.NewReader(bytes.NewReader(packed))
		if err != nil {
			return nil, err
		}
		lines, err := csv.NewReader(zip).ReadAll()
		if err != nil {
			return nil, err
		}
		at := map[string]int{}
		for i, line := range lines {
			if i == 0 {
				for n, column := range line {
					at[column] = n
				}
				continue
			}
			size, _ := strconv.ParseInt(line[at["size"]], 10, 64)
			rows = append(rows, row{
				key: line[at["key"]], state: line[at["state"]], verdict: line[at["verdict"]], proof: line[at["proof"]], hash: line[at["source_hash"]],
				etag: line[at["target_etag"]], crc: line[at["crc64"]], size: size, deletion: strings.HasPrefix(f.Name, "objects/deleted-"),
			})
		}
		if int64(len(lines)-1) != f.Rows {
			return nil, fmt.Errorf("%s has %d rows, its manifest says %d", f.Name, len(lines)-1, f.Rows)
		}
	}
	return rows, nil
}

// balanced holds a report's totals against its rows.
func (w *world) balanced(rep report.Report, rows []row) {
	counts := map[string]int64{}
	once := map[string]bool{}
	for _, r := range rows {
		if !r.deletion || r.state == string(ledger.Deleted) { // what became of other deletions is counted apart
			counts[r.state]++
			counts[r.verdict]++
		}
		if r.state == string(ledger.Pending) && rep.Result != report.Cancelled {
			w.fail("the row of %q is pending when its run is over", r.key)
		}
		if r.deletion || r.state == string(ledger.Deleted) || ledger.OfEvents(rep.Run) {
			continue
		}
		if once[r.key] {
			w.fail("%q has two rows", r.key)
		}
		once[r.key] = true
	}
	o := rep.Objects
	got := []int64{o.Copied, o.Unchanged, o.Skipped, o.Conflict, o.Gone, o.Failed, o.Open, o.Deleted, o.Verified, o.Mismatch}
	var want []int64
	for _, name := range []string{"copied", "unchanged", "skipped", "conflict", "gone", "failed", "pending", "deleted", "verified", "mismatch"} {
		want = append(want, counts[name])
	}
	if !slices.Equal(got, want) {
		w.fail("the report counts copied, unchanged, skipped, conflict, gone, failed, pending, deleted, verified, mismatch %v, its rows are %v", got, want)
	}
	if sum := o.Copied + o.Unchanged + o.Skipped + o.Conflict + o.Gone + o.Failed + o.Open; len(rep.Unknown) == 0 && (sum != o.Listed || !rep.Balanced) {
		w.fail("the books do not balance: %+v (balanced: %v)", o, rep.Balanced)
	}
	if rep.Result == report.Verified && (o.Failed+o.Conflict+o.Mismatch > 0 || len(rep.Unknown) > 0 || o.Verified != o.Copied+o.Unchanged) {
		w.fail("the run is verified with %+v and %d stretches unknown", o, len(rep.Unknown))
	}
}

// isTrue holds a verified row against what stood on both sides: at one moment the
// source had the version that it names, and the target the object, with its bytes.
func (w *world) isTrue(t *tenant, r row) {
	if r.verdict != string(ledger.Verified) {
		return
	}
	target := w.target[t.job.TargetKey(r.key)]
	for i, s := range w.source[r.key] {
		if s.gone || s.object.Hash != r.hash {
			continue
		}
		until := w.step
		if i+1 < len(w.source[r.key]) {
			until = w.source[r.key][i+1].step
		}
		for k, d := range target {
			to := w.step
			if k+1 < len(target) {
				to = target[k+1].step
			}
			if !d.gone && d.object.Hash == r.etag && d.crc == s.crc && d.object.Size == s.object.Size && d.step <= until && s.step <= to {
				return
			}
		}
	}
	if r.proof == string(ledger.ByTime) {
		w.excuse("by time")
		return
	}
	w.fail("the row of %q is verified as version %s, ETag %s, and never was the target's object that", r.key, r.hash, r.etag)
}

// complete holds a report against the source: what it had all the time has a row.
func (w *world) complete(t *tenant, run string, rep report.Report, rows []row) {
	if len(rep.Unknown) > 0 {
		return
	}
	has := map[string]row{}
	for _, r := range rows {
		has[r.key] = r
	}
	for key, states := range w.source {
		is := last(states)
		if is.gone || !is.object.Modified.Before(rep.Started) || !t.match.Match(is.object) || !t.named(run, key) {
			continue
		}
		r, ok := has[key]
		switch {
		case !ok:
			w.fail("%q was at the source all the time, and has no row", key)
		case rep.Result == report.Verified && (r.verdict != string(ledger.Verified) || r.hash != is.object.Hash):
			w.fail("the run is verified, and the row of %q, which did not change, is %+v", key, r)
		case r.state == string(ledger.Gone):
			w.fail("%q was at the source all the time, and its row is gone", key)
		}
	}
}
