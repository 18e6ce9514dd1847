// Package sqs is a strict stand-in for Amazon SQS: its standard queues over
// HTTP in the AWS JSON 1.0 protocol, for our driver and for the vendor's SDK.
// Start with Start. Package pile has its queues, direct.go what this process may do with
// them; http.go, messages.go and admin.go are its protocol; auth.go verifies who
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
	"math/rand/v2"
	"sync"
	"time"

	"kodoferry/shared/emulator/chaos"
	"kodoferry/shared/emulator/pile"
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

// Attributes, Depth, Misbehaviour and Injected are those of every stand-in for queues.
type (
	Attributes   = pile.Attributes
	Depth        = pile.Depth
	Misbehaviour = pile.Misbehaviour
	Injected     = pile.Injected
)

// Server is a running stand-in. It is safe for concurrent use.
// Operations of its Desk: create, url, attributes, set-attributes, delete-queue, purge, list,
// send, receive, delete, visibility; those of a batch count as the same of one message.
type Server struct {
	pile.Front
	cfg    Config
	desk   *chaos.Desk
	queues *pile.Service

	mu   sync.Mutex
	gone map[string]time.Time // when queues were deleted, of the last minute
	keys map[string]Credential
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
	s := &Server{cfg: cfg, gone: map[string]time.Time{}, keys: map[string]Credential{}}
	if cfg.AccessKeyID != "" {
		s.keys[cfg.AccessKeyID] = Credential{ID: cfg.AccessKeyID, Secret: cfg.SecretAccessKey}
	}
	s.desk = chaos.NewDesk(cfg.Seed, s.refuseInjected)
	// SQS deletes by the receipt of the last delivery, even a message that is visible again;
	// hides one for up to 12 hours since it was received; and counts a dead letter's retention
	// from when it was sent first (SQS developer guide, "Dead-letter queues").
	rules := pile.Rules{Name: "sqs", ID: id, Receipt: receipt, Lasting: true, Aged: true, MaxHeld: maxVisibility,
		CheckName: checkName, MaxSize: maxSize, CheckBody: checkBody, Remove: remove, NoQueue: errNoQueue}
	var err error
	if s.queues, err = pile.New(cfg.Addr, rules, rand.New(rand.NewPCG(cfg.Seed, 0x595)), cfg.Now); err != nil {
		return nil, err
	}
	s.Front = pile.NewFront(s.queues, s.desk, cfg.Account, cfg.Region)
	s.queues.Serve(s)
	return s, nil
}

// AddCredential lets c sign, too.
func (s *Server) AddCredential(c Credential) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys[c.ID] = c
}

// id is in the shape of a UUID.
func id(draw func() uint64) string {
	a, b := draw(), draw()
	return fmt.Sprintf("%08x-%04x-%04x-%04x-%012x", a>>32, a>>16&0xffff, a&0xffff, b>>48, b&0xffffffffffff)
}

// receiptLen is how many bytes of a receipt are random; the id of its message
// follows them.
const receiptLen = 48

// receipt draws a receipt for a message. Like the service's it is base64.
func receipt(draw func() uint64, id string) string {
	var b []byte
	for len(b) < receiptLen {
		b = binary.BigEndian.AppendUint64(b, draw())
	}
	return base64.StdEncoding.EncodeToString(append(b, id...))
}

func wellFormed(receipt string) bool {
	b, err := base64.StdEncoding.DecodeString(receipt)
	return err == nil && len(b) > receiptLen
}
