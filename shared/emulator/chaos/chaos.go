// Package chaos is what the emulators have in common: it counts the requests of
// each operation and injects faults into a chosen share of them.
//
// A Desk is made once per emulator. The emulator names each request's
// operation, then calls Serve, which counts, misbehaves where a rule says so,
// and otherwise lets the emulator answer.
package chaos

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Kind says how a request is made to go wrong.
type Kind string

const (
	Latency   Kind = "latency"  // the answer comes Rule.Delay later
	Status    Kind = "status"   // Rule.Status instead of doing the work
	Throttle  Kind = "throttle" // the service's own "too fast" answer instead of doing the work
	Reset     Kind = "reset"    // the connection is reset in the middle of the answer's body
	Flip      Kind = "flip"     // one bit of one byte of the answer's body is flipped; of the next answer for that key, another bit
	Lost      Kind = "lost"     // the work is done, then the connection is reset without an answer
	Cut       Kind = "cut"      // the connection is reset in the middle of the request's body, or behind a request without one; no work is done
	EmptyPage Kind = "empty"    // a listing answers an empty page that has a marker
)

// Expired is no fault that a rule injects: a service counts it with Count where it refuses
// a request whose temporary keys have expired.
const Expired Kind = "expired"

var kinds = []Kind{Latency, Status, Throttle, Reset, Flip, Lost, Cut, EmptyPage}

// Kinds returns every kind that is counted: those of rules, and Expired.
func Kinds() []Kind { return append(slices.Clone(kinds), Expired) }

// Rule injects one kind of fault into one operation.
type Rule struct {
	Op     string        // the operation's name, or "*" for each
	Kind   Kind          //
	Rate   float64       // the share of requests it hits, 0..1
	Delay  time.Duration // Latency only
	Status int           // Status only; 500 if 0
	Key    string        // only requests for this key; "" means any
	Limit  int           // stop after so many hits; 0 means never
}

func (r Rule) status() int { return cmp.Or(r.Status, http.StatusInternalServerError) }

// ParseRule reads `op:kind:rate[:argument]`, as in `get:flip:0.05`,
// `*:latency:1:20ms` or `put:status:0.1:503`.
func ParseRule(s string) (Rule, error) {
	f := strings.Split(s, ":")
	if len(f) < 3 || len(f) > 4 || f[0] == "" {
		return Rule{}, fmt.Errorf("fault %q: want operation:kind:rate[:argument], as in get:flip:0.05 or *:latency:1:20ms", s)
	}
	r := Rule{Op: f[0], Kind: Kind(f[1])}
	if !slices.Contains(kinds, r.Kind) {
		return Rule{}, fmt.Errorf("fault %q: unknown kind %q, want one of %v", s, f[1], kinds)
	}
	var err error
	if r.Rate, err = strconv.ParseFloat(f[2], 64); err != nil || !(r.Rate >= 0 && r.Rate <= 1) {
		return Rule{}, fmt.Errorf("fault %q: the rate %q is not a number from 0 to 1", s, f[2])
	}
	arg := ""
	if len(f) == 4 {
		arg = f[3]
	}
	switch {
	case r.Kind == Latency:
		if r.Delay, err = time.ParseDuration(arg); err != nil || r.Delay < 0 {
			return Rule{}, fmt.Errorf("fault %q: latency wants a duration such as 20ms as its argument", s)
		}
	case r.Kind == Status && arg != "":
		if r.Status, err = strconv.Atoi(arg); err != nil || r.Status < 300 || r.Status > 599 {
			return Rule{}, fmt.Errorf("fault %q: status wants a code from 300 to 599 as its argument", s)
		}
	case arg != "":
		return Rule{}, fmt.Errorf("fault %q: %s takes no argument", s, r.Kind)
	}
	return r, nil
}

// Request is what a rule is matched against.
type Request struct {
	Op  string // the operation's name in the emulator's table
	Key string // the object key, where there is one
}

// Desk counts and injects. It is safe for concurrent use.
type Desk struct {
	// Refuse writes the service's own answer for a Status (status as given) or
	// Throttle (status 0) fault. Set once, before serving.
	Refuse func(w http.ResponseWriter, r *http.Request, status int)

	mu      sync.Mutex
	rand    *rand.Rand
	rules   []Rule
	hits    []int // per rule
	counts  map[string]int64
	injured map[Kind]int64
	refused map[int]int64  // per status
	flips   map[string]int // per key
}

// NewDesk returns a Desk whose choices derive from seed.
func NewDesk(seed uint64, refuse func(http.ResponseWriter, *http.Request, int)) *Desk {
	return &Desk{
		Refuse: refuse, rand: rand.New(rand.NewPCG(seed, seed^0x9e3779b97f4a7c15)),
		counts: map[string]int64{}, injured: map[Kind]int64{}, refused: map[int]int64{}, flips: map[string]int{},
	}
}

// Inject replaces the rules. Their hits start from 0.
func (d *Desk) Inject(rules ...Rule) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.rules, d.hits = slices.Clone(rules), make([]int, len(rules))
}

// Counts returns how many requests of each operation have come, faulty ones included.
func (d *Desk) Counts() map[string]int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return maps.Clone(d.counts)
}

// Injected returns how many faults of each kind have been injected.
func (d *Desk) Injected() map[Kind]int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return maps.Clone(d.injured)
}

// Refused returns how many faults of the kind Status have been injected, by their status.
func (d *Desk) Refused() map[int]int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return maps.Clone(d.refused)
}

// Count counts a fault of a kind that the emulator injects by itself.
func (d *Desk) Count(k Kind) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.injured[k]++
}

// Reset sets the counts to 0.
func (d *Desk) Reset() {
	d.mu.Lock()
	defer d.mu.Unlock()
	clear(d.counts)
	clear(d.injured)
	clear(d.refused)
}

// Serve counts req and answers it through work, or through the fault its rules
// choose. empty answers it with an empty page that has a marker; nil where req is no listing.
func (d *Desk) Serve(w http.ResponseWriter, r *http.Request, req Request, work, empty http.HandlerFunc) {
	hits := d.draw(req, empty != nil)
	for _, h := range hits {
		if h.Kind == Latency {
			select {
			case <-time.After(h.Delay):
			case <-r.Context().Done():
				return
			}
		}
	}
	for _, h := range hits {
		switch h.Kind {
		case Status:
			d.Refuse(w, r, h.status())
		case Throttle:
			d.Refuse(w, r, 0)
		case EmptyPage:
			empty(w, r)
		case Lost:
			work(&discard{header: http.Header{}}, r)
			sever(w)
		case Cut:
			_, _ = io.CopyN(io.Discard, r.Body, r.ContentLength/2) // it is not to come whole anyway
			sever(w)
		case Reset:
			work(&broken{ResponseWriter: w, left: -1}, r)
			sever(w)
		case Flip:
			work(d.flip(w, req.Key), r)
		default:
			continue
		}
		return
	}
	work(w, r)
}

// draw counts the request and returns the rules that hit it.
func (d *Desk) draw(req Request, listing bool) []Rule {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.counts[req.Op]++
	var hit []Rule
	for i, r := range d.rules {
		switch {
		case r.Op != "*" && r.Op != req.Op, r.Key != "" && r.Key != req.Key,
			r.Limit > 0 && d.hits[i] >= r.Limit, r.Kind == EmptyPage && !listing,
			d.rand.Float64() >= r.Rate:
			continue
		}
		d.hits[i]++
		d.injured[r.Kind]++
		if r.Kind == Status {
			d.refused[r.status()]++
		}
		hit = append(hit, r)
		if r.Kind != Latency {
			break
		}
	}
	return hit
}

// flip damages no two answers for a key in a row alike: equal damage twice is
// how a client tells a wrong hash from a bad line, and in a body of a few bytes
// chance alone would bring it about.
func (d *Desk) flip(w http.ResponseWriter, key string) *flipped {
	d.mu.Lock()
	defer d.mu.Unlock()
	bit := d.flips[key] % 8
	d.flips[key]++
	return &flipped{ResponseWriter: w, share: d.rand.Float64(), bit: 1 << bit}
}

// sever resets the client's connection. http.ErrAbortHandler is net/http's own
// way to do so (net/http, type Handler).
func sever(http.ResponseWriter) { panic(http.ErrAbortHandler) }

// discard swallows an answer.
type discard struct{ header http.Header }

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }
func (d *discard) WriteHeader(int)             {}

// broken passes half of an answer's body on and swallows the rest.
type broken struct {
	http.ResponseWriter
	left int64 // bytes still to pass on; -1 before the header is known
}

func (b *broken) Write(p []byte) (int, error) {
	if b.left < 0 {
		n, _ := strconv.ParseInt(b.Header().Get("Content-Length"), 10, 64)
		b.left = n / 2
	}
	n := min(int64(len(p)), b.left)
	b.left -= n
	if n > 0 {
		if _, err := b.ResponseWriter.Write(p[:n]); err != nil {
			return 0, err
		}
		if f, ok := b.ResponseWriter.(http.Flusher); ok {
			f.Flush()
		}
	}
	return len(p), nil
}

// flipped flips one bit of one byte, at a share of the answer's length. Where
// the length is not told in advance it is the first write's.
type flipped struct {
	http.ResponseWriter
	share float64 // 0..1
	bit   byte
	at    int64 // bytes before the one to flip, once known
	known bool
}

func (f *flipped) Write(p []byte) (int, error) {
	if len(p) == 0 {
		return f.ResponseWriter.Write(p)
	}
	if !f.known {
		n, err := strconv.ParseInt(f.Header().Get("Content-Length"), 10, 64)
		if err != nil {
			n = int64(len(p))
		}
		f.at, f.known = int64(f.share*float64(n)), true
	}
	if f.at < 0 || f.at >= int64(len(p)) {
		f.at -= int64(len(p))
		return f.ResponseWriter.Write(p)
	}
	q := slices.Clone(p)
	q[f.at] ^= f.bit
	f.at = -1
	return f.ResponseWriter.Write(q)
}
