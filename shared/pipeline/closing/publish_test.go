package closing

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/index"
	"kodoferry/shared/ledger/progress"
	"kodoferry/shared/report"
	"kodoferry/shared/report/table"
	"kodoferry/shared/store"
	"kodoferry/shared/store/mem"
)

const ended = "photos/20260301T020304Z"

// stepped is a store that lets a process write as often as its steps are.
type stepped struct {
	*mem.Bucket
	steps chan struct{}
}

func (s stepped) Put(ctx context.Context, o store.Object, body io.Reader, how store.Put) (store.Stored, error) {
	if !strings.HasSuffix(o.Key, report.PageFile) || !how.IfAbsent { // which is first written beside the manifest
		select {
		case <-s.steps:
		case <-ctx.Done():
			return store.Stored{}, ctx.Err()
		}
	}
	return s.Bucket.Put(ctx, o, body, how)
}

// publisher is a process that publishes an end of a run.
type publisher struct {
	steps chan struct{}
	cut   context.CancelFunc
	done  chan error
}

// publish begins to publish an end of the run in which one object failed for that reason.
func publish(t *testing.T, at *mem.Bucket, reason string) publisher {
	ctx, cut := context.WithCancel(t.Context())
	p := publisher{make(chan struct{}, 100), cut, make(chan error, 1)}
	run := ledger.Open(at, "").Run(ended)
	rows, sealed := table.NewEnded(job.Job{}, ended), ledger.Proved{Shard: reason}
	if err := errors.Join(rows.Add(ledger.Row{Src: store.Object{Key: "k"}, State: ledger.Failed, Reason: reason}), rows.Write(ctx, run.Results(), &sealed)); err != nil {
		t.Fatal(err)
	}
	l := ledger.Open(stepped{at, p.steps}, "")
	b := Books{Ledger: l, Run: l.Run(ended), Started: ledger.Started{Run: ended}, Now: time.Now, Log: slog.New(slog.DiscardHandler)}
	rep, m := report.Fold(ended, b.Job, progress.Run{Started: b.Started, Shards: []progress.Shard{{Closed: &ledger.Closed{}, Proved: &sealed}}}, time.Now())
	go func() { p.done <- b.Publish(ctx, rep, m) }()
	return p
}

// write lets the process write so often, and returns when it has, or is done.
func (p publisher) write(steps int) {
	for range steps {
		p.steps <- struct{}{}
	}
	synctest.Wait()
}

// vouched reads what the run came to, if it is over, and fails where the report names what is
// not there.
func vouched(run *ledger.Run) (sum string, err error) {
	ctx := context.Background()
	rep, err := report.Read(ctx, run)
	if ledger.Missing(err) {
		return "", nil
	} else if err != nil {
		return "", err
	}
	m, err := report.ReadManifest(ctx, run, rep)
	if err != nil {
		return "", err
	}
	for _, l := range m.Lists {
		if data, err := run.Read(ctx, l.Name); err != nil || report.Sum(data) != l.SHA256 {
			return "", fmt.Errorf("%s is not what the manifest names (%v)", l.Name, err)
		}
	}
	if len(m.Lists) != 1 || len(m.Files) != 1 {
		return "", fmt.Errorf("the manifest names %d lists and %d files, want one of each", len(m.Lists), len(m.Files))
	}
	return rep.Manifest, nil
}

// remembered fails where a later run, which finds the run among those of its pair, would not find
// the manifest that stands there.
func remembered(l *ledger.Ledger) (err error) {
	rerr := index.ReadPairRuns(context.Background(), l, job.Job{}.Pair(), func(r index.PairRun) bool {
		var data []byte
		if data, err = l.Run(r.Run).Results().ReadManifest(context.Background(), r.Manifest); err == nil && report.Sum(data) != r.Manifest {
			err = fmt.Errorf("the runs of the pair name the manifest %.8s, which is not there", r.Manifest)
		}
		return true
	}, func(_ string, damaged error) { err = damaged })
	return errors.Join(err, rerr)
}

// Two processes publish different ends of a run: the one does when the other is anywhere in
// between, and each may be cut off anywhere. From the report on, what it names is there, and
// in the end it has the names that a person looks for. What is named among the runs of the pair is
// there at any time.
func TestWhatTheReportNamesIsThereFromTheFirst(t *testing.T) {
	const most = 14 // writes of a process at most, and none: of a list and the manifest two each, its place among the pair's runs, the report and its mark, six that settle
	for one := range most {
		for other := range most {
			for _, cut := range []string{"none", "one", "other"} {
				synctest.Test(t, func(t *testing.T) {
					bucket := mem.New(mem.OSS)
					run := ledger.Open(bucket, "").Run(ended)
					name := fmt.Sprintf("one stands after %d writes, the other after %d, cut off: %s", one, other, cut)
					named := ""
					holds := func(when string) {
						sum, err := vouched(run)
						switch err = errors.Join(err, remembered(ledger.Open(bucket, ""))); {
						case err != nil:
							t.Fatalf("%s: %s: %v", name, when, err)
						case named != "" && sum != named:
							t.Fatalf("%s: %s: the report was replaced", name, when)
						default:
							named = sum
						}
					}
					a, b := publish(t, bucket, "one"), publish(t, bucket, "other")
					defer a.cut()
					defer b.cut()
					a.write(one)
					holds("one stands")
					b.write(other)
					holds("both stand")
					left := []publisher{a, b}
					switch cut {
					case "one":
						a.cut()
						left = left[1:]
					case "other":
						b.cut()
						left = left[:1]
					}
					synctest.Wait()
					holds("after the cut")
					for _, p := range left {
						for len(p.done) == 0 {
							p.write(1)
							holds("one more has written")
						}
						if err := <-p.done; err != nil {
							t.Fatalf("%s: %v", name, err)
						}
					}
					manifest, err := run.Read(context.Background(), report.ManifestFile)
					if err != nil || named == "" {
						t.Fatalf("%s: no report (%q) or manifest: %v", name, named, err)
					}
					if report.Sum(manifest) != named {
						t.Errorf("%s: %s is not the report's", name, report.ManifestFile)
					}
					var m report.Manifest
					list, err := run.Read(context.Background(), report.ListFile("failed"))
					if err = errors.Join(err, json.Unmarshal(manifest, &m)); err != nil || report.Sum(list) != m.Lists[0].SHA256 {
						t.Errorf("%s: %s is not that of the manifest (%v)", name, report.ListFile("failed"), err)
					}
					page, err := run.Read(context.Background(), report.PageFile)
					if err != nil || !strings.Contains(string(page), named) {
						t.Errorf("%s: the page is not the report's (%v)", name, err)
					}
				})
			}
		}
	}
}

// What was packed apart of a shard and is damaged or gone is left out of a list, whose rows
// stand in the shard's own file, and never keeps a run from its end.
func TestAListLacksWhatCannotBeRead(t *testing.T) {
	l := ledger.Open(mem.New(mem.OSS), "")
	r := l.Run(ended)
	name, err := r.Results().WriteApart(t.Context(), "failed", "0", []byte("no gzip"))
	if err != nil {
		t.Fatal(err)
	}
	p := progress.Run{Started: ledger.Started{Run: ended, Events: true}}
	rows := table.NewEnded(job.Job{}, ended)
	if err := rows.Add(ledger.Row{Src: store.Object{Key: "k"}, State: ledger.Failed}); err != nil {
		t.Fatal(err)
	}
	whole := ledger.Proved{Shard: "2"}
	if err := rows.Write(t.Context(), r.Results(), &whole); err != nil {
		t.Fatal(err)
	}
	swapped := whole.Apart["failed"]
	swapped.SHA256 = report.Sum([]byte("as it was written"))
	for _, file := range []ledger.File{
		{Name: name, Rows: 1, SHA256: report.Sum([]byte("no gzip"))}, {Name: "apart/failed/1-gone.csv.gz", Rows: 1}, swapped, whole.Apart["failed"],
	} {
		p.Shards = append(p.Shards, progress.Shard{Closed: &ledger.Closed{}, Proved: &ledger.Proved{Apart: map[string]ledger.File{"failed": file}}})
	}
	b := Books{Ledger: l, Run: r, Started: p.Started, Now: time.Now, Log: slog.New(slog.DiscardHandler)}
	rep, m := report.Fold(ended, b.Job, p, time.Now())
	if err := b.Publish(t.Context(), rep, m); err != nil {
		t.Fatal(err)
	}
	if rep, err = report.Read(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if m, err = report.ReadManifest(t.Context(), r, rep); err != nil || len(m.Lists) != 1 || m.Lists[0].Rows != 1 {
		t.Errorf("the manifest names %+v (%v), want a list of one row", m.Lists, err)
	}
}
