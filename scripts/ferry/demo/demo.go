// Package demo moves a made-up bucket from a stand-in of Kodo to one of OSS while both
// have faults, objects change and a worker dies, and then holds every byte, state and proof
// against what must be. Start with Run.
//
//	world.go       the bucket, and the stand-ins that have it
//	sightings.go   what the stand-ins see of the run, and what happens to it meanwhile
//	object.go      its objects, and those that something happens to
//	faults.go      the faults of both clouds
//	functions.go   the run, where functions do the work
//	account.go     what is printed after it; check.go holds it against what must be
package demo

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math"
	"path/filepath"
	"runtime/debug"

	"kodoferry/scripts/ferry/outcome"
	"kodoferry/scripts/ferry/show"
	"kodoferry/scripts/ferry/standins"
	"kodoferry/shared/agent"
	"kodoferry/shared/app"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger/progress"
	"kodoferry/shared/report"
)

// Options says what moves, and where the work is done.
type Options struct {
	Objects  int
	Dir      string // the report's files are left there
	StandIns standins.Options
}

// The bucket needs room for every object with a story; more than Most would not fit the
// memory of a laptop.
const (
	Fewest = 50
	Most   = 100_000
)

// Run moves the bucket and prints what happens to text. Its error is outcome.ErrDiffers if
// anything differs from what must be, with the summary all the same, and that of ctx if
// ctx ended.
func Run(ctx context.Context, o Options, text io.Writer) (sum report.Summary, err error) {
	tell := show.NewTeller(text)
	defer tell.End()
	w, err := newWorld(o, tell)
	if err != nil {
		return sum, err
	}
	defer w.clouds.Close()
	w.introduce()
	move := w.move
	if o.StandIns.Platform != standins.InProcess {
		move = w.functions.moveByFunctions
	}
	run, err := move(ctx)
	if ctx.Err() != nil {
		return sum, ctx.Err()
	}
	if err != nil {
		return sum, fmt.Errorf("demo: %w", err)
	}
	if err := run.Keep(o.Dir); err != nil {
		return sum, err
	}
	if n := w.account(run, filepath.Join(o.Dir, "report.html")); n > 0 {
		return run.Report.Summary, fmt.Errorf("demo: %w: %d findings, see above", outcome.ErrDiffers, n)
	}
	return run.Report.Summary, nil
}

// roomy lifts the limit that app.Copy puts on the heap, which holds the objects of both clouds.
func roomy(string, *progress.Run) { debug.SetMemoryLimit(math.MaxInt64) }

// move runs the whole migration, faults and all, and reads its result back.
func (w *world) move(ctx context.Context) (outcome.Record, error) {
	var run outcome.Record
	cfg := app.Config{
		KodoAccessKey: standins.AccessKey, KodoSecretKey: standins.SecretKey,
		OSSAccessKeyID: standins.AccessKey, OSSAccessSecret: standins.SecretKey,
		QueuesAt: w.clouds.QueuesLocation(),
	}
	j, err := w.job()
	if err != nil {
		return run, err
	}
	cfg.LedgerAt = j.Ledger.String()
	shared, err := cfg.Deploy(slog.New(slog.DiscardHandler))
	if err != nil {
		return run, err
	}
	sites, err := cfg.Connect(j)
	if err != nil {
		return run, err
	}
	if err := sites.Check(ctx); err != nil {
		return run, err
	}
	w.trouble()
	w.tell.Begin()
	run.Report, err = app.Copy(ctx, sites, j, agent.CopyOptions{Watch: w.watch, Around: w.seen.dying, Begun: roomy, Queues: shared.Queue, Hidden: visibility})
	w.tell.End()
	w.calm()
	if err != nil {
		return run, err
	}
	return run, run.Read(ctx, sites.Ledger.Run(run.Report.Run))
}

// job is the migration, in tasks so small that a small bucket shows what a big one does.
func (w *world) job() (job.Job, error) {
	return job.New(w.clouds.SourceLocation(standins.Source), w.clouds.TargetLocation(standins.Target, ""), "", func(j *job.Job) {
		j.Name = "demo"
		j.Limits.ShardKeys = int64(max(w.options.Objects/4, 50))
		j.Limits.BatchObjects = 100
	})
}
