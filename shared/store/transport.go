package store

import (
	"net/http"
	"time"

	"kodoferry/shared/transport"
)

// ErrStalled is why a connection was given up on which nothing moved, or hardly anything.
var ErrStalled = transport.ErrStalled

// NewTransport returns a transport of a driver's own, which is transport.New's. least
// is the least rate of a body; who names none gets transport.Least.
func NewTransport(answer, silence, idle time.Duration, least ...transport.Rate) *http.Transport {
	rate := transport.Least
	for _, r := range least {
		rate = r
	}
	return transport.New(answer, silence, idle, rate)
}
