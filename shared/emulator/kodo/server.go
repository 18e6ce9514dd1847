package kodo

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"kodoferry/shared/emulator/chaos"
)

// Config is what a Server can be told. AccessKey and SecretKey are required.
type Config struct {
	Addr       string           // where the API listens; "" is 127.0.0.1:0. Anything but loopback must be asked for here
	S3Addr     string           // where the S3 interface listens; "" is any port beside Addr's
	S3MD5      bool             // its ETags are MD5s, as AWS's are; else Kodo's hashes
	Host       string           // how clients reach this machine, without port; "" is the host of Addr, of S3Addr for the S3 interface, or 127.0.0.1 where that is a wildcard
	AccessKey  string           //
	SecretKey  string           //
	Region     string           // of every bucket; "" is z0
	Seed       uint64           // of injected faults
	Now        func() time.Time // nil is time.Now
	Public     bool             // new buckets serve downloads without a token
	Unsigned   bool             // private buckets do so too, but a token that is brought is verified: for measuring what signatures cost
	Unverified bool             // no download's token is verified: what a service computes for that is not spent on the machine of its clients
	Thaw       time.Duration    // how long restoreAr takes; 0 is at once (the service: 1..5 min, deep archive 5..12 h)
	NoticesV1  bool             // event notifications are signed by scheme QBox; which one the service takes is not documented
	MinPart    int64            // bytes of the smallest part but the last that complete accepts; 0 is the service's 1 MiB
	Rate       int64            // bytes a second of each connection, each way; 0 holds none

	// Skew is how far an X-Qiniu-Date may be from Now. 0 is 15 minutes, or
	// unchecked where Now is set, because clients sign with the real time;
	// below 0 is unchecked.
	Skew time.Duration
}

// Event tells of one operation. Bucket and Key are empty where the operation
// has none, or the request does not name them.
type Event struct {
	Op, Bucket, Key string
	Done            bool // false before the operation, true after its answer
}

// Server is a running stand-in. It is safe for concurrent use.
type Server struct {
	cfg     Config
	desk    *chaos.Desk
	api     string // host:port of the API
	s3      string // host:port of the S3 interface
	scratch sync.Pool
	macs    sync.Pool // of hash.Hash: HMACs with the secret key
	reqids  atomic.Uint64
	hook    atomic.Pointer[func(Event)]
	uploads uploads
	serving sync.WaitGroup
	ending  context.Context // ends with Close
	end     context.CancelFunc

	mu      sync.RWMutex
	closed  bool
	servers map[net.Listener]*http.Server
	buckets map[string]*bucket
	bound   map[string]string // host names of Bind, lower case, without port
}

// Start listens and serves until Close.
func Start(cfg Config) (*Server, error) {
	if cfg.AccessKey == "" || cfg.SecretKey == "" {
		return nil, errors.New("kodo.Start: access key and secret key are required")
	}
	cfg.Addr = cmp.Or(cfg.Addr, "127.0.0.1:0")
	cfg.Region = cmp.Or(cfg.Region, "z0")
	cfg.MinPart = cmp.Or(cfg.MinPart, 1<<20)
	if cfg.Now == nil {
		cfg.Now = time.Now
		cfg.Skew = cmp.Or(cfg.Skew, 15*time.Minute)
	}
	s := &Server{
		cfg:     cfg,
		scratch: sync.Pool{New: func() any { return new([]byte) }},
		macs:    sync.Pool{New: func() any { return hmac.New(sha1.New, []byte(cfg.SecretKey)) }},
		uploads: uploads{blocks: map[string]*block{}, multis: map[string]*multipart{}},
		servers: map[net.Listener]*http.Server{},
		buckets: map[string]*bucket{},
		bound:   map[string]string{},
	}
	s.ending, s.end = context.WithCancel(context.Background())
	s.desk = chaos.NewDesk(cfg.Seed, refuse)
	var err error
	if s.api, err = s.listen(cfg.Addr, s.serveAPI, nil); err != nil {
		return nil, fmt.Errorf("kodo.Start: %w", err)
	}
	if err := s.listenS3(); err != nil {
		return nil, fmt.Errorf("kodo.Start: S3: %w", errors.Join(err, s.Close()))
	}
	return s, nil
}

// listen serves h at addr and returns the host and port that clients use.
func (s *Server) listen(addr string, h http.HandlerFunc, b *bucket) (string, error) {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return "", err
	}
	ln = chaos.Paced(ln, s.cfg.Rate)
	srv := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return "", errors.Join(http.ErrServerClosed, ln.Close())
	}
	s.servers[ln] = srv
	if b != nil {
		b.ln = ln
	}
	s.serving.Go(func() { _ = srv.Serve(ln) }) // ends with Close, always with ErrServerClosed
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	return net.JoinHostPort(s.hostOf(addr), port), nil
}

// hostOf is how clients reach what listens at addr.
func (s *Server) hostOf(addr string) string {
	host, _, _ := net.SplitHostPort(addr) // it was listened at
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = ""
	}
	return cmp.Or(s.cfg.Host, host, "127.0.0.1")
}

// Close ends every connection, waits until nothing listens any more, and forgets all
// buckets, as the one of oss does.
func (s *Server) Close() error {
	s.mu.Lock()
	s.closed = true
	s.end()
	var errs []error
	for ln, srv := range s.servers {
		errs = append(errs, srv.Close())
		delete(s.servers, ln)
	}
	s.mu.Unlock()
	s.serving.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.buckets)
	return errors.Join(errs...)
}

// Endpoint is the URL of every API: uc, api, rs, rsf and up, told apart by path.
func (s *Server) Endpoint() string { return "http://" + s.api }

// Domain is the download host of a bucket, as host:port; "" if there is no such bucket.
func (s *Server) Domain(bucket string) string {
	if b := s.bucket(bucket); b != nil {
		return b.domain
	}
	return ""
}

// Desk counts the requests and injects faults. See the package comment for the operations.
func (s *Server) Desk() *chaos.Desk { return s.desk }

// OnRequest has f called before and after each operation, outside of every
// lock, so f may change objects. nil ends it. There is one f at a time.
func (s *Server) OnRequest(f func(Event)) {
	if f == nil {
		s.hook.Store(nil)
		return
	}
	s.hook.Store(&f)
}

func (s *Server) tell(e Event) {
	if f := s.hook.Load(); f != nil {
		(*f)(e)
	}
}

// DropBucket takes a bucket away with all that is in it.
func (s *Server) DropBucket(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.buckets, name)
}

// CreateBucket makes an empty bucket with a download host of its own. It fails
// if there is one of that name.
func (s *Server) CreateBucket(name string) error {
	if name == "" || strings.ContainsAny(name, ":/") {
		return fmt.Errorf("kodo.CreateBucket %q: not a bucket name", name)
	}
	if s.bucket(name) != nil || s.s3Bucket(name) != nil {
		return fmt.Errorf("kodo.CreateBucket %q: exists", name)
	}
	b := &bucket{name: name, s3Name: name, private: !s.cfg.Public, created: s.cfg.Now()}
	addr, _, _ := net.SplitHostPort(s.cfg.Addr)
	domain, err := s.listen(net.JoinHostPort(addr, "0"), func(w http.ResponseWriter, r *http.Request) {
		s.head(w)
		if c, ok := s.routeFetch(r); ok {
			s.do(w, r, c)
			return
		}
		s.serveDownload(w, r, b)
	}, b)
	if err != nil {
		return fmt.Errorf("kodo.CreateBucket %q: %w", name, err)
	}
	b.domain = domain
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.buckets[name] != nil {
		s.hangUp(b)
		return fmt.Errorf("kodo.CreateBucket %q: exists", name)
	}
	s.buckets[name] = b
	return nil
}

// hangUp ends b's download host. s.mu is held.
func (s *Server) hangUp(b *bucket) {
	if srv := s.servers[b.ln]; srv != nil {
		_ = srv.Close()
		delete(s.servers, b.ln)
	}
}

// Bind makes the API listener serve downloads of bucket to requests for host,
// as a CNAME does. The port of host does not count.
func (s *Server) Bind(host, bucket string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bound[bareHost(host)] = bucket
}

func (s *Server) bucket(name string) *bucket {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.buckets[name]
}

// bucketOfHost is the bucket that host is bound to: by Bind, or because its first
// label is the bucket's name. only is the bucket where there is just one.
func (s *Server) bucketOfHost(host string) (bound, only *bucket) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	host = bareHost(host)
	if b := s.buckets[s.bound[host]]; b != nil {
		bound = b
	} else if label, rest, _ := strings.Cut(host, "."); rest != "" && net.ParseIP(host) == nil {
		bound = s.buckets[label]
	}
	if len(s.buckets) == 1 {
		for _, only = range s.buckets {
		}
	}
	return bound, only
}

func bareHost(host string) string {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	return strings.ToLower(host)
}
