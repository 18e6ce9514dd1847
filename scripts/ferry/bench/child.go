package bench

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

// child is this program in a process of its own. It ends when its standard input
// does, so that it never outlives the process that started it.
type child struct {
	ctx    context.Context // its end kills the process
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *json.Decoder
	errOut bytes.Buffer
}

// startChild starts this program with args. A nil env is this process's own.
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

// send writes v to the standard input of the child, as JSON.
func (c *child) send(v any) error { return json.NewEncoder(c.in).Encode(v) }

// receive reads the next JSON value of the child's standard output. Where there is
// none, the error is the cause of the end of the context, or what the child wrote to its
// standard error.
func (c *child) receive(into any) error {
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

// end ends the child and waits for it.
func (c *child) end() {
	_ = c.in.Close() // which ends it
	_ = c.cmd.Wait() // its exit code does not matter: everything was received
}
