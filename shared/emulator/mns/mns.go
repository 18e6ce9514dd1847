// Package mns is a strict stand-in for Alibaba Cloud MNS ("Simple Message
// Queue"): its queues over HTTP, for our driver and for the vendor's SDK.
// Start with Start. Package pile has its queues, direct.go what this process may do with
// them; http.go, messages.go and wire.go are its protocol; auth.go verifies who
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
	"math/rand/v2"
	"sync"
	"time"

	"kodoferry/shared/emulator/chaos"
	"kodoferry/shared/emulator/pile"
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

// Attributes, Depth, Misbehaviour and Injected are those of every stand-in for queues.
type (
	Attributes   = pile.Attributes
	Depth        = pile.Depth
	Misbehaviour = pile.Misbehaviour
	Injected     = pile.Injected
)

// Server is a running stand-in. It is safe for concurrent use.
// Operations of its Desk: create, attributes, set-attributes, delete-queue, list, send,
// receive, peek, delete, visibility.
type Server struct {
	pile.Front
	cfg    Config
	desk   *chaos.Desk
	queues *pile.Service

	mu   sync.Mutex
	keys map[string]Credential
}

// Start listens and serves until Close.
func Start(cfg Config) (*Server, error) {
	cfg.Account, cfg.Region = cmp.Or(cfg.Account, "1234567890123456"), cmp.Or(cfg.Region, "cn-hangzhou")
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	s := &Server{cfg: cfg, keys: map[string]Credential{}}
	if cfg.AccessKeyID != "" {
		s.keys[cfg.AccessKeyID] = Credential{ID: cfg.AccessKeyID, Secret: cfg.AccessKeySecret}
	}
	s.desk = chaos.NewDesk(cfg.Seed, s.refuseInjected)
	rules := pile.Rules{Name: "mns", ID: id, Receipt: receipt, Recall: true, // SDK v1.0.6, MessageSendResponse
		CheckName: checkName, MaxSize: maxSize, CheckBody: checkBody, Remove: remove, Priority: defaultPriority, NoQueue: errNoQueue}
	var err error
	if s.queues, err = pile.New(cfg.Addr, rules, rand.New(rand.NewPCG(cfg.Seed, 0x3a5)), cfg.Now); err != nil {
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

func id(draw func() uint64) string { return fmt.Sprintf("%016X%016X", draw(), draw()) }

// receiptLen is how many bytes a receipt stands for.
const receiptLen = 32

// receipt draws a receipt. Like the service's it is base64, so that a client
// which does not escape its +, / and = fails.
func receipt(draw func() uint64, _ string) string {
	var b []byte
	for len(b) < receiptLen {
		b = binary.BigEndian.AppendUint64(b, draw())
	}
	return base64.StdEncoding.EncodeToString(b)
}

func wellFormed(receipt string) bool {
	b, err := base64.StdEncoding.DecodeString(receipt)
	return err == nil && len(b) == receiptLen
}
