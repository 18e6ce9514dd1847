package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"maps"
	"strings"
	"time"

	"kodoferry/scripts/ferry/outcome"
	"kodoferry/scripts/ferry/show"
	"kodoferry/scripts/ferry/standins"
	"kodoferry/shared/app"
	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/progress"
	"kodoferry/shared/report"
	"kodoferry/shared/task"
)

const (
	lookEvery  = time.Second      // at the ledger, for progress
	visibility = 20 * time.Second // of a message at work: so long Lambda waits before it delivers again
	sweepAfter = 10 * time.Second // what no record answers for after so long is taken as lost
)

// functions move the bucket by the functions' own binaries.
type functions struct{ w *world }

// moveByFunctions moves the bucket through the functions' own binaries, as
// their platform runs them.
func (fns *functions) moveByFunctions(ctx context.Context) (run outcome.Record, err error) {
	dir, remove, err := fns.w.clouds.Binaries(ctx, func() { fns.w.tell.Said("demo.building") })
	if err != nil {
		return run, err
	}
	defer remove()
	j, err := fns.w.job()
	if err != nil {
		return run, err
	}
	env := map[string]string{
		"QINIU_ACCESS_KEY": standins.AccessKey, "QINIU_SECRET_KEY": standins.SecretKey,
		"FERRY_LEDGER": j.Ledger.String(), "FERRY_QUEUES": fns.w.clouds.QueuesLocation(), "FERRY_PAUSE": "1s", "FERRY_PULL_INSTANCES": "2",
	}
	end, err := fns.w.clouds.Deploy(standins.Functions{
		Dir: dir, Env: env, Sweep: sweepAfter,
		KeysLast: func() time.Duration { return standins.KeysLast },
		Log:      func(string) io.Writer { return standins.Lines(fns.logged) },
	})
	if err != nil {
		return run, err
	}
	defer end()
	vars := standins.Keys()
	maps.Copy(vars, env)
	cfg := app.Load(func(name string) string { return vars[name] })
	d, err := cfg.Deploy(slog.New(slog.DiscardHandler))
	if err != nil {
		return run, err
	}
	fns.w.trouble()
	fns.w.tell.Begin()
	name, err := d.Start(ctx, j, nil, time.Now())
	if err == nil {
		err = fns.follow(ctx, d.Ledger().Run(name))
	}
	fns.w.tell.End()
	fns.w.calm()
	if err != nil {
		return run, err
	}
	if run.Report, err = report.Read(ctx, d.Ledger().Run(name)); err != nil {
		return run, err
	}
	return run, run.Read(ctx, d.Ledger().Run(name))
}

// follow shows how far the run is until it has its report.
func (fns *functions) follow(ctx context.Context, run *ledger.Run) error {
	for {
		p, err := progress.Glance(ctx, run)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil && !fault.Retryable(err):
			return err
		case err == nil:
			fns.w.tell.Stands(&p)
			if p.Reported {
				return nil
			}
		}
		select {
		case <-time.After(lookEvery):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// killInstance ends a copy function in mid-task once a share of the objects is
// there, from a goroutine of its own: the store that it counts must go on.
func (fns *functions) killInstance() {
	if !fns.w.seen.killed.CompareAndSwap(false, true) {
		return
	}
	go func() {
		for range 200 {
			fns.w.seen.mu.Lock()
			stored := fns.w.seen.stores
			fns.w.seen.mu.Unlock()
			if fns.w.clouds.Cloud.Kill(standins.Queues + string(task.Copying)) {
				fns.w.seen.mu.Lock()
				fns.w.seen.died = kill{stored: stored}
				fns.w.seen.mu.Unlock()
				fns.w.seen.happened("demo.kills", show.Count("objects", stored))
				return
			}
			time.Sleep(5 * time.Millisecond)
		}
	}()
}

// logged shows the fault that a line of a function's log names, as an event of the pipeline
// does in this process.
func (fns *functions) logged(line []byte) {
	_, text, found := bytes.Cut(line, []byte("{"))
	var said struct {
		Msg, Key, Fault, Err string
	}
	if !found || json.Unmarshal(append([]byte("{"), text...), &said) != nil || said.Msg != "object not copied" {
		return
	}
	op, _, _ := strings.Cut(said.Err, " ")
	fns.w.seen.met(said.Key, fault.New(fault.Kind(said.Fault), op, said.Key, errors.New(said.Err)))
}
