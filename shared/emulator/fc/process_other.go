//go:build !unix

package fc

import "syscall"

const canFreeze = false // Deploy refuses what would need it

func attributes() *syscall.SysProcAttr { return nil }

func (p *process) kill()   { _ = p.cmd.Process.Kill() } // an error: it is gone already
func (p *process) freeze() {}
func (p *process) thaw()   {}
