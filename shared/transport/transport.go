// Package transport is what drivers send HTTP/1.1 over: net/http's transport over
// connections of its own, which are given up where nothing moves, or hardly
// anything; which read answers whose head net/http would refuse for one line; and
// which are dropped where more comes than was announced. It knows no service. Every
// client is made here: by https it speaks TLS 1.2 at least, to the host whose name
// was asked for. Start with New.
//
//	transport.go New, Rate, Once
//	tunnel.go    https, and the way to it through a proxy
//	conn.go      one connection: deadlines, rates
//	answers.go   where an answer ends, and what follows it
//	head.go      the lines of a head, and those that the grammar refuses
//	direct.go    small requests, sent without net/http's goroutines
//	link.go      one of them, and its answer, over one connection
//	watch.go     the end of a request's context, which aborts it
//	parse.go     the head of an answer, where it is of the usual kind
//	shelf.go     the connections that are idle
//	scarce.go    what is done where there are no descriptors for more
//	look_*.go    whether something came over one meanwhile, and a request with its wait
package transport

import (
	"context"
	"crypto/tls"
	"math"
	"net"
	"net/http"
	"net/url"
	"time"
)

// Rate is the least that must come, or be taken, while it is waited for. The zero
// Rate asks for nothing.
type Rate struct {
	Bytes  int64         // a second
	Window time.Duration // of waiting, over which they are counted
}

// Least is the Rate of who names none: a hundredth of what a line of 1 Mbit/s
// carries. With 64 transfers over such a line each has twice as much.
var Least = Rate{Bytes: 1 << 10, Window: 30 * time.Second}

// Once returns a transport for single requests that are minutes apart: it keeps no
// connection, for an instance may be frozen until the next. Dialing may take dial.
func Once(dial time.Duration) *http.Transport {
	return &http.Transport{
		Proxy: http.ProxyFromEnvironment, DialContext: (&net.Dialer{Timeout: dial}).DialContext,
		TLSClientConfig: secure(), TLSHandshakeTimeout: 10 * time.Second, MaxResponseHeaderBytes: maxHead, DisableKeepAlives: true,
	}
}

// secure is how every connection is encrypted. The name of the host is verified by
// the roots of the machine.
func secure() *tls.Config { return &tls.Config{MinVersion: tls.VersionTLS12} }

// Secure returns how to speak TLS to host, whose name is verified, where another protocol
// than HTTP is spoken over it.
func Secure(host string) *tls.Config {
	c := secure()
	c.ServerName = host
	return c
}

// maxHead is the most bytes of an answer's head.
const maxHead = 1 << 20

// New returns a transport. HTTP/1.1, because each of 64 parallel transfers then
// has a connection, and so a window, of its own: over HTTP/2 they would share one
// connection's flow control. A host fails that does not answer a dial in 10 s, or
// does not begin to answer a request within answer of its end. A connection is
// given up, with ErrStalled, if nothing comes for silence, or if what is written
// to it is not taken for so long; and amid an answer, or a request, if less moves
// than least while a Read or a Write waits for it: a caller that reads slowly, or
// writes seldom, as within a limit of bandwidth, does not wait for the other side. It is kept for idle at
// most: less than the service keeps it. silence is longer than answer and idle, by
// a tenth at least. Content comes and goes as it is stored, not compressed.
//
// Header lines that net/http refuses are left out of the answer; Refused returns
// them. Where more comes than an answer announced, the connection is closed, and
// net/http, which would print such bytes to the log, does not see them.
//
// Proxies are those of the environment. A tunnel for https is asked for here, and
// not by net/http, so that all of this holds behind one, too; but for SOCKS, whose
// tunnels are net/http's.
//
// An idle connection is kept whatever their number, as long as there are descriptors: who bounds the requests in flight
// bounds these, and one that is closed costs a handshake. Each holds two buffers, 20 KiB
// of them here: 16 KiB hold the head and the body of a small object's answer, which then
// come in one system call; larger bodies are read past the buffer.
//
// The time of an answer is net/http's to measure: it sends a GET again, and
// again, whose idle connection merely fails. That of the rest is the
// connection's: a timer and a context for each body took more.
func New(answer, silence, idle time.Duration, least Rate) *http.Transport {
	return newTransport(answer, silence, idle, least, http.ProxyFromEnvironment)
}

func newTransport(answer, silence, idle time.Duration, least Rate, proxy func(*http.Request) (*url.URL, error)) *http.Transport {
	dialer := &dialer{(&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	t := &http.Transport{
		Proxy: func(r *http.Request) (*url.URL, error) {
			by, err := proxy(r)
			if by != nil && r.URL.Scheme == "https" && tunnels(by) {
				return nil, err // DialTLSContext asks it
			}
			return by, err
		},
		TLSClientConfig: secure(), TLSHandshakeTimeout: 10 * time.Second,
		ResponseHeaderTimeout: answer, MaxResponseHeaderBytes: maxHead,
		ExpectContinueTimeout: time.Second, // then the body goes out all the same
		MaxIdleConnsPerHost:   math.MaxInt, IdleConnTimeout: idle, DisableCompression: true,
		ReadBufferSize: 16 << 10, Protocols: protocols,
	}
	t.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := dialer.DialContext(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return newConn(c, silence, least), nil
	}
	t.DialTLSContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		by, err := proxy(&http.Request{URL: &url.URL{Scheme: "https", Host: addr}})
		if err != nil {
			return nil, err
		}
		d := &secureDialer{dialer, t.TLSClientConfig, t.TLSHandshakeTimeout}
		var c net.Conn
		if by != nil && tunnels(by) {
			c, err = d.tunnel(ctx, by, addr)
		} else {
			c, err = dialer.DialContext(ctx, network, addr)
		}
		if err != nil {
			return nil, err
		}
		if c, err = d.shake(ctx, c, addr); err != nil {
			return nil, err
		}
		return newConn(c, silence, least), nil
	}
	made.add(t)
	return t
}
