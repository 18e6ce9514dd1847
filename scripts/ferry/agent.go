package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"kodoferry/scripts/ferry/cli"
	"kodoferry/scripts/ferry/metrics"
	"kodoferry/scripts/ferry/show"
	"kodoferry/scripts/ferry/words"
	"kodoferry/shared/agent"
	"kodoferry/shared/app"
	"kodoferry/shared/limit/capacity"
	"kodoferry/shared/pipeline"
	"kodoferry/shared/task"
)

// agentOptions are the flags of `ferry agent`.
type agentOptions struct {
	ledger, queues, listen string
	stages                 []string
	tasks                  map[string]int
	parallel               string
	drain, sweep, hold     time.Duration
	health, untilEOF       bool
}

func agentCommand() *cobra.Command {
	var o agentOptions
	c := &cobra.Command{
		Use:   "agent",
		Short: "Do a deployment's tasks on this machine",
		Long: `Agent takes tasks from the queues of a deployment and does them, from any machine:
one beside the bucket, one at the end of a leased line, or several. It shares the
queues with functions and other agents, and limits hold for all of them together.
At rest it makes one request a queue and 30 s (20 s at SQS).

Stages are list, copy, verify and delete. Without --stages it serves them all,
and needs no functions beside it. With --stages copy it only moves bytes, and its
keys need not be allowed to delete. One that serves verify also buries dead
letters and looks every 5 minutes (--sweep) for tasks that were lost.

Ctrl-C or SIGTERM drains it: it receives nothing more, hands over what it has not
begun, gives the rest the time that --drain says, and returns to the queues what
is not done by then. It exits with 0. A second Ctrl-C ends it at once, and so may
anything else: a task that was cut off is delivered again within 2 minutes (--hold; if it
had only just begun, when the queue's own visibility ends), and what it had
copied is found and not copied again.

With --listen it answers /healthz (200, or 503 while a queue cannot be read) and
/metrics for Prometheus. Both tell everybody who asks: keep the port inside.

The log goes to standard error as lines of JSON; FERRY_LOG=debug has one a task.
infra/agent holds a systemd unit and a Dockerfile.`,
		Example: `  export FERRY_LEDGER='oss://my-ledger/.ferry/?region=cn-hangzhou'
  export FERRY_QUEUES='mns://1234567890123456/ferry-?region=cn-hangzhou'
  ferry agent
  ferry agent --stages copy --tasks copy=8 --parallel 128 --listen 127.0.0.1:9464
  ferry agent --health --listen 127.0.0.1:9464`,
		Args: cli.Exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			if o.health {
				return askHealth(c.Context(), o.listen, c.OutOrStdout())
			}
			ctx := c.Context()
			if o.untilEOF {
				ctx = cli.UntilEOF(ctx, c.InOrStdin())
			}
			return runAgent(ctx, o, c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	o.add(c)
	return c
}

func (o *agentOptions) add(c *cobra.Command) {
	work := pflag.NewFlagSet("", pflag.ContinueOnError)
	work.StringSliceVar(&o.stages, "stages", nil, "serve these `STAGES` only: list, copy, verify, delete")
	work.StringToIntVar(&o.tasks, "tasks", nil, "how many tasks of a stage at the same time, as `copy=8,list=4` (default: list=2,copy=4,verify=2,delete=1)")
	work.StringVar(&o.parallel, "parallel", "auto", "objects in flight at the same time, over all runs, a `NUMBER` from 1 to 4096; auto is as many as the runs' jobs say, or as are best; of one run at most what its job says")
	work.DurationVar(&o.drain, "drain", defaultDrain, "how long tasks may go on after Ctrl-C or SIGTERM, up to 5m")
	work.DurationVar(&o.sweep, "sweep", defaultSweep, "how often an agent that serves verify looks for tasks that were lost, 100ms to 1h; what has been silent for about 4 of these times is sent again")
	work.DurationVar(&o.hold, "hold", defaultHold, "how late a task is delivered again whose agent died, 5s to 1h: each task under way costs a request in half that time")
	work.StringVar(&o.listen, "listen", "", "answer /healthz and /metrics at this `HOST:PORT` (default: nowhere)")
	work.BoolVar(&o.health, "health", false, "ask the agent at --listen whether it is well, and exit with 0 or 1")
	work.BoolVar(&o.untilEOF, "until-eof", false, "end when standard input does, as it does with the program that holds its other end")
	_ = work.MarkHidden("until-eof") // it is defined above
	where := pflag.NewFlagSet("", pflag.ContinueOnError)
	where.StringVar(&o.ledger, "ledger", os.Getenv("FERRY_LEDGER"), "the deployment's ledger: oss://bucket/prefix/?region=… (default: FERRY_LEDGER)")
	where.StringVar(&o.queues, "queues", os.Getenv("FERRY_QUEUES"), "the deployment's queues: mns://account/prefix?region=… (default: FERRY_QUEUES)")
	cli.Group(c, cli.FlagGroup{Title: "What it does", Flags: work}, cli.FlagGroup{Title: "The deployment", Flags: where})
}

const (
	// defaultDrain leaves 10 of the 30 s in which an agent ends for what is about
	// messages: letting go of them, and the last answers of the queues.
	defaultDrain = 20 * time.Second
	maxDrain     = 5 * time.Minute

	defaultHold        = 2 * time.Minute
	minHold, maxHold   = 5 * time.Second, time.Hour
	defaultSweep       = 5 * time.Minute
	minSweep, maxSweep = 100 * time.Millisecond, time.Hour
)

// asked is what the flags ask for. Its error names every mistake.
func (o agentOptions) asked() (map[task.Stage]int, error) {
	var errs []error
	stages, err := agent.Stages(o.stages)
	errs = append(errs, err)
	tasks := agent.DefaultTasks(stages...)
	for name, n := range o.tasks {
		switch s := task.Stage(name); {
		case !slices.Contains(task.Stages[:], s):
			errs = append(errs, fmt.Errorf("--tasks %s=%d: there is no stage %q", name, n, name))
		case err == nil && !slices.Contains(stages, s):
			errs = append(errs, fmt.Errorf("--tasks %s=%d: --stages leaves that stage out", name, n))
		case n < 1 || n > maxTasks:
			errs = append(errs, fmt.Errorf("--tasks %s=%d: write 1 to %d", name, n, maxTasks))
		default:
			tasks[s] = n
		}
	}
	if _, err := o.slots(); err != nil {
		errs = append(errs, err)
	}
	if o.drain < 0 || o.drain > maxDrain {
		errs = append(errs, fmt.Errorf("--drain %s: write 0s to %s", o.drain, maxDrain))
	}
	if o.sweep < minSweep || o.sweep > maxSweep {
		errs = append(errs, fmt.Errorf("--sweep %s: write 100ms to 1h", o.sweep))
	}
	if o.hold < minHold || o.hold > maxHold {
		errs = append(errs, fmt.Errorf("--hold %s: write 5s to 1h", o.hold))
	}
	return tasks, errors.Join(errs...)
}

// slots is how many objects --parallel says, 0 for auto.
func (o agentOptions) slots() (int, error) {
	if o.parallel == "auto" {
		return 0, nil
	}
	n, err := strconv.Atoi(o.parallel)
	if err != nil || n < 1 || n > maxParallel {
		return 0, fmt.Errorf("--parallel %s: write auto, or a number from 1 to %d", o.parallel, maxParallel)
	}
	return n, nil
}

// More of them would be a mistake in a digit.
const maxTasks, maxParallel = 256, 4096

// capacity is what this process is to have for so many tasks, by stage, and what --parallel says. The
// error is that it does not.
func (o agentOptions) capacity(tasks map[task.Stage]int) (has capacity.Capacity, slots int, err error) {
	n := 0
	for _, t := range tasks {
		n += t
	}
	if slots, err = o.slots(); err != nil {
		return has, 0, nil // asked says so
	}
	has = agent.CapacityOf(n, slots)
	return has, slots, has.Check(slots)
}

// runAgent serves until ctx ends. A clean end is no error.
func runAgent(ctx context.Context, o agentOptions, out, errOut io.Writer) error {
	log := slog.New(app.LogHandler(errOut, app.LogLevel(os.Getenv("FERRY_LOG")), nil))
	m := metrics.New()
	cfg := app.Load(os.Getenv)
	cfg.LedgerAt, cfg.QueuesAt = o.ledger, o.queues
	tasks, err := o.asked()
	has, slots, cerr := o.capacity(tasks)
	most, _ := has.InFlight()
	d, derr := cfg.Deploy(log, func(c *pipeline.Config) {
		c.Watch, c.Slots, c.Most, c.Bodies = m.Watch, slots, max(slots, most), has.Bodies()
	})
	if err := errors.Join(err, cerr, derr); err != nil {
		return cli.Usage(err)
	}
	stages := inOrder(tasks)
	checked, cancel := context.WithTimeout(ctx, cli.CheckTime)
	err = d.Ready(checked, stages...)
	cancel()
	if err != nil {
		return cli.Misconfigured(err)
	}
	if o.listen != "" {
		server, err := metrics.Serve(o.listen, m)
		if err != nil {
			return cli.Usage(err)
		}
		defer func() { _ = server.Close() }()
	}
	if err := show.Print(out, o.begins(tasks, stages, has)); err != nil {
		return err
	}
	told := context.AfterFunc(ctx, func() {
		_ = show.Print(out, show.Sentence("agent.stopping", show.Count("tasks", m.Running()), o.drain)) // a failed write stops nothing
	})
	defer told()
	began := time.Now()
	d.Serve(ctx, agent.Options{Tasks: tasks, Capacity: has, Drain: o.drain, Sweep: o.sweep, Hold: o.hold, Doer: m.Count, Answered: m.Answered})
	did, objects, bytes := m.Sum()
	return show.Print(out, show.Sentence("agent.stopped", show.Span(time.Since(began)), show.Count("tasks", did), show.Count("objects", objects), words.Size(bytes)))
}

// begins says in a line what the agent does.
func (o agentOptions) begins(tasks map[task.Stage]int, stages []task.Stage, has capacity.Capacity) string {
	var what []string
	for _, s := range stages {
		what = append(what, show.Sentence("agent.stage", s, tasks[s]))
	}
	queues, _, _ := strings.Cut(o.queues, "?")
	ledger, _, _ := strings.Cut(o.ledger, "?")
	text := show.Sentence("agent.begins", strings.Join(what, show.Sentence("comma")), queues, ledger)
	if most, by := has.InFlight(); by != "" {
		text += show.Sentence("agent.most", most, show.Translated(by))
	}
	if o.listen != "" {
		text += show.Sentence("semicolon") + "http://" + o.listen + "/metrics"
	}
	return text + show.Sentence("agent.drains")
}

// inOrder is the stages that tasks has, in the order of the data.
func inOrder(tasks map[task.Stage]int) (stages []task.Stage) {
	for _, s := range task.Stages {
		if tasks[s] > 0 {
			stages = append(stages, s)
		}
	}
	return stages
}
