package consoles

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"time"

	"kodoferry/scripts/ferry/standins"
	"kodoferry/shared/agent"
	"kodoferry/shared/app"
	"kodoferry/shared/emulator/chaos"
	"kodoferry/shared/emulator/kodo"
	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger/kept"
	"kodoferry/shared/task"
)

// Demo is a deployment on stand-ins in this process, to show a console of: a bucket of
// photos of which a run is on the way, and a small one of avatars that has been moved, not
// all of it.
type Demo struct {
	world  *standins.World
	deploy *app.Deployment
	Config app.Config
	Ledger job.Location
	begun  map[string]string // the run of each job that began with the demo
	stop   context.CancelFunc
	ended  chan struct{}
}

// The demo's names.
const (
	Photos  = "photos"
	Avatars = "avatars"
	Spare   = "holidays-new" // a bucket at OSS that no job writes to
	ledgers = "ferry-ledger" // the bucket of the ledger
	// Markup and Reversed are keys that a page might take for something else than a text.
	Markup   = `avatars/<img src=x onerror=alert(1)>&amp;"'.jpg`
	Reversed = "avatars/\u202egpj.exe\u2066 résumé.jpg"
	// Damaged is a hash of other bytes: what is listed with it fails.
	damaged = "Fto5o-5ea0sNMlW_75VgGJCv2AcJ"
)

const (
	smallest, largest = 1 << 10, 48 << 10 // bytes of a photo
	lasts             = 150 * time.Second // how long the run of the photos is to take, about
	avatars           = 240
)

// StartDemo starts a Demo of so many photos. held is true where the run is to last, so that
// there is time to look; log gets what its processes say.
func StartDemo(ctx context.Context, objects int64, held bool, log *slog.Logger) (*Demo, error) {
	w, err := standins.Start(standins.Options{Seed: 1, Platform: standins.InProcess, AttributesOnly: true}, standins.Clocks{})
	if err != nil {
		return nil, err
	}
	d := &Demo{world: w, begun: map[string]string{}, ended: make(chan struct{})}
	if err := d.begin(ctx, objects, held, log); err != nil {
		w.Close()
		return nil, err
	}
	return d, nil
}

func (d *Demo) begin(ctx context.Context, objects int64, held bool, log *slog.Logger) error {
	if err := errors.Join(d.fill(objects), d.world.MakeQueues(30*time.Minute)); err != nil {
		return err
	}
	vars := standins.Keys()
	maps.Copy(vars, map[string]string{"FERRY_LEDGER": d.world.TargetLocation(ledgers, standins.Ledger), "FERRY_QUEUES": d.world.QueuesLocation(), "FERRY_PAUSE": "1s"})
	d.Config = app.Load(func(name string) string { return vars[name] })
	var err error
	if d.Ledger, err = job.ParseLocation(d.Config.LedgerAt); err != nil {
		return err
	}
	if d.deploy, err = d.Config.Deploy(log); err != nil {
		return err
	}
	if held { // as a service far away answers
		d.world.Kodo.Desk().Inject(chaos.Rule{Op: "get", Kind: chaos.Latency, Rate: 1, Delay: 15 * time.Millisecond})
		d.world.OSS.Desk().Inject(chaos.Rule{Op: "put", Kind: chaos.Throttle, Rate: 0.004})
	}
	stages := map[task.Stage]int{task.Listing: 2, task.Copying: 2, task.Verifying: 2, task.Deleting: 1}
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	d.stop = stop
	go func() {
		defer close(d.ended)
		d.deploy.Serve(serving, agent.Options{Tasks: stages, Drain: time.Second, Wait: time.Second, Sweep: 30 * time.Second})
	}()
	if err := d.runs(ctx, objects, held); err != nil {
		d.stop()
		<-d.ended
		return err
	}
	return nil
}

// fill fills both sources. Photos are generated as they are read; of the avatars some are
// damaged.
func (d *Demo) fill(objects int64) error {
	made := []error{
		d.world.Kodo.CreateBucket(Photos), d.world.Kodo.CreateBucket(Avatars),
		d.world.OSS.CreateBucket(standins.Target), d.world.OSS.CreateBucket("avatars-new"), d.world.OSS.CreateBucket(Spare), d.world.OSS.CreateBucket(ledgers),
		d.world.Kodo.Synthesize(Photos, kodo.Synthetic{Count: objects, Seed: 1, MinSize: smallest, MaxSize: largest, Depth: 2}),
	}
	put := func(key, hash string) {
		body := []byte("an avatar: " + key)
		_, err := d.world.Kodo.Put(Avatars, kodo.Object{Key: key, Body: body, Hash: hash, PutTime: time.Now().Add(-24 * time.Hour), MimeType: "image/jpeg"})
		made = append(made, err)
	}
	for i := range avatars {
		put(fmt.Sprintf("avatars/%04d.jpg", i), "")
	}
	for i := range 12 {
		put(fmt.Sprintf("avatars/damaged/%02d.jpg", i), damaged)
	}
	put(Markup, damaged)
	put(Reversed, damaged)
	return errors.Join(made...)
}

// jobs are the demo's jobs.
func (d *Demo) jobs(objects int64, held bool) ([]job.Job, error) {
	photos, perr := job.New(d.world.SourceLocation(Photos), d.world.TargetLocation(standins.Target, ""), d.Ledger.String(), func(j *job.Job) {
		j.Name = Photos
		j.Limits.BatchObjects, j.Limits.ShardKeys = int(max(objects/200, 20)), max(objects/16, 50)
		if held {
			j.Limits.BatchObjects = int(max(objects/400, 20))
			j.Limits.Bandwidth.Rate = max(objects*(smallest+largest)/2/int64(lasts/time.Second)/(64<<10), 1) * 64 << 10
		}
	})
	pictures, aerr := job.New(d.world.SourceLocation(Avatars), d.world.TargetLocation("avatars-new", ""), d.Ledger.String(), func(j *job.Job) {
		j.Name, j.Limits.Attempts = Avatars, 1
	})
	return []job.Job{pictures, photos}, errors.Join(perr, aerr)
}

// runs keeps the jobs and begins a run of each.
func (d *Demo) runs(ctx context.Context, objects int64, held bool) error {
	jobs, err := d.jobs(objects, held)
	if err != nil {
		return err
	}
	for _, j := range jobs {
		if err := d.keepJob(ctx, j); err != nil {
			return err
		}
		if !held && j.Name == Photos {
			continue
		}
		run, err := d.deploy.Start(ctx, j, nil, time.Now())
		if err != nil {
			return err
		}
		d.begun[j.Name] = run
	}
	return nil
}

func (d *Demo) keepJob(ctx context.Context, j job.Job) error {
	raw, err := job.Encode(j)
	if err != nil {
		return err
	}
	_, err = d.deploy.Operator().Keep(ctx, kept.Job{Name: j.Name, Job: raw, At: time.Now().UTC()}, nil)
	return err
}

// SourceOf and TargetOf are a bucket of the stand-ins as a job names it.
func (d *Demo) SourceOf(bucket string) string { return d.world.SourceLocation(bucket) }

// TargetOf is a bucket at OSS as a job names it.
func (d *Demo) TargetOf(bucket string) string { return d.world.TargetLocation(bucket, "") }

// Mend has the damaged avatars listed with their own hash, as after a cure at the source.
func (d *Demo) Mend() error {
	var keys []string
	for o := range d.world.Kodo.Objects(Avatars) { // nothing is put while they are gone through
		if o.Hash == damaged {
			keys = append(keys, o.Key)
		}
	}
	var errs []error
	for _, key := range keys {
		_, err := d.world.Kodo.Put(Avatars, kodo.Object{Key: key, Body: []byte("an avatar: " + key), PutTime: time.Now(), MimeType: "image/jpeg"})
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// Close ends the demo's processes and stand-ins.
func (d *Demo) Close() {
	d.stop()
	<-d.ended
	d.world.Close()
}

// trouble makes err one that says what it is about.
func trouble(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("the demo does not start: %s", fault.Sentence(err))
}
