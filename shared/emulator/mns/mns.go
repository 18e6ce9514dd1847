// Package mns is a strict stand-in for Alibaba Cloud MNS ("Simple Message
// Queue"): its queues over HTTP, for our driver and for the vendor's SDK.
// Start with Start. queue.go is a queue, direct.go what this process may do with
// it; http.go, messages.go and wire.go are its protocol; auth.go verifies who
// asks, rights.go whether their RAM policy lets them. Topics are not here.
//
// What it follows: MNS's API reference, limits and error codes, and the sources
// of its Go SDK v1.0.6. Nothing is written to disk.
package mns

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
	"kodoferry/shared/emulator/ram"
)

// Config says what to serve. The zero Config serves on a free port of the
// loopback interface, and nobody may sign.
type Config struct {
	Addr            string           // where to listen; "" is 127.0.0.1:0
	Account         string           // id of the account; "" is 1234567890123456
	AccessKeyID     string           // the first key pair; add others with AddCredential
	AccessKeySecret string           //
	Region          string           // "" is cn-hangzhou
	Seed            uint64           // of faults, ids and receipts
	Now             func() time.Time // nil is time.Now. One that jumps is told by Tick
	AnyDate         bool             // requests may be of any date: clients sign with the real time, which Now may have left behind

	// ZeroCounts tells 0 for the numbers of messages of every queue, as
	// GetQueueAttributes is announced to do (MNS page 35131, 2026-01): 0 then
	// means that the number is unknown.
	ZeroCounts bool
}

// Credential is a key pair that may sign requests.
type Credential struct {
	ID, Secret string
	Token      string    // set of temporary ones (STS): every request must carry it
	Expires    time.Time // of temporary ones; zero is never

	Policy *ram.Policy // what it may do; nil is the account's own and may do everything
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
	keys   map[string]Credential
	bad    Misbehaviour
	done   Injected

	closed chan struct{} // closed by Close
	close  func() error
}

// Start listens and serves until Close.
func Start(cfg Config) (*Server, error) {
	cfg.Account, cfg.Region = cmp.Or(cfg.Account, "1234567890123456"), cmp.Or(cfg.Region, "cn-hangzhou")
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	s := &Server{cfg: cfg, rand: rand.New(rand.NewPCG(cfg.Seed, 0x3a5)), queues: map[string]*queue{}, keys: map[string]Credential{}, closed: make(chan struct{})}
	if cfg.AccessKeyID != "" {
		s.keys[cfg.AccessKeyID] = Credential{ID: cfg.AccessKeyID, Secret: cfg.AccessKeySecret}
	}
	s.desk = chaos.NewDesk(cfg.Seed, s.refuseInjected)
	var err error
	if s.listener, err = net.Listen("tcp", cmp.Or(cfg.Addr, "127.0.0.1:0")); err != nil {
		return nil, fmt.Errorf("mns emulator: %w", err)
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

// Desk counts requests and injects faults. Operations: create, attributes,
// set-attributes, delete-queue, list, send, receive, peek, delete, visibility.
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

// name draws an id that nobody has yet.
func (s *Server) name() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return fmt.Sprintf("%016X%016X", s.rand.Uint64(), s.rand.Uint64())
}

// receiptLen is how many bytes a receipt stands for.
const receiptLen = 32

// receipt draws a receipt. Like the service's it is base64, so that a client
// which does not escape its +, / and = fails.
func (s *Server) receipt() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var b []byte
	for len(b) < receiptLen {
		b = binary.BigEndian.AppendUint64(b, s.rand.Uint64())
	}
	return base64.StdEncoding.EncodeToString(b)
}

func wellFormed(receipt string) bool {
	b, err := base64.StdEncoding.DecodeString(receipt)
	return err == nil && len(b) == receiptLen
}
