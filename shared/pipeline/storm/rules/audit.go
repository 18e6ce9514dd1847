package rules

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/eventnames"
	"kodoferry/shared/pipeline/storm/weather"
	"kodoferry/shared/pipeline/storm/world"
	"kodoferry/shared/report"
)

// Audit holds the books of a run that is over against what is known.
type Audit struct {
	w        *world.World
	Failures map[string][]string // the keys that failed, by run
	Tables   map[string][]row    // the rows of each run that was checked
}

func newAudit(w *world.World) Audit {
	return Audit{w: w, Failures: map[string][]string{}, Tables: map[string][]row{}}
}

// row is a line of a run's table.
type row struct {
	key, state, verdict, proof, hash, etag, crc string
	size                                        int64
	deletion                                    bool // of what only the target had
}

// CheckRun holds the books of a run that is over against what is known.
func (audit *Audit) CheckRun(t *world.Tenant, name string) {
	ctx := context.Background()
	run := audit.w.Books().Run(name)
	rep, err := report.Read(ctx, run)
	if err != nil {
		audit.w.Log.Fail("the report of %s cannot be read: %v", name, err)
		return
	}
	rows, err := audit.Rows(run, rep)
	if err != nil {
		audit.w.Log.Fail("the rows of %s cannot be read: %v", name, err)
		return
	}
	audit.w.Log.Note("%s is %s: %+v %s", name, rep.Result, rep.Objects, rep.Reason)
	audit.w.Log.Met["runs "+string(rep.Result)]++
	for _, r := range rows {
		audit.w.Log.Met[r.state]++
		if r.verdict != "" {
			audit.w.Log.Met[r.verdict]++
		}
	}
	audit.w.Log.Met["unknown"] += len(rep.Unknown)
	audit.balanced(rep, rows)
	for _, r := range rows {
		audit.isTrue(t, r)
	}
	audit.choice(t, name, rows)
	if rep.Result != report.Cancelled && !eventnames.IsRun(name) {
		audit.complete(t, name, rep, rows)
	}
	audit.Tables[name] = rows
	if rep.Result != report.Verified && len(audit.w.Log.Injected) == 0 && !audit.w.Weather[weather.Present] && !audit.w.Weather[weather.Lists] {
		audit.w.Log.Fail("the run %s is %s in a calm: %s", name, rep.Result, rep.Reason)
	}
}

// Rows reads the tables of a run whose report is rep.
func (audit *Audit) Rows(run *ledger.Run, rep report.Report) ([]row, error) {
	ctx := context.Background()
	data, err := run.Results().ReadManifest(ctx, rep.Manifest)
	if err != nil {
		return nil, err
	}
	if sum := report.Sum(data); sum != rep.Manifest {
		return nil, fmt.Errorf("the report names the manifest %.8s, and %.8s stands", rep.Manifest, sum)
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
func (audit *Audit) balanced(rep report.Report, rows []row) {
	counts := map[string]int64{}
	once := map[string]bool{}
	for _, r := range rows {
		if !r.deletion || r.state == string(ledger.Deleted) { // what became of other deletions is counted apart
			counts[r.state]++
			counts[r.verdict]++
		}
		if r.state == string(ledger.Pending) && rep.Result != report.Cancelled {
			audit.w.Log.Fail("the row of %q is pending when its run is over", r.key)
		}
		if r.deletion || r.state == string(ledger.Deleted) || eventnames.IsRun(rep.Run) {
			continue
		}
		if once[r.key] {
			audit.w.Log.Fail("%q has two rows", r.key)
		}
		once[r.key] = true
	}
	o := rep.Objects
	got := []int64{o.Copied, o.Updated, o.Unchanged, o.Present, o.Skipped, o.Conflict, o.Gone, o.Failed, o.Open, o.Deleted, o.Verified, o.Mismatch}
	var want []int64
	for _, name := range []string{"copied", "updated", "unchanged", "present", "skipped", "conflict", "gone", "failed", "pending", "deleted", "verified", "mismatch"} {
		want = append(want, counts[name])
	}
	if !slices.Equal(got, want) {
		audit.w.Log.Fail("the report counts copied, updated, unchanged, present, skipped, conflict, gone, failed, pending, deleted, verified, mismatch %v, its rows are %v", got, want)
	}
	if sum := o.Sum(); len(rep.Unknown) == 0 && (sum != o.Listed || !rep.Balanced) {
		audit.w.Log.Fail("the books do not balance: %+v (balanced: %v)", o, rep.Balanced)
	}
	if rep.Result == report.Verified && (o.Failed+o.Conflict+o.Mismatch > 0 || len(rep.Unknown) > 0 || o.Verified != o.Held() || o.Present > 0) {
		audit.w.Log.Fail("the run is verified with %+v and %d stretches unknown", o, len(rep.Unknown))
	}
}

// isTrue holds a verified row against what stood on both sides: at one moment the
// source had the version that it names, and the target the object, with its bytes.
func (audit *Audit) isTrue(t *world.Tenant, r row) {
	if r.verdict != string(ledger.Verified) {
		return
	}
	target := audit.w.History.Target[t.Job.TargetKey(r.key)]
	for i, s := range audit.w.History.Source[r.key] {
		if s.Gone || s.Object.Hash != r.hash {
			continue
		}
		until := audit.w.Step
		if i+1 < len(audit.w.History.Source[r.key]) {
			until = audit.w.History.Source[r.key][i+1].Step
		}
		for k, d := range target {
			to := audit.w.Step
			if k+1 < len(target) {
				to = target[k+1].Step
			}
			if !d.Gone && d.Object.Hash == r.etag && d.Crc == s.Crc && d.Object.Size == s.Object.Size && d.Step <= until && s.Step <= to {
				return
			}
		}
	}
	audit.w.Log.Fail("the row of %q is verified as version %s, ETag %s, and never was the target's object that", r.key, r.hash, r.etag)
}

// complete holds a report against the source: what it had all the time has a row.
func (audit *Audit) complete(t *world.Tenant, run string, rep report.Report, rows []row) {
	if len(rep.Unknown) > 0 {
		return
	}
	has := map[string]row{}
	for _, r := range rows {
		has[r.key] = r
	}
	for key, states := range audit.w.History.Source {
		is := world.Last(states)
		if is.Gone || !is.At.Before(rep.Started) || !t.Match.Match(&is.Object) || !t.Named(run, key) {
			continue
		}
		r, ok := has[key]
		switch {
		case !ok:
			audit.w.Log.Fail("%q was at the source all the time, and has no row", key)
		case rep.Result == report.Verified && (r.verdict != string(ledger.Verified) || r.hash != is.Object.Hash):
			audit.w.Log.Fail("the run is verified, and the row of %q, which did not change, is %+v", key, r)
		case r.state == string(ledger.Gone):
			audit.w.Log.Fail("%q was at the source all the time, and its row is gone", key)
		}
	}
}
