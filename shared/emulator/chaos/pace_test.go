package chaos

import (
	"bytes"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"
)

// one is a listener that accepts one connection.
type one struct {
	net.Listener
	conn net.Conn
}

func (l one) Accept() (net.Conn, error) { return l.conn, nil }

func TestAPacedConnectionIsHeldToItsRateEachWay(t *testing.T) {
	const rate, size = 1 << 20, 5 << 20
	for name, way := range map[string]func(near, far net.Conn) error{
		"what it takes": func(near, far net.Conn) error {
			go func() { _, _ = io.CopyN(io.Discard, far, size) }() // the other end is not what is tested
			_, err := io.Copy(near, bytes.NewReader(make([]byte, size)))
			return err
		},
		"what it brings": func(near, far net.Conn) error {
			go func() { _, _ = far.Write(make([]byte, size)) }() // likewise
			_, err := io.CopyN(io.Discard, near, size)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				here, far := net.Pipe()
				near, err := Paced(one{conn: here}, rate).Accept()
				if err != nil {
					t.Fatal(err)
				}
				begun := time.Now()
				if err := way(near, far); err != nil {
					t.Fatal(err)
				}
				want := size / rate * time.Second
				if took := time.Since(begun); took > want || took <= want-paceStep {
					t.Errorf("%d bytes took %v at %d a second, want %v, or up to %v less", size, took, rate, want, paceStep)
				}
			})
		})
	}
}

func TestWhatAPacedConnectionDidNotUseIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pace{rate: 1 << 20}
		p.pass(1 << 20)
		time.Sleep(time.Hour)
		begun := time.Now()
		p.pass(1 << 20)
		if took := time.Since(begun); took != time.Second {
			t.Errorf("a second's bytes took %v after an idle hour, want 1s", took)
		}
	})
}

func TestAConnectionWithoutARateIsLeftAlone(t *testing.T) {
	ln := one{}
	if got := Paced(ln, 0); got != net.Listener(ln) {
		t.Errorf("got %T, want the listener itself", got)
	}
}
