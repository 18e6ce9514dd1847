// Package platform measures how soon the functions of a deployment have all their
// instances at work: the functions' own binaries, on a stand-in of their platform.
package platform

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"time"

	"kodoferry/scripts/ferry/bench"
	"kodoferry/scripts/ferry/standins"
	"kodoferry/shared/app"
	"kodoferry/shared/emulator/chaos"
	"kodoferry/shared/emulator/kodo"
	"kodoferry/shared/emulator/oss"
	"kodoferry/shared/job"
	"kodoferry/shared/task"
)

const (
	// lookEvery is how often the platform's counts are read.
	lookEvery = 10 * time.Millisecond
	// instances are what an account may have at once: Function Compute's quota in a region
	// is 100, more may be asked for. Those that list do not take the place of those that copy.
	instances = 2 * bench.FirstInstances
	// visibility is longer than the measurement: no message is delivered twice.
	visibility = 30 * time.Minute
)

// Measure starts a run of spec's objects on a platform of its own, and returns when it had
// an object in the target, and so many instances at work. It ends the run then.
func Measure(ctx context.Context, spec bench.Spec) (bench.Measurement, error) {
	r := bench.Measurement{Objects: spec.Objects, Bytes: spec.Bytes}
	w, err := standins.Start(standins.Options{Platform: standins.FC, Functions: spec.Functions, Seed: 1, AttributesOnly: true}, standins.Clocks{})
	if err != nil {
		return r, err
	}
	defer w.Close()
	err = errors.Join(
		w.Kodo.CreateBucket(standins.Source), w.OSS.CreateBucket(standins.Target), w.MakeQueues(visibility),
		w.Kodo.Synthesize(standins.Source, kodo.Synthetic{Count: spec.Objects, MinSize: spec.Bytes / max(1, spec.Objects), Seed: 1, Depth: 2, MD5: true}),
	)
	if err != nil {
		return r, err
	}
	for i, desk := range []*chaos.Desk{w.Kodo.Desk(), w.OSS.Desk()} {
		desk.Inject(chaos.Rule{Op: "*", Kind: chaos.Latency, Rate: 1, Delay: spec.Delays[i]})
	}
	r.Began, err = begin(ctx, w, spec.Objects)
	return r, err
}

// begin deploys the functions to w, starts a run and watches it.
func begin(ctx context.Context, w *standins.World, objects int64) (bench.Began, error) {
	var none bench.Began
	j, err := job.New(w.SourceLocation(standins.Source), w.TargetLocation(standins.Target, ""), "", func(j *job.Job) { j.Name = "first" })
	if err != nil {
		return none, err
	}
	env := map[string]string{
		"QINIU_ACCESS_KEY": standins.AccessKey, "QINIU_SECRET_KEY": standins.SecretKey,
		"FERRY_LEDGER": j.Ledger.String(), "FERRY_QUEUES": w.QueuesLocation(),
	}
	end, err := w.Deploy(standins.Functions{
		Dir: w.Options.Functions, Env: env, Sweep: visibility, AtOnce: bench.FirstInstances, Instances: instances,
		KeysLast: func() time.Duration { return standins.KeysLast },
		Log:      func(string) io.Writer { return io.Discard },
	})
	if err != nil {
		return none, err
	}
	defer end()
	vars := standins.Keys()
	maps.Copy(vars, env)
	d, err := app.Load(func(name string) string { return vars[name] }).Deploy(slog.New(slog.DiscardHandler))
	if err != nil {
		return none, err
	}
	s := &sightings{world: w, objects: objects, begun: time.Now()}
	w.Kodo.OnRequest(s.asked)
	w.OSS.OnStored(s.stored)
	if _, err := d.Start(ctx, j, nil, s.begun); err != nil {
		return none, err
	}
	return s.watch(ctx), nil
}

// sightings are what the stand-ins see of a run.
type sightings struct {
	world   *standins.World
	objects int64 // of the source
	begun   time.Time

	mu    sync.Mutex
	began bench.Began
	there int64 // objects in the target
}

// set sets what began now, unless it has begun before.
func (s *sightings) set(at *float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if *at == 0 {
		*at = time.Since(s.begun).Seconds()
	}
}

func (s *sightings) asked(e kodo.Event) {
	if e.Op == "list" && !e.Done {
		s.set(&s.began.Listing)
	}
}

func (s *sightings) stored(_ string, o oss.Object) {
	if strings.HasPrefix(o.Key, standins.Ledger) {
		return
	}
	s.set(&s.began.Object)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.there++
}

// watch returns what has begun, once all has, or nothing is left to copy, or the deadline or
// ctx is over. A range is
// listed by one instance, and so is a batch copied.
func (s *sightings) watch(ctx context.Context) bench.Began {
	ctx, enough := context.WithTimeout(ctx, bench.FirstDeadline)
	defer enough()
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		stats := s.world.Cloud.Stats()
		if stats[standins.Queues+string(task.Listing)].MaxAtOnce >= bench.FirstRanges {
			s.set(&s.began.Ranges)
		}
		if stats[standins.Queues+string(task.Copying)].MaxAtOnce >= bench.FirstInstances {
			s.set(&s.began.Instances)
		}
		s.mu.Lock()
		began, over := s.began, s.there >= s.objects
		s.mu.Unlock()
		if over || began.Object > 0 && began.Ranges > 0 && began.Instances > 0 {
			return began
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return began
		}
	}
}
