package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"kodoferry/shared/agent"
	"kodoferry/shared/control"
	"kodoferry/shared/faas"
	"kodoferry/shared/fault"
	"kodoferry/shared/limit/capacity"
	"kodoferry/shared/pipeline"
	"kodoferry/shared/queue"
	"kodoferry/shared/store/oss"
	"kodoferry/shared/task"
)

// Function does the tasks of one stage on a platform for functions. It is all
// that a function's main calls, and it never returns. The function of the list
// stage also begins runs on a timer whose payload names a job; that of the
// verify stage buries dead letters, and sweeps on a timer.
//
// It reads FERRY_LEDGER, FERRY_QUEUES, QINIU_ACCESS_KEY and QINIU_SECRET_KEY, or
// for sources at another S3 the variables of AWS's keys (Config);
// the keys for OSS and for queues at MNS are those of the function's role, or
// ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET; those for
// queues at SQS are AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and
// AWS_SESSION_TOKEN, which Lambda sets out of the function's role. What is
// missing or wrong fails every invocation with an error that names all of it.
func Function(stage task.Stage) {
	f := newFunction(stage, Load(os.Getenv), slog.New(faas.WithRequest(LogHandler(os.Stdout, LogLevel(os.Getenv("FERRY_LOG")), nil))))
	agent.TuneGC(f.capacity.Heap())
	o := faas.Options{Ready: f.ready, Swap: f.swap, Idle: f.closeIdle, Log: f.log}
	switch stage {
	case task.Listing:
		o.Timer = f.schedule
	case task.Verifying:
		o.Timer = f.timer
	}
	faas.Main(f.handle, o)
}

// function is one stage's function.
type function struct {
	stage  task.Stage
	config Config
	log    *slog.Logger

	capacity capacity.Capacity // of the instance
	deploy   func() (*Deployment, error)
}

func newFunction(stage task.Stage, c Config, log *slog.Logger) *function {
	// Function Compute brings the role's keys with each invocation. It also puts
	// those of an instance's start into the environment, where they grow old.
	if faas.RoleComesWithEach() {
		c.role = &role{}
	}
	f := &function{stage: stage, config: c, log: log, capacity: capacity.Function(os.Getenv)}
	f.deploy = sync.OnceValues(func() (*Deployment, error) {
		most, by := f.capacity.InFlight()
		if by != "" && stage == task.Copying {
			log.Warn("few objects are in flight", "most", most, "because", by)
		}
		return c.Deploy(log, func(p *pipeline.Config) { p.Most, p.Bodies = most, f.capacity.Bodies() })
	})
	return f
}

// ready says everything that is wrong with the configuration.
func (f *function) ready() error {
	_, err := f.deploy()
	return err
}

// swap puts the role's newest keys in place.
func (f *function) swap(c faas.Credentials) {
	if f.config.role != nil {
		f.config.role.now.Store(&oss.Credentials{AccessKeyID: c.AccessKeyID, AccessKeySecret: c.AccessKeySecret, SecurityToken: c.SecurityToken})
	}
}

func (f *function) closeIdle() {
	if d, err := f.deploy(); err == nil {
		d.CloseIdle()
	}
}

// handle does the task in a message.
func (f *function) handle(ctx context.Context, m faas.Message) error {
	d, err := f.deploy()
	if err != nil {
		return err
	}
	if early := time.Until(m.NotBefore); early > 0 {
		return d.inbox.Postpone(ctx, m.Queue, m.Body, early)
	}
	received := queue.Message{ID: m.ID, Body: m.Body, Deliveries: m.Deliveries, Sent: m.Sent}
	if f.stage == task.Verifying && m.Queue == d.dead.Name() {
		return d.inbox.Settle(ctx, m.Queue, received, d.Worker("").Bury)
	}
	return d.inbox.Settle(ctx, m.Queue, received, d.Worker(f.stage).Process)
}

// timer is a tick: the payload is how often a run's tasks may be sent again, "" or "sweep" for 30m.
func (f *function) timer(ctx context.Context, t faas.Timer) error {
	d, err := f.deploy()
	if err != nil {
		return err
	}
	every := control.SweepEvery
	if t.Payload != "" && t.Payload != "sweep" {
		if every, err = time.ParseDuration(t.Payload); err != nil || every <= 0 {
			return fmt.Errorf("timer %q: the payload %q is neither empty, sweep, nor a duration as 30m", t.Name, t.Payload)
		}
	}
	return d.SweepNow(ctx, every)
}

// schedule is a tick of a timer that begins runs: its payload names a job that
// the ledger keeps, photos or {"job":"photos"}.
func (f *function) schedule(ctx context.Context, t faas.Timer) error {
	d, err := f.deploy()
	if err != nil {
		return err
	}
	name, err := jobOf(t.Payload)
	if err != nil {
		return err
	}
	at := t.Time
	if at.IsZero() { // the event does not tell: two deliveries of one tick within a minute are still one run
		at = time.Now().Truncate(time.Minute)
	}
	_, err = d.Tick(ctx, name, at, time.Now())
	return err
}

// jobOf is the job that a timer's payload names.
func jobOf(payload string) (string, error) {
	name := strings.TrimSpace(payload)
	if strings.HasPrefix(name, "{") {
		var p struct {
			Job string `json:"job"`
		}
		if err := json.Unmarshal([]byte(name), &p); err != nil {
			return "", fault.New(fault.Invalid, "app.jobOf", "", errors.New(`the payload begins as JSON and is none: write {"job":"photos"}, or photos alone`))
		}
		name = p.Job
	}
	if name == "" {
		return "", fault.New(fault.Invalid, "app.jobOf", "", errors.New("the payload names no job: write the name of one that ferry jobs list shows, or take the timer trigger away"))
	}
	return name, nil
}
