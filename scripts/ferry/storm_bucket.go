package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"kodoferry/scripts/ferry/life"
	"kodoferry/shared/digest"
	"kodoferry/shared/emulator/oss"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
)

// act is what somebody does to an object during a storm.
type act int

const (
	overwrote   act = iota // the owner, at the source
	deleted                // the owner, at the source
	wrote                  // the application, in the target
	removedCopy            // the application, in the target
	acts
)

// stormMove is a bucket that moves, what its owner and the application make of it, and all
// that was ever right of it.
type stormMove struct {
	storm          *storm
	name           string // of the job
	source, target string // buckets
	last           demoRun

	acts  [acts]atomic.Int64
	fresh int // keys that were made up in the storm

	mu    sync.Mutex
	keys  []*stormKey
	byKey map[string]*stormKey
	seen  int // objects that became visible in the target
	wrong findings
}

// stormKey is one key, at both sides.
type stormKey struct {
	life.Item
	want ending // of one that nobody touches

	// moving is one that its owner changes. The application writes only where the owner
	// does not. So two known faults are not met: OSS has no conditional overwrite of what is
	// there, so that a write of the application between Ferry's last look and its request is
	// lost; and an object of the application's gives way to one that is newer at the source.
	moving bool
	sums   map[uint64]bool // CRC64s of all that the source ever had
	body   []byte          // what the source has
	there  bool            // whether it does
	own    []byte          // what the application wrote in the target; nil: nothing
}

const (
	stormLargest = 256 << 10 // of the objects as life makes them; those in parts come on top
	stormBig     = 1         // objects in parts
	partSize     = 4 << 20
	liveEvery    = 60 * time.Millisecond // about, between two acts
)

// newStormMove makes and fills a bucket. What life holds is left out where nothing could tell
// a flipped byte: no hash is listed of it.
func newStormMove(s *storm, name string, n uint64) (*stormMove, error) {
	m := &stormMove{storm: s, name: name, source: name, target: name + "-new", byKey: map[string]*stormKey{}}
	w := s.world
	if err := w.kodo.CreateBucket(m.source); err != nil {
		return nil, err
	}
	if err := w.oss.CreateBucket(m.target); err != nil {
		return nil, err
	}
	for it := range life.Bucket(s.options.objects, s.options.seed+n) {
		want, _ := expect(it)
		if it.Size > stormLargest || want.proof == ledger.ByCRC {
			continue
		}
		m.add(it, want, want.state == ledger.Copied && len(m.keys)%3 > 0)
	}
	for i := range stormBig {
		it := life.Item{Key: fmt.Sprintf("videos/big-%d.mp4", i), Size: 2*partSize + 1000*int64(i+1), Type: "video/mp4", Modified: time.Now().AddDate(-1, 0, 0)}
		m.add(it, ending{state: ledger.Copied, proof: ledger.ByQetag}, n > 0)
	}
	dice := s.dice(10 + n)
	for _, k := range m.keys {
		if err := m.put(k, m.content(k, dice), k.Modified); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (m *stormMove) add(it life.Item, want ending, moving bool) *stormKey {
	k := &stormKey{Item: it, want: want, moving: moving, sums: map[uint64]bool{}}
	m.keys = append(m.keys, k)
	m.byKey[k.Key] = k
	return k
}

// content is the first content of k: as life has it, or made up.
func (m *stormMove) content(k *stormKey, dice *rand.Rand) []byte {
	body := make([]byte, k.Size)
	if strings.HasPrefix(k.Key, "videos/big-") {
		fill(body, dice)
		return body
	}
	_, _ = io.ReadFull(k.Content(), body) // it is made up in memory
	return body
}

// fill makes up a content.
func fill(body []byte, dice *rand.Rand) {
	var seed [32]byte
	for i := range seed {
		seed[i] = byte(dice.Uint32())
	}
	_, _ = rand.NewChaCha8(seed).Read(body) // never fails
}

// put has the source hold body under k's key. What is to be right from now on is noted
// before it can be read. m.mu is held, or nobody else is there yet.
func (m *stormMove) put(k *stormKey, body []byte, at time.Time) error {
	k.sums[digest.CRC64(0, body)] = true
	k.body, k.there = body, true
	o := atKodo(k.Item, body)
	if o.PutTime = at; !at.Equal(k.Modified) {
		o.Parts, o.NoHash = nil, false
	}
	_, err := m.storm.world.kodo.Put(m.source, o)
	return err
}

// job is the migration of the bucket, in small tasks.
func (m *stormMove) job(s *storm, mirror bool) (job.Job, error) {
	w := s.world
	return job.New(w.sourceLocation(m.source), w.targetLocation(m.target, ""), w.targetLocation(stormLedger, demoLedger), func(j *job.Job) {
		j.Name, j.Delete = m.name, mirror
		j.MaxDeletes, j.MaxDeleteShare = 1_000_000, 1
		j.Limits.ShardKeys = int64(max(s.options.objects/4, 20))
		j.Limits.BatchObjects = 15
		j.Limits.PartsAbove, j.Limits.PartSize = partSize, partSize
		if m.name == "films" {
			j.Overlap = job.AllowOverlap
		}
	})
}

// live is what the owner and the application do until ctx ends.
func (m *stormMove) live(ctx context.Context, dice *rand.Rand) {
	for {
		select {
		case <-time.After(liveEvery/2 + time.Duration(dice.Int64N(int64(liveEvery)))):
		case <-ctx.Done():
			return
		}
		m.mu.Lock()
		if err := m.act(dice); err != nil {
			m.wrong.add("%v", err)
		}
		m.mu.Unlock()
	}
}

// act does one thing. m.mu is held.
func (m *stormMove) act(dice *rand.Rand) error {
	k := m.keys[dice.IntN(len(m.keys))]
	if k.want.state != ledger.Copied {
		return nil // its story is another
	}
	w := m.storm.world
	switch p := dice.IntN(100); {
	case k.moving && p < 55:
		size := k.Size
		if p < 25 {
			size = dice.Int64N(64 << 10)
		}
		if k.there {
			m.acts[overwrote].Add(1)
		}
		body := make([]byte, size)
		fill(body, dice)
		return m.put(k, body, time.Now().Add(w.clocks.source))
	case k.moving && p < 75:
		if k.there {
			m.acts[deleted].Add(1)
			k.there = false
			w.kodo.Remove(m.source, k.Key)
		}
	case k.moving && p < 80:
		m.fresh++
		it := life.Item{Key: fmt.Sprintf("new/%04d", m.fresh), Type: "image/jpeg", Size: dice.Int64N(16 << 10)}
		body := make([]byte, it.Size)
		fill(body, dice)
		return m.put(m.add(it, ending{state: ledger.Copied, proof: ledger.ByQetag}, true), body, time.Now().Add(w.clocks.source))
	case k.moving, p < 30:
		m.remove(k)
	case p < 80:
		return m.write(k, dice)
	default:
		m.fresh++
		k := m.add(life.Item{Key: fmt.Sprintf("app/%04d", m.fresh)}, ending{state: ledger.Copied}, false)
		return m.write(k, dice)
	}
	return nil
}

// remove has the application delete k in the target. m.mu is held.
func (m *stormMove) remove(k *stormKey) {
	if _, there := m.storm.world.oss.Get(m.target, k.Key); !there {
		return
	}
	m.acts[removedCopy].Add(1)
	k.own = nil
	m.storm.world.oss.Remove(m.target, k.Key)
}

// write has the application write k in the target. It never has the source's size, lest the
// two be taken for equal by size and times, which is known, too. m.mu is held.
func (m *stormMove) write(k *stormKey, dice *rand.Rand) error {
	own := make([]byte, len(k.body)%(64<<10)+1+dice.IntN(1000))
	if len(own) == len(k.body) {
		own = append(own, 0)
	}
	fill(own, dice)
	m.acts[wrote].Add(1)
	k.own = own
	return m.storm.world.oss.Put(m.target, oss.Object{Key: k.Key, Body: own})
}

// stored is told of each object that Ferry has made visible in the target: its bytes must
// be some that the source had, and must not be in the place of the application's.
func (m *stormMove) stored(o oss.Object) {
	sum := digest.CRC64(0, o.Body)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.seen++
	k := m.byKey[o.Key]
	switch {
	case k == nil || len(k.sums) == 0:
		m.wrong.add("%s: %q was written in the target, and never was in the source", m.name, o.Key)
	case !k.sums[sum]:
		m.wrong.add("%s: %q had bytes in the target that the source never had", m.name, o.Key)
	case k.own != nil:
		if now, _ := m.storm.world.oss.Get(m.target, o.Key); !bytes.Equal(now.Body, k.own) {
			m.wrong.add("%s: %q of the application was overwritten at %s", m.name, o.Key, time.Now().Format(time.TimeOnly))
		}
	}
}

// check holds the target, and the record of the last run, against what must be.
func (m *stormMove) check() (found findings, same, own int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	found = slices.Clone(m.wrong)
	rows := map[string]demoRow{}
	for _, r := range m.last.rows {
		if _, twice := rows[r.key]; twice && r.state != ledger.Deleted {
			found.add("%s: %q has two rows", m.name, r.key)
		}
		if r.state != ledger.Deleted {
			rows[r.key] = r
		}
	}
	for _, k := range m.keys {
		stored, there := m.storm.world.oss.Get(m.target, k.Key)
		r, row := rows[k.Key]
		want := k.body
		if !k.there || k.want.state != ledger.Copied {
			want = nil
		}
		if k.own != nil {
			want = k.own
		}
		wanted := k.own != nil || k.there && k.want.state == ledger.Copied
		switch {
		case wanted && !there:
			found.add("%s: %q is not in the target: %s", m.name, k.Key, r)
		case !wanted && there:
			found.add("%s: %q is in the target, and must not be: %s", m.name, k.Key, r)
		case wanted && !bytes.Equal(want, stored.Body):
			found.add("%s: %q has other bytes in the target: %s", m.name, k.Key, r)
		case k.own != nil:
			own++
		case wanted:
			same++
		}
		switch {
		case row != k.there:
			found.add("%s: %q has a row: %v, is in the source: %v", m.name, k.Key, row, k.there)
		case row && !k.endsAs(r):
			found.add("%s: %q is %s", m.name, k.Key, r)
		}
	}
	for _, key := range m.storm.world.oss.Keys(m.target) {
		if m.byKey[key] == nil {
			found.add("%s: %q is in the target, and never was in the source", m.name, key)
		}
	}
	return found, same, own
}

// endsAs reports whether r is how k ends in the last run.
func (k *stormKey) endsAs(r demoRow) bool {
	switch {
	case k.own != nil:
		return r.state == ledger.Conflict
	case k.want.state != ledger.Copied:
		return r.state == k.want.state && strings.Contains(r.reason, k.want.reason)
	}
	return (r.state == ledger.Copied || r.state == ledger.Unchanged) && r.verdict == ledger.Verified
}
