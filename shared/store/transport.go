package store

import (
	"net/http"
	"time"

	"kodoferry/shared/transport"
)

// ErrStalled is why a connection was given up on which nothing moved, or hardly anything.
var ErrStalled = transport.ErrStalled

// AtLeast is the least rate of so many bytes a second; 0: transport.Least's.
func AtLeast(bytes int64) transport.Rate {
	rate := transport.Least
	if bytes > 0 {
		rate.Bytes = bytes
	}
	return rate
}

// NewTransport returns a transport of a driver's own, which is transport.New's. least
// is the least rate of a body; who names none gets transport.Least.
func NewTransport(answer, silence, idle time.Duration, least ...transport.Rate) *http.Transport {
	rate := transport.Least
	for _, r := range least {
		rate = r
	}
	return transport.New(answer, silence, idle, rate)
}
