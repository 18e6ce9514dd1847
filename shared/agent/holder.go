package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"kodoferry/shared/control"
	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/live"
	"kodoferry/shared/ledger/progress"
	"kodoferry/shared/pipeline"
	"kodoferry/shared/report"
)

const (
	// holdEvery is the time between two signs of life of the process that holds a run,
	// two requests each, and of one that waits for it, one request each.
	holdEvery = live.For / 3
	// followEvery is how often a waiting process reads who holds the run: two requests.
	followEvery = 2 * time.Second
	// followWalk is how often a waiting process reads the progress of the run, which may
	// take many requests.
	followWalk = 15 * time.Second
	// releaseTime bounds the requests of a process that ends, perhaps on a signal.
	releaseTime = 5 * time.Second
)

// Follow is a run that another process does, and for which this one waits.
type Follow struct {
	Run      string
	By       live.Holder   // the process that does it
	Age      time.Duration // of its last sign of life, by the ledger's clock
	Progress *progress.Run // how far the run is; nil where that was not looked at
}

// errHeld says that another process does the run.
var errHeld = errors.New("another process does the run")

// holders are the names of the claims of this process that hold a run. ended looks
// them up: a claim of the same process, as tests have several, has no PID of its own.
var holders sync.Map

// thisProcess describes this process, so that others can find out whether it runs.
func thisProcess(now time.Time) live.Holder {
	host, err := os.Hostname()
	if err != nil {
		host = "an unknown host"
	}
	return live.Holder{Process: ledger.Nonce(), Host: host, Machine: machine(host), PID: os.Getpid(), Started: startOf(os.Getpid()), Since: now}
}

// machine stands for what process numbers mean something on: the host since it was
// booted, and where there are containers, this one.
func machine(host string) string {
	boot, _ := os.ReadFile("/proc/sys/kernel/random/boot_id") // Linux alone has it
	space, _ := os.Readlink("/proc/self/ns/pid")
	return strings.Join([]string{host, strings.TrimSpace(string(boot)), space}, " ")
}

// startOf returns when a process began, in ticks since boot; "" where /proc has no
// such process, the process has ended and waits for its parent, or there is no /proc.
func startOf(pid int) string {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	_, rest, _ := strings.Cut(string(stat[strings.LastIndexByte(string(stat), ')')+1:]), " ")
	fields := strings.Fields(rest) // from the third on (proc(5))
	if len(fields) < 20 || fields[0] == "Z" || fields[0] == "X" {
		return ""
	}
	return fields[19]
}

// ended reports whether a process is known to have ended: its record says so, or it was
// on this machine and is no more. Of one on another machine ended is false, and only
// the age of its last sign of life shows.
func ended(h, me live.Holder) bool {
	switch {
	case h.Ended:
		return true
	case h.Process == "" || h.Machine != me.Machine:
		return false
	case h.PID == me.PID && h.Started == me.Started:
		_, at := holders.Load(h.Process)
		return !at
	case h.Started != "":
		return startOf(h.PID) != h.Started
	case runtime.GOOS == "windows":
		return false
	}
	p, err := os.FindProcess(h.PID)
	if err == nil {
		err = p.Signal(syscall.Signal(0))
	}
	return errors.Is(err, os.ErrProcessDone) || errors.Is(err, syscall.ESRCH)
}

// claim is this process's claim to do a run alone. One of a process that shares
// its queues with others is nothing: they share the tasks.
type claim struct {
	me     live.Holder
	shares bool // its queues with others
	log    *slog.Logger
	run    *ledger.Run    // that it holds; nil: none
	behind sync.WaitGroup // what is still taken back of its beginning
}

// takeNew takes hold of a run that this process has just begun: another process can have
// found it since.
func (c *claim) takeNew(ctx context.Context, run *ledger.Run) error {
	if c.shares {
		return nil
	}
	return c.takeFrom(ctx, run, live.Holder{})
}

// take takes hold of a run. errHeld says that another process does it.
func (c *claim) take(ctx context.Context, run *ledger.Run) error {
	if c.shares {
		return nil
	}
	found, err := live.ReadHolders(ctx, run.Folder())
	switch last := found.Holder; {
	case err != nil:
		return err
	case last.N > 0 && last.Process == c.me.Process && !last.Ended:
		return nil
	case last.N > 0 && !ended(last, c.me):
		return errHeld
	}
	return c.takeFrom(ctx, run, found.Holder)
}

// takeFrom takes hold of a run after its last holder. Of several that do, one does,
// and the others get errHeld.
func (c *claim) takeFrom(ctx context.Context, run *ledger.Run, last live.Holder) error {
	c.release(ctx) // another run of the job, which came to nothing
	c.me.N = last.N + 1
	holders.Store(c.me.Process, true)
	won, err := live.CreateHolder(ctx, run.Folder(), c.me)
	switch {
	case err == nil && won:
		c.run = run
		return nil
	case err == nil:
		err = errHeld
	}
	holders.Delete(c.me.Process)
	return err
}

// keeping calls do while this process gives signs of life. do's context ends with
// errHeld where another process has taken the run over.
func (c *claim) keeping(ctx context.Context, waits func(live.Holder), do func(context.Context) error) error {
	if c.run == nil {
		return do(ctx)
	}
	ctx, stop := context.WithCancelCause(ctx)
	var beats sync.WaitGroup
	beats.Go(func() { c.keep(ctx, waits, func() { stop(errHeld) }) })
	defer beats.Wait()
	defer stop(nil)
	return do(ctx)
}

// keep writes signs of life until ctx ends, and calls waits once for each process that
// waits for the run. It calls lost where another process has taken the run over, as
// one does that has read no sign for too long.
func (c *claim) keep(ctx context.Context, waits func(live.Holder), lost func()) {
	tick := time.NewTicker(holdEvery)
	defer tick.Stop()
	announced := map[string]bool{}
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		found, err := live.ReadHolders(ctx, c.run.Folder())
		switch {
		case err == nil && found.Holder.N > c.me.N:
			lost()
			return
		case err == nil:
			c.announce(ctx, found, announced, waits)
			err = live.WriteHolder(ctx, c.run.Folder(), c.me)
		}
		if err != nil && ctx.Err() == nil {
			c.log.WarnContext(ctx, "no sign of life given", "fault", fault.KindOf(err), "err", err)
		}
	}
}

// announce calls waits for the processes that wait and have written a sign of life
// lately.
func (c *claim) announce(ctx context.Context, found live.Holders, announced map[string]bool, waits func(live.Holder)) {
	for process, seen := range found.Waiting {
		if announced[process] || seen.Before(found.Holder.Seen.Add(-live.For)) {
			continue
		}
		if by, err := live.ReadWaiting(ctx, c.run.Folder(), process); err == nil && !ended(by, c.me) {
			announced[process] = true
			waits(by)
		}
	}
}

// release says that this process holds the run no longer, also where ctx has ended.
func (c *claim) release(ctx context.Context) {
	if c.run == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseTime)
	defer cancel()
	me := c.me
	me.Ended = true
	if err := live.WriteHolder(ctx, c.run.Folder(), me); err != nil {
		c.log.WarnContext(ctx, "the run is not let go of: another process waits until this one's last sign of life is old", "fault", fault.KindOf(err), "err", err)
	}
	c.forget()
}

// forget notes that this process holds no run.
func (c *claim) forget() {
	holders.Delete(c.me.Process)
	c.run = nil
}

// follow waits while another process does a run, and reports it to o.Follows. It returns the
// report if the run is over then, or was cancelled; else the other has stopped, and
// this process holds the run.
func (c *claim) follow(ctx context.Context, p *pipeline.Pipeline, run *ledger.Run, o CopyOptions) (rep report.Report, over bool, err error) {
	me := c.me
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseTime)
		defer cancel()
		me.Ended = true
		_ = live.WriteWaiting(ctx, run.Folder(), me) // it only says, to the process that does the run, that another waits
	}()
	var signed, walked time.Time
	for {
		if time.Since(signed) > holdEvery {
			if err := live.WriteWaiting(ctx, run.Folder(), me); err != nil {
				return rep, false, err
			}
			signed = time.Now()
		}
		found, err := live.ReadHolders(ctx, run.Folder())
		if err != nil {
			return rep, false, err
		}
		// By the ledger's clock it is as late as when this process last signed, and what has passed since.
		age := found.Waiting[me.Process].Add(time.Since(signed)).Sub(found.Holder.Seen)
		if ended(found.Holder, me) || age > live.For {
			if rep, over, err = outcome(ctx, p, run); err != nil || over {
				return rep, over, err
			}
			if err := c.takeFrom(ctx, run, found.Holder); !errors.Is(err, errHeld) {
				return rep, false, err
			}
			continue
		}
		seen := Follow{Run: run.Name, By: found.Holder, Age: max(age, 0)}
		if time.Since(walked) > followWalk {
			p, err := progress.Glance(ctx, run)
			if err != nil {
				return rep, false, err
			}
			seen.Progress, walked = &p, time.Now()
		}
		o.Follows(seen)
		if err := control.Wait(ctx, followEvery); err != nil {
			return rep, false, err
		}
	}
}

// outcome returns the report of a run that is over or was cancelled.
func outcome(ctx context.Context, p *pipeline.Pipeline, run *ledger.Run) (report.Report, bool, error) {
	s, _, err := run.Steering().ReadStanding(ctx)
	switch {
	case err != nil:
	case s == ledger.Over:
		rep, err := report.Read(ctx, run)
		return rep, true, err
	case s.Final():
		rep, err := p.End(ctx, run.Name)
		return rep, true, err
	}
	return report.Report{}, false, err
}
