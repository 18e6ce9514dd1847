package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"strings"

	"kodoferry/shared/agent"
	"kodoferry/shared/faas"
	"kodoferry/shared/fault"
)

// pullers is how many invocations pull at the same time unless the environment says
// otherwise: a tenth of the instances that an account has.
const pullers = 10

// Pull is the function that a timer starts and that then works as an agent
// does, for most of its invocation. It is all that its main calls, and it never
// returns. It is for accounts where event streams are too narrow or 5 minutes
// too short. The timer's payload names the stages to serve, as "copy" or
// "list,copy"; empty is all of them.
//
// A timer starts one invocation a tick. Each ends at once where there is nothing
// to do or FERRY_PULL_INSTANCES are at work already. Otherwise it reads what
// Function reads.
func Pull() {
	f := newFunction("", Load(os.Getenv), slog.New(faas.WithRequest(LogHandler(os.Stdout, LogLevel(os.Getenv("FERRY_LOG")), nil))))
	faas.Main(noMessages, faas.Options{Ready: f.readyToPull, Swap: f.swap, Idle: f.closeIdle, Log: f.log, Timer: f.pull})
}

func noMessages(context.Context, faas.Message) error {
	return errors.New("this function receives its messages itself: take the stream away from it and give it a timer")
}

// pulls is how many may pull at the same time.
func (c Config) pulls() (int, error) {
	if c.Pullers == "" {
		return pullers, nil
	}
	n, err := strconv.Atoi(c.Pullers)
	if err != nil || n < 1 {
		return 0, fault.New(fault.Invalid, "environment", "FERRY_PULL_INSTANCES", fmt.Errorf("FERRY_PULL_INSTANCES is %q: write a whole number from 1, or leave it out", c.Pullers))
	}
	return n, nil
}

func (f *function) readyToPull() error {
	_, err := f.config.pulls()
	return errors.Join(f.ready(), err)
}

// pull is a tick.
func (f *function) pull(ctx context.Context, t faas.Timer) error {
	d, derr := f.deploy()
	most, merr := f.config.pulls()
	stages, serr := agent.Stages(strings.FieldsFunc(t.Payload, func(r rune) bool { return r == ',' || r == ' ' }))
	if err := errors.Join(derr, merr, serr); err != nil {
		return err
	}
	done, err := d.Pull(ctx, most, stages...)
	f.log.InfoContext(ctx, "pull ended", "tasks", done)
	return err
}
