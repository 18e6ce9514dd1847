//go:build unix

package transport

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"time"
)

// looker looks at an idle connection, as what came over it of its own accord is no answer
// to the request that follows.
type looker struct {
	plain  net.Conn // below TLS
	raw    syscall.RawConn
	secure *tls.Conn // nil without TLS
	read   func(fd uintptr) bool
	got    error // of read
	one    [1]byte

	swap func(fd uintptr) bool
	at   step
	out  []byte // of the request: what is not written yet
	in   []byte
	n    int   // bytes in in
	end  error // of swap
}

// step is how far an exchange is.
type step int

const (
	looking step = iota // at what came before the request
	writing
	reading
)

// newLooker returns nil for a connection that cannot be looked at.
func newLooker(c net.Conn) *looker {
	l := &looker{plain: c}
	if l.secure, _ = c.(*tls.Conn); l.secure != nil {
		l.plain = l.secure.NetConn()
	}
	s, ok := l.plain.(syscall.Conn)
	if !ok {
		return nil
	}
	var err error
	if l.raw, err = s.SyscallConn(); err != nil {
		return nil
	}
	l.read = func(fd uintptr) bool {
		if _, l.got = syscall.Read(int(fd), l.one[:]); l.got == nil { // a byte, or the end
			l.got = syscall.EPIPE
		}
		return true
	}
	l.swap = l.advance
	return l
}

// exchanges reports whether exchange may be called: TLS writes and reads by itself.
func (l *looker) exchanges() bool { return l.secure == nil }

// exchange writes out and waits for what comes then, which it reads into in. Where look, it
// first looks at the connection, as quiet does, and fails with errNotQuiet, nothing written.
// It enters the waiting before it writes, so that it need not try to read first, which would
// cost a system call that finds nothing. rest is what the connection did not take at once;
// then nothing was read.
func (l *looker) exchange(out, in []byte, look bool) (n int, rest []byte, err error) {
	l.at, l.out, l.in, l.n, l.end = writing, out, in, 0, nil
	if look {
		l.at = looking
	}
	err = l.raw.Read(l.swap)
	n, rest = l.n, l.out
	l.out, l.in = nil, nil
	switch op, ok := errors.AsType[*net.OpError](err); {
	case err == nil:
		err = l.end
	case ok:
		op.Op = "read" // not raw-read: it is what a read would have met
	}
	return n, rest, err
}

// advance takes an exchange as far as it can go, and reports whether that was its end.
func (l *looker) advance(fd uintptr) bool {
	for {
		var n int
		var err error
		switch l.at {
		case looking:
			switch _, err = syscall.Read(int(fd), l.one[:]); err {
			case syscall.EAGAIN:
				l.at = writing
				continue
			case syscall.EINTR:
			default: // a byte, the end, or an error
				l.end = errNotQuiet
				return true
			}
		case writing:
			switch n, err = syscall.Write(int(fd), l.out); {
			case err == syscall.EAGAIN || err == nil && n < len(l.out):
				l.out = l.out[max(0, n):]
				return true
			case err == nil:
				l.out, l.at = nil, reading
				return false
			}
		case reading:
			switch n, err = syscall.Read(int(fd), l.in); {
			case err == syscall.EAGAIN:
				return false
			case err == nil && n == 0:
				l.end = io.EOF
				return true
			case err == nil:
				l.n = n
				return true
			}
		}
		if err != syscall.EINTR {
			l.out = nil
			op := "read"
			if l.at == writing {
				op = "write"
			}
			l.end = &net.OpError{Op: op, Net: "tcp", Source: l.plain.LocalAddr(), Addr: l.plain.RemoteAddr(), Err: os.NewSyscallError(op, err)}
			return true
		}
	}
}

// quiet reports whether the connection has brought nothing since the last answer, nor its
// end; and whether the deadline of reads was lifted for that.
func (l *looker) quiet() (quiet, lifted bool) {
	err := l.raw.Read(l.read)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		lifted = true
		if err = l.plain.SetReadDeadline(time.Time{}); err == nil {
			err = l.raw.Read(l.read)
		}
	}
	if err != nil || l.got != syscall.EAGAIN {
		return false, lifted
	}
	if l.secure == nil {
		return true, lifted
	}
	return l.decrypted(), true
}

// decrypted reports whether nothing is decrypted that nobody has read.
func (l *looker) decrypted() bool {
	if err := l.secure.SetReadDeadline(time.Unix(1, 0)); err != nil { // nothing more comes from the network
		return false
	}
	n, err := l.secure.Read(l.one[:])
	return n == 0 && errors.Is(err, os.ErrDeadlineExceeded) && l.secure.SetReadDeadline(time.Time{}) == nil
}
