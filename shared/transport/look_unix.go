//go:build unix

package transport

import (
	"crypto/tls"
	"errors"
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
}

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
	return l
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
