//go:build unix

package fc

import "syscall"

const canFreeze = true

func (p *process) signal(sig syscall.Signal) { _ = syscall.Kill(-p.cmd.Process.Pid, sig) } // an error: it is gone already

func (p *process) kill()   { p.signal(syscall.SIGKILL) }
func (p *process) freeze() { p.signal(syscall.SIGSTOP) }
func (p *process) thaw()   { p.signal(syscall.SIGCONT) }
