package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

// child is this program once more, in a process of its own. It ends when its
// standard input does, so that it never outlives whoever started it.
type child struct {
	ctx    context.Context // of the command, which it does not outlive
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *json.Decoder
	errOut bytes.Buffer
}

// startChild starts this program with args. env nil is this process's own.
func startChild(ctx context.Context, env []string, args ...string) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("this program cannot find itself: %w", err)
	}
	c := &child{ctx: ctx, cmd: exec.CommandContext(ctx, self, args...)}
	c.cmd.Env, c.cmd.Stderr, c.cmd.WaitDelay = env, &c.errOut, 5*time.Second
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	c.out = json.NewDecoder(out)
	return c, c.cmd.Start()
}

// tell sends v to the child.
func (c *child) tell(v any) error { return json.NewEncoder(c.in).Encode(v) }

// answer reads what the child says next. If it says nothing any more, the
// error is what it complained of.
func (c *child) answer(into any) error {
	err := c.out.Decode(into)
	if err == nil {
		return nil
	}
	_ = c.in.Close()
	end := c.cmd.Wait()
	if c.ctx.Err() != nil {
		return context.Cause(c.ctx)
	}
	if said := strings.TrimPrefix(strings.TrimSpace(c.errOut.String()), "ferry: "); said != "" {
		return fmt.Errorf("%s", said)
	}
	return fmt.Errorf("it ended without an answer: %w, %v", err, end)
}

// end lets the child end and waits for it.
func (c *child) end() {
	_ = c.in.Close() // which ends it
	_ = c.cmd.Wait() // it has answered: how it ends does not matter
}
