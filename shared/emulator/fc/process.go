package fc

import (
	"os"
	"os/exec"
)

// process is a child, the leader of its own process group.
type process struct {
	cmd  *exec.Cmd
	logs chan struct{} // closed when all it wrote has been copied
}

// spawn starts binary with args and env alone, in dir, and copies what it writes to log.
func (c *Cloud) spawn(binary string, args []string, dir string, env []string, log *lines) (*process, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	p := &process{cmd: exec.Command(binary, args...), logs: make(chan struct{})}
	p.cmd.Env, p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = env, dir, w, w
	p.cmd.SysProcAttr = attributes()
	started := make(chan error)
	c.starts <- func() { started <- p.cmd.Start() }
	err = <-started
	_ = w.Close() // the child has its own
	if err != nil {
		_ = r.Close()
		return nil, err
	}
	go func() {
		defer close(p.logs)
		defer func() { _ = r.Close() }()
		log.copy(r)
	}()
	return p, nil
}

// wait returns how the process ended, once it and what it started are gone
// and all they wrote is copied.
func (p *process) wait() string {
	err := p.cmd.Wait()
	p.kill() // what it started
	<-p.logs
	if err != nil {
		return err.Error() // "exit status 2", "signal: killed"
	}
	return "exit status 0"
}
