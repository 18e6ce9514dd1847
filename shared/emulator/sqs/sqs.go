// Package sqs is a strict stand-in for Amazon SQS: its standard queues over
// HTTP in the AWS JSON 1.0 protocol, for our driver and for the vendor's SDK.
// Start with Start. queue.go is a queue, direct.go what this process may do with
// it; http.go, messages.go and admin.go are its protocol; auth.go verifies who
// asks. FIFO queues, encryption and policies are not here.
//
// What it follows: the API reference of SQS (2012-11-05), its developer guide's
// quotas, and the sources of the Go SDK's service/sqs v1.52.10. Nothing is written to disk.
package sqs

import (
	"cmp"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"kodoferry/shared/emulator/chaos"
)

// Config says what to serve. The zero Config serves on a free port of the
// loopback interface, and nobody may sign.
type Config struct {
	Addr            string           // where to listen; "" is 127.0.0.1:0
	Account         string           // id of the account; "" is 123456789012
	AccessKeyID     string           // the first key pair; add others with AddCredential
	SecretAccessKey string           //
	Region          string           // "" is us-east-1
	Seed            uint64           // of faults, ids and receipts
	Now             func() time.Time // nil is time.Now. One that jumps is told by Tick
	SignedBy        func() time.Time // the clock that signatures are held against; nil is Now
}

// Credential is a key pair that may sign requests.
type Credential struct {
	ID, Secret string
	Token      string    // set of temporary ones (STS): every request must carry it
	Expires    time.Time // of temporary ones; zero is never
}

// Server is a running stand-in. It is safe for concurrent use.
type Server struct {
	cfg      Config
	desk     *chaos.Desk
	listener net.Listener
	http     *http.Server

	mu     sync.Mutex
	rand   *rand.Rand
	queues map[string]*queue
	gone   map[string]time.Time // when queues were deleted, of the last minute
	keys   map[string]Credential
	bad    Misbehaviour
	done   Injected

	closed chan struct{} // closed by Close
	close  func() error
}

// Start listens and serves until Close.
func Start(cfg Config) (*Server, error) {
	cfg.Account, cfg.Region = cmp.Or(cfg.Account, "123456789012"), cmp.Or(cfg.Region, "us-east-1")
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.SignedBy == nil {
		cfg.SignedBy = cfg.Now
	}
	s := &Server{cfg: cfg, rand: rand.New(rand.NewPCG(cfg.Seed, 0x595)), queues: map[string]*queue{}, gone: map[string]time.Time{}, keys: map[string]Credential{}, closed: make(chan struct{})}
	if cfg.AccessKeyID != "" {
		s.keys[cfg.AccessKeyID] = Credential{ID: cfg.AccessKeyID, Secret: cfg.SecretAccessKey}
	}
	s.desk = chaos.NewDesk(cfg.Seed, s.refuseInjected)
	var err error
	if s.listener, err = net.Listen("tcp", cmp.Or(cfg.Addr, "127.0.0.1:0")); err != nil {
		return nil, fmt.Errorf("sqs emulator: %w", err)
	}
	s.http = &http.Server{Handler: s, ReadHeaderTimeout: time.Minute}
	s.close = sync.OnceValue(func() error {
		close(s.closed)
		return s.http.Close()
	})
	go func() { _ = s.http.Serve(s.listener) }() // ends with Close
	return s, nil
}

// Close ends every connection and every wait for a message.
func (s *Server) Close() error { return s.close() }

// Endpoint is where it serves, as http://127.0.0.1:port.
func (s *Server) Endpoint() string { return chaos.URL(s.listener.Addr()) }

// Account is the id of the account that owns the queues.
func (s *Server) Account() string { return s.cfg.Account }

// Region is where the queues are.
func (s *Server) Region() string { return s.cfg.Region }

// Desk counts requests and injects faults. Operations: create, url, attributes,
// set-attributes, delete-queue, purge, list, send, receive, delete, visibility;
// those of a batch count as the same of one message.
func (s *Server) Desk() *chaos.Desk { return s.desk }

// AddCredential lets c sign, too.
func (s *Server) AddCredential(c Credential) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys[c.ID] = c
}

// Tick tells those who wait for messages that Config.Now has jumped.
func (s *Server) Tick() {
	s.mu.Lock()
	queues := slices.Collect(maps.Values(s.queues))
	s.mu.Unlock()
	for _, q := range queues {
		q.mu.Lock()
		q.wake()
		q.mu.Unlock()
	}
}

// Misbehaviour is how a queue that delivers at least once, in no order, may
// behave: the shares, 0 to 1, of messages that are treated so.
type Misbehaviour struct {
	Duplicate float64       // received, and there to be received once more under the same id
	Reorder   float64       // received before those that were sent earlier
	Refuse    float64       // refused with InternalError when sent: of a batch, that entry alone
	Lose      float64       // lost after a good answer to who sent them
	Late      float64       // not to be received before LateBy has passed
	LateBy    time.Duration //
}

// Injected counts what Misbehave did.
type Injected struct{ Duplicated, Reordered, Refused, Lost, Late int }

// Misbehave makes every queue behave so from now on.
func (s *Server) Misbehave(m Misbehaviour) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bad = m
}

// Injected returns what was done so far.
func (s *Server) Injected() Injected {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.done
}

// chance draws whether a share is hit, and counts it.
func (s *Server) chance(share func(Misbehaviour) float64, count func(*Injected) *int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := share(s.bad); p == 0 || s.rand.Float64() >= p {
		return false
	}
	*count(&s.done)++
	return true
}

func (s *Server) lateBy() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bad.LateBy
}

// name draws an id that nobody has yet, in the shape of a UUID.
func (s *Server) name() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, b := s.rand.Uint64(), s.rand.Uint64()
	return fmt.Sprintf("%08x-%04x-%04x-%04x-%012x", a>>32, a>>16&0xffff, a&0xffff, b>>48, b&0xffffffffffff)
}

// receiptLen is how many bytes of a receipt are random; the id of its message
// follows them.
const receiptLen = 48

// receipt draws a receipt for a message. Like the service's it is base64.
func (s *Server) receipt(id string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var b []byte
	for len(b) < receiptLen {
		b = binary.BigEndian.AppendUint64(b, s.rand.Uint64())
	}
	return base64.StdEncoding.EncodeToString(append(b, id...))
}

func wellFormed(receipt string) bool {
	b, err := base64.StdEncoding.DecodeString(receipt)
	return err == nil && len(b) > receiptLen
}
