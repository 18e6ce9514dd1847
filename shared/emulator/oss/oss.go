// Package oss is a strict stand-in for Alibaba Cloud OSS. It speaks the
// service's wire protocol over plain HTTP and refuses what the service
// refuses, with the service's own codes, so that any client written for OSS
// can be tested against it: signatures of version 1, 2 and 4, temporary
// credentials, versioning, multipart uploads, and a body only stored once all
// of it has come.
//
// Start with Start, and read on in ops.go, whose table names every operation.
//
//	oss.go, setup.go     the server, and what tests do to it without HTTP
//	ops.go, call.go      the table of operations, and what each of them begins with
//	auth*.go             who asks, and whether the signature is theirs
//	rights.go            whether their RAM policy lets them
//	index.go, object.go, bucket.go, versions.go   what is kept
//	put.go, get.go, post.go, …    the operations
//	xml.go, xmlread.go   answers and questions in XML
//
// What it follows: OSS's API reference and error pages, and the sources of
// aliyun-oss-go-sdk v3.0.2 and alibabacloud-oss-go-sdk-v2 v1.2.3. Where
// neither says, the comment beside the choice does. An EC (fine-grained error
// code) that is not documented reads 0000-00000000.
package oss

import (
	"cmp"
	"crypto/md5"
	"errors"
	"fmt"
	"hash"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"kodoferry/shared/emulator/chaos"
)

// Config says what a Server is.
type Config struct {
	Addr            string           // where to listen; "" is 127.0.0.1:0
	AccessKeyID     string           // the first key pair; add others with AddCredential
	AccessKeySecret string           //
	SecurityToken   string           // if set, the first key pair is a temporary one and needs this token
	Region          string           // "" is cn-hangzhou
	Seed            uint64           // of the injected faults and of ids
	Now             func() time.Time // nil is time.Now
	Rate            int64            // bytes a second of each connection, each way; 0 holds none
	AnyDate         bool             // requests may be of any date: clients sign with the real time, which Now may have left behind

	// AttributesOnly keeps size, CRC64, ETag and metadata of what is stored,
	// but no bytes, so that ten million objects fit in memory. Reading a body
	// that is not empty is then refused with 400 BodyNotKept.
	AttributesOnly bool

	// BriefETags makes the ETag of what AttributesOnly keeps no bytes of from its CRC64, where
	// no Content-MD5 comes with it: MD5 takes more processor time than all else that is done
	// of a large object, also of what is measured beside a Server.
	BriefETags bool

	// Unverified has no signature verified: who names a key pair is taken for its owner. What
	// a service computes for that is not spent on the machine of its clients, where it would
	// be measured beside a Server.
	Unverified bool

	// Keep names what AttributesOnly keeps whole all the same, as a ledger
	// that is read back; nil keeps nothing.
	Keep func(bucket, key string) bool
}

func hollow(cfg Config) func(bucket, key string) bool {
	return func(bucket, key string) bool {
		return cfg.AttributesOnly && (cfg.Keep == nil || !cfg.Keep(bucket, key))
	}
}

// Server is a running stand-in. It is safe for concurrent use.
type Server struct {
	region  string
	now     func() time.Time
	anyDate bool
	trusts  bool                          // no signature is verified
	hollow  func(bucket, key string) bool // whose bytes are not kept
	brief   bool                          // as Config.BriefETags
	seed    uint64

	desk     *chaos.Desk
	listener net.Listener
	http     *http.Server
	done     chan error
	ring     keyring
	ids      atomic.Uint64
	scope    atomic.Pointer[scopeOf] // of the last request
	date     atomic.Pointer[dated]   // the same
	hashers  sync.Pool               // hash.Hash of MD5
	buffers  sync.Pool               // *[]byte of pieceSize

	mu      sync.RWMutex
	buckets map[string]*bucket

	stored atomic.Pointer[func(string, Object)]
	asked  atomic.Pointer[func(Request)]
}

// Request is what OnRequest is told of a request.
type Request struct {
	Op     string // as the table of operations names it; "unknown" where it names none
	Bucket string // "" of the service itself
	Key    string // "" of a bucket
	Header http.Header
}

// Start listens and serves until Close.
func Start(cfg Config) (*Server, error) {
	if cfg.AccessKeyID == "" || cfg.AccessKeySecret == "" {
		return nil, errors.New("oss emulator: AccessKeyID and AccessKeySecret are needed")
	}
	listener, err := net.Listen("tcp", cmp.Or(cfg.Addr, "127.0.0.1:0"))
	if err != nil {
		return nil, fmt.Errorf("oss emulator: %w", err)
	}
	listener = chaos.Paced(listener, cfg.Rate)
	s := &Server{
		region: cmp.Or(cfg.Region, "cn-hangzhou"), now: cfg.Now, anyDate: cfg.AnyDate, trusts: cfg.Unverified, hollow: hollow(cfg), brief: cfg.BriefETags, seed: cfg.Seed,
		listener: listener, done: make(chan error, 1), buckets: map[string]*bucket{},
		ring:    keyring{held: map[string]*heldCredential{}},
		hashers: sync.Pool{New: func() any { return md5.New() }},
		buffers: sync.Pool{New: func() any { b := make([]byte, pieceSize); return &b }},
	}
	if s.now == nil {
		s.now = time.Now
	}
	s.AddCredential(Credential{ID: cfg.AccessKeyID, Secret: cfg.AccessKeySecret, Token: cfg.SecurityToken})
	s.desk = chaos.NewDesk(cfg.Seed, s.refuseInjected)
	s.http = &http.Server{
		Handler: s, ReadHeaderTimeout: time.Minute,
		ErrorLog: log.New(io.Discard, "", 0), // severed connections are the point
	}
	go func() { s.done <- s.http.Serve(listener) }()
	return s, nil
}

// Close stops serving, resets the connections that are open, and forgets all buckets: the
// testing package keeps what a test cleaned up until those beside it have ended, too.
func (s *Server) Close() error {
	err := s.http.Close()
	if end := <-s.done; !errors.Is(end, http.ErrServerClosed) {
		err = errors.Join(err, end)
	}
	s.done <- http.ErrServerClosed // for a second Close
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.buckets)
	return err
}

// Endpoint returns the server's URL, as "http://127.0.0.1:1234". Buckets are
// reached below it (/bucket/key), or by a Host header <bucket>.<anything>.
func (s *Server) Endpoint() string { return chaos.URL(s.listener.Addr()) }

// Region returns the region that signatures of version 4 must name, as "cn-hangzhou".
func (s *Server) Region() string { return s.region }

// Desk counts requests and injects faults. Its names of operations are those
// of the table in ops.go.
func (s *Server) Desk() *chaos.Desk { return s.desk }

// OnStored has f called whenever a request made an object appear or replaced
// one, after it can be read and before the answer is sent. f may call any
// method of s. Set it before the requests it is to see; nil ends it.
func (s *Server) OnStored(f func(bucket string, o Object)) {
	if f == nil {
		s.stored.Store(nil)
		return
	}
	s.stored.Store(&f)
}

// OnRequest has f called before each request is looked at, even one that will
// be refused. f may call any method of s, so that a test can play the
// application that writes in the middle of a run. nil ends it.
func (s *Server) OnRequest(f func(Request)) {
	if f == nil {
		s.asked.Store(nil)
		return
	}
	s.asked.Store(&f)
}

// tellStored calls the hook of OnStored.
func (s *Server) tellStored(bucket string, o *object) {
	if f := s.stored.Load(); f != nil {
		(*f)(bucket, o.public())
	}
}

// nextID returns a new id: 24 upper-case hex digits, derived from the seed.
func (s *Server) nextID() string {
	n := s.ids.Add(1)
	return fmt.Sprintf("%08X%016X", uint32(s.seed), n*0x9e3779b97f4a7c15) // odd factor: no two alike
}

// bucket returns the bucket of a name.
func (s *Server) bucket(name string) (*bucket, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	b, ok := s.buckets[name]
	return b, ok
}

// hasher returns an MD5 to be given back with freeHasher.
func (s *Server) hasher() hash.Hash {
	h, ok := s.hashers.Get().(hash.Hash)
	if !ok {
		return md5.New()
	}
	h.Reset()
	return h
}
