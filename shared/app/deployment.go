package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"kodoferry/shared/agent"
	"kodoferry/shared/alert/alerting"
	"kodoferry/shared/check"
	"kodoferry/shared/faas"
	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/live"
	"kodoferry/shared/ledger/sent"
	"kodoferry/shared/pipeline"
	"kodoferry/shared/queue"
	"kodoferry/shared/store"
	"kodoferry/shared/store/oss"
	"kodoferry/shared/task"
	"kodoferry/shared/worker"
)

// Deployment is what the processes of a deployment share: a ledger, and a queue
// for each stage and for dead letters. It reaches whatever buckets a job names.
// It is safe for concurrent use.
type Deployment struct {
	config   Config
	ledger   *ledger.Ledger
	pipeline *pipeline.Pipeline
	queues   map[task.Stage]stageQueue
	dead     stageQueue
	doer     *alerting.Doer // does the tasks: the pipeline, and alerts of what it does
	inbox    *agent.Queues  // the queues, as messages are received from them
	at       job.Location   // of the ledger
	log      *slog.Logger

	idle    []connected // the ledger and the queues
	sources clients[source]
	targets clients[*oss.Bucket]
}

// connected is what has connections of its own.
type connected interface{ CloseIdle() }

// Deploy opens the deployment that the environment names. It makes no request.
// Each set changes how this process does its tasks. Its error names every
// mistake at once.
func (c Config) Deploy(log *slog.Logger, set ...func(*pipeline.Config)) (*Deployment, error) {
	at, lerr := location("FERRY_LEDGER", c.LedgerAt, job.OSS)
	queues, qerr := location("FERRY_QUEUES", c.QueuesAt, job.MNS, job.SQS)
	wait, werr := c.pause()
	missing := c.Missing(defaultSource(c), job.Location{Scheme: job.OSS}, queues)
	if err := errors.Join(lerr, qerr, werr, missing); err != nil {
		return nil, err
	}
	d := &Deployment{config: c, queues: map[task.Stage]stageQueue{}, at: at, log: log}
	bucket, err := openOSS(c, at, opening{})
	if err != nil {
		return nil, err
	}
	d.ledger = ledger.Open(bucket, at.Prefix)
	d.idle = append(d.idle, bucket)
	for _, s := range task.Stages {
		q, err := openQueue(c, queues, string(s), log)
		if err != nil {
			return nil, err
		}
		d.queues[s] = q
		d.idle = append(d.idle, q)
	}
	if d.dead, err = openQueue(c, queues, deadQueue, log); err != nil {
		return nil, err
	}
	d.idle = append(d.idle, d.dead)
	how := pipeline.Config{Ledger: d.ledger, Log: log, Open: d.open, Closed: d.closed, Pause: wait, Shared: true, WorkEvery: live.WorkEvery}
	if !inFunction(c.getenv) {
		how.Host, _ = os.Hostname() // "" is of a machine that has no name
		how.PID = os.Getpid()
	}
	d.assemble(how, set)
	return d, nil
}

// inFunction reports whether this process is an instance of a function.
func inFunction(getenv func(string) string) bool {
	return faas.Custom(os.Args[1:]) != "" || getenv != nil && (getenv("FC_RUNTIME_API") != "" || getenv("AWS_LAMBDA_RUNTIME_API") != "")
}

// defaultSource returns the scheme that a deployment reads from as far as its keys tell,
// before any job does: Kodo, unless c has none of Kodo's keys, but those of another S3.
func defaultSource(c Config) job.Location {
	if c.KodoAccessKey == "" && c.KodoSecretKey == "" && c.AWSAccessKeyID != "" && c.AWSSecretAccessKey != "" {
		return job.Location{Scheme: job.S3}
	}
	return job.Location{Scheme: job.Kodo}
}

// QueueNames end the names of a deployment's queues: one for each stage, one
// for dead letters.
var QueueNames = []string{string(task.Listing), string(task.Copying), string(task.Verifying), string(task.Deleting), deadQueue}

// deadQueue ends the name of the queue for dead letters; those of the others
// end in their stage.
const deadQueue = "dead"

// location reads the location in an environment variable, which is at one of
// the services named.
func location(name, value string, schemes ...string) (job.Location, error) {
	var examples []string
	for _, s := range schemes {
		examples = append(examples, example[s])
	}
	as := strings.Join(examples, " or ")
	if value == "" {
		return job.Location{}, fault.New(fault.Invalid, "environment", name, fmt.Errorf("%s is not set: write %s", name, as))
	}
	l, err := job.ParseLocation(value)
	switch {
	case !strings.Contains(value, "://"):
		return l, fault.New(fault.Invalid, "environment", name, fmt.Errorf("%s: this is no location: write %s", name, as))
	case err != nil:
		return l, fault.New(fault.Invalid, "environment", name, fmt.Errorf("%s: %w", name, err))
	case !slices.Contains(schemes, l.Scheme):
		return l, fault.New(fault.Invalid, "environment", name, fmt.Errorf("%s names no %s:// location: write %s", name, strings.Join(schemes, ":// or "), as))
	}
	return l, nil
}

var example = map[string]string{
	job.OSS: "oss://my-ledger/.ferry/?region=cn-hangzhou&endpoint=internal",
	job.MNS: "mns://1234567890123456/ferry-?region=cn-hangzhou&endpoint=internal",
	job.SQS: "sqs://123456789012/ferry-?region=eu-central-1",
}

func (c Config) pause() (time.Duration, error) {
	if c.Pause == "" {
		return 0, nil // the pipeline's own
	}
	d, err := time.ParseDuration(c.Pause)
	if err != nil || d <= 0 {
		return 0, fault.New(fault.Invalid, "environment", "FERRY_PAUSE", fmt.Errorf("FERRY_PAUSE is %q: write a duration as 30s, or leave it out", c.Pause))
	}
	return d, nil
}

// open connects to a job's buckets. A target that names no endpoint and lies in
// the ledger's region is reached as the ledger is: so a run can be started from
// anywhere, and functions work over the region's own network.
func (d *Deployment) open(_ context.Context, j job.Job) (store.Source, pipeline.Target, error) {
	if j.Target.Endpoint == "" && j.Target.Region == d.at.Region && d.at.Endpoint == "internal" {
		j.Target.Endpoint = d.at.Endpoint
	}
	how := opening{leastRate: j.Limits.LeastRate, recheck: true, spread: true}
	src, serr := d.sources.open(way{j.Source, how.leastRate}, func() (source, error) { return openSource(d.config, j.Source, how) })
	dst, derr := d.targets.open(way{j.Target, how.leastRate}, func() (*oss.Bucket, error) { return openOSS(d.config, j.Target, how) })
	if err := errors.Join(serr, derr); err != nil {
		if serr == nil {
			d.sources.close(src)
		}
		if derr == nil {
			d.targets.close(dst)
		}
		return nil, nil, fault.New(fault.Invalid, "app.open", j.Name, err)
	}
	return src, dst, nil
}

// closed lets go of what open returned.
func (d *Deployment) closed(src store.Source, dst pipeline.Target) {
	if s, ok := src.(source); ok {
		d.sources.close(s)
	}
	if b, ok := dst.(*oss.Bucket); ok {
		d.targets.close(b)
	}
}

// Check asks the deployment's queues and ledger and the buckets of j, all at
// once, and returns everything that is wrong.
func (d *Deployment) Check(ctx context.Context, j job.Job) error {
	checks := []func(context.Context) error{d.ledger.Check, d.dead.Check}
	for _, q := range d.queues {
		checks = append(checks, q.Check)
	}
	src, serr := openSource(d.config, j.Source, opening{spread: true})
	dst, derr := openOSS(d.config, j.Target, opening{})
	if err := errors.Join(serr, derr); err != nil {
		return err
	}
	return check.All(ctx, append(checks, src.Check, dst.Check))
}

// CloseIdle closes connections that no request uses, as after an instance was frozen.
func (d *Deployment) CloseIdle() {
	for _, c := range d.idle {
		c.CloseIdle()
	}
	d.sources.closeIdle()
	d.targets.closeIdle()
}

// Worker returns what does the tasks of one stage, of all if it is "".
func (d *Deployment) Worker(stage task.Stage) *worker.Worker {
	w := &worker.Worker{
		Doer: d.doer, Stage: stage, Marks: sent.Of(d.ledger), Chains: sent.Of(d.ledger), Log: d.log,
		Attempts: job.DefaultLimits().Attempts, Pause: d.pipeline.Pause(), Send: map[task.Stage]queue.Sender{},
	}
	for s, q := range d.queues {
		w.Send[s] = q
	}
	return w
}

// Queue is the queue of a stage.
func (d *Deployment) Queue(s task.Stage) queue.Queue { return d.queues[s] }

// Ledger is where the deployment keeps its runs.
func (d *Deployment) Ledger() *ledger.Ledger { return d.ledger }
