package storm

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
	"kodoferry/scripts/ferry/outcome"
	"kodoferry/scripts/ferry/standins"
	"kodoferry/shared/digest"
	"kodoferry/shared/emulator/oss"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
)

// act is a change of an object during a storm.
type act int

const (
	overwrote   act = iota // the owner, at the source
	deleted                // the owner, at the source
	wrote                  // the application, in the target
	removedCopy            // the application, in the target
	acts
)

// move is a bucket that moves, what its owner and the application make of it, and all
// that was ever right of it.
type move struct {
	storm          *storm
	name           string // of the job
	source, target string // buckets
	last           outcome.Record

	acts  [acts]atomic.Int64
	fresh int // keys that were made up in the storm

	mu    sync.Mutex
	keys  []*object
	byKey map[string]*object
	seen  int // objects that became visible in the target
	wrong outcome.Findings
}

// object is one key, at both sides.
type object struct {
	life.Item
	want outcome.Ending // while the application did not write it

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
	largest    = 256 << 10 // of the objects as life makes them; those in parts come on top
	bigObjects = 1         // objects in parts
	partSize   = 4 << 20
	liveEvery  = 60 * time.Millisecond // about, between two acts
)

// newMove makes and fills a bucket. What life holds is left out where nothing could tell
// a flipped byte: no hash is listed of it.
func newMove(s *storm, name string, n uint64) (*move, error) {
	m := &move{storm: s, name: name, source: name, target: name + "-new", byKey: map[string]*object{}}
	w := s.clouds
	if err := w.Kodo.CreateBucket(m.source); err != nil {
		return nil, err
	}
	if err := w.OSS.CreateBucket(m.target); err != nil {
		return nil, err
	}
	for it := range life.Bucket(s.options.Objects, s.options.StandIns.Seed+n) {
		want, _ := outcome.Expect(it)
		if it.Size > largest || want.Proof == ledger.ByCRC {
			continue
		}
		m.add(it, want, want.State == ledger.Copied && len(m.keys)%3 > 0)
	}
	for i := range bigObjects {
		it := life.Item{Key: fmt.Sprintf("videos/big-%d.mp4", i), Size: 2*partSize + 1000*int64(i+1), Type: "video/mp4", Modified: time.Now().AddDate(-1, 0, 0)}
		m.add(it, outcome.Ending{State: ledger.Copied, Proof: ledger.ByQetag}, n > 0)
	}
	dice := s.dice(10 + n)
	for _, k := range m.keys {
		if err := m.put(k, m.content(k, dice), k.Modified); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (m *move) add(it life.Item, want outcome.Ending, moving bool) *object {
	k := &object{Item: it, want: want, moving: moving, sums: map[uint64]bool{}}
	m.keys = append(m.keys, k)
	m.byKey[k.Key] = k
	return k
}

// content is the first content of k: as life has it, or made up.
func (m *move) content(k *object, dice *rand.Rand) []byte {
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

// put has the source hold body under k's key. Its sum is noted before it can
// be read. m.mu is held, or the storm has not begun.
func (m *move) put(k *object, body []byte, at time.Time) error {
	k.sums[digest.CRC64(0, body)] = true
	k.body, k.there = body, true
	o := standins.AtKodo(k.Item, body)
	if o.PutTime = at; !at.Equal(k.Modified) {
		o.Parts, o.NoHash = nil, false
	}
	_, err := m.storm.clouds.Kodo.Put(m.source, o)
	return err
}

// job is the migration of the bucket, in small tasks.
func (m *move) job(s *storm, mirror bool) (job.Job, error) {
	w := s.clouds
	return job.New(w.SourceLocation(m.source), w.TargetLocation(m.target, ""), w.TargetLocation(ledgerBucket, standins.Ledger), func(j *job.Job) {
		j.Name, j.Delete = m.name, mirror
		j.MaxDeletes, j.MaxDeleteShare = 1_000_000, 1
		j.Limits.ShardKeys = int64(max(s.options.Objects/4, 20))
		j.Limits.BatchObjects = 15
		j.Limits.PartsAbove, j.Limits.PartSize = partSize, partSize
		if m.name == "films" {
			j.Overlap = job.AllowOverlap
		}
	})
}

// live is what the owner and the application do until ctx ends.
func (m *move) live(ctx context.Context, dice *rand.Rand) {
	for {
		select {
		case <-time.After(liveEvery/2 + time.Duration(dice.Int64N(int64(liveEvery)))):
		case <-ctx.Done():
			return
		}
		m.mu.Lock()
		if err := m.act(dice); err != nil {
			m.wrong.Add("%v", err)
		}
		m.mu.Unlock()
	}
}

// act does one thing. m.mu is held.
func (m *move) act(dice *rand.Rand) error {
	k := m.keys[dice.IntN(len(m.keys))]
	if k.want.State != ledger.Copied {
		return nil // its story is another
	}
	w := m.storm.clouds
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
		return m.put(k, body, time.Now().Add(w.Clocks.Source))
	case k.moving && p < 75:
		if k.there {
			m.acts[deleted].Add(1)
			k.there = false
			w.Kodo.Remove(m.source, k.Key)
		}
	case k.moving && p < 80:
		m.fresh++
		it := life.Item{Key: fmt.Sprintf("new/%04d", m.fresh), Type: "image/jpeg", Size: dice.Int64N(16 << 10)}
		body := make([]byte, it.Size)
		fill(body, dice)
		return m.put(m.add(it, outcome.Ending{State: ledger.Copied, Proof: ledger.ByQetag}, true), body, time.Now().Add(w.Clocks.Source))
	case k.moving, p < 30:
		m.remove(k)
	case p < 80:
		return m.write(k, dice)
	default:
		m.fresh++
		k := m.add(life.Item{Key: fmt.Sprintf("app/%04d", m.fresh)}, outcome.Ending{State: ledger.Copied}, false)
		return m.write(k, dice)
	}
	return nil
}

// remove has the application delete k in the target. m.mu is held.
func (m *move) remove(k *object) {
	if _, there := m.storm.clouds.OSS.Get(m.target, k.Key); !there {
		return
	}
	m.acts[removedCopy].Add(1)
	k.own = nil
	m.storm.clouds.OSS.Remove(m.target, k.Key)
}

// write has the application write k in the target. It never has the source's size, lest the
// two be taken for equal by size and times, which is known, too. m.mu is held.
func (m *move) write(k *object, dice *rand.Rand) error {
	own := make([]byte, len(k.body)%(64<<10)+1+dice.IntN(1000))
	if len(own) == len(k.body) {
		own = append(own, 0)
	}
	fill(own, dice)
	m.acts[wrote].Add(1)
	k.own = own
	return m.storm.clouds.OSS.Put(m.target, oss.Object{Key: k.Key, Body: own})
}

// stored counts an object that has become visible in the target, and notes a finding if its
// bytes are none that the source ever had, or stand in place of the application's.
func (m *move) stored(o oss.Object) {
	sum := digest.CRC64(0, o.Body)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.seen++
	k := m.byKey[o.Key]
	switch {
	case k == nil || len(k.sums) == 0:
		m.wrong.Add("%s: %q was written in the target, and never was in the source", m.name, o.Key)
	case !k.sums[sum]:
		m.wrong.Add("%s: %q had bytes in the target that the source never had", m.name, o.Key)
	case k.own != nil:
		if now, _ := m.storm.clouds.OSS.Get(m.target, o.Key); !bytes.Equal(now.Body, k.own) {
			m.wrong.Add("%s: %q of the application was overwritten at %s", m.name, o.Key, time.Now().Format(time.TimeOnly))
		}
	}
}

// check holds the target, and the record of the last run, against what must be.
func (m *move) check() (found outcome.Findings, same, own int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	found = slices.Clone(m.wrong)
	rows := map[string]outcome.Row{}
	for _, r := range m.last.Rows {
		if _, twice := rows[r.Key]; twice && r.State != ledger.Deleted {
			found.Add("%s: %q has two rows", m.name, r.Key)
		}
		if r.State != ledger.Deleted {
			rows[r.Key] = r
		}
	}
	for _, k := range m.keys {
		stored, there := m.storm.clouds.OSS.Get(m.target, k.Key)
		r, row := rows[k.Key]
		want := k.body
		if !k.there || k.want.State != ledger.Copied {
			want = nil
		}
		if k.own != nil {
			want = k.own
		}
		wanted := k.own != nil || k.there && k.want.State == ledger.Copied
		switch {
		case wanted && !there:
			found.Add("%s: %q is not in the target: %s", m.name, k.Key, r)
		case !wanted && there:
			found.Add("%s: %q is in the target, and must not be: %s", m.name, k.Key, r)
		case wanted && !bytes.Equal(want, stored.Body):
			found.Add("%s: %q has other bytes in the target: %s", m.name, k.Key, r)
		case k.own != nil:
			own++
		case wanted:
			same++
		}
		switch {
		case row != k.there:
			found.Add("%s: %q has a row: %v, is in the source: %v", m.name, k.Key, row, k.there)
		case row && !k.endsAs(r):
			found.Add("%s: %q is %s", m.name, k.Key, r)
		}
	}
	for _, key := range m.storm.clouds.OSS.Keys(m.target) {
		if m.byKey[key] == nil {
			found.Add("%s: %q is in the target, and never was in the source", m.name, key)
		}
	}
	return found, same, own
}

// endsAs reports whether r is how k ends in the last run.
func (k *object) endsAs(r outcome.Row) bool {
	switch {
	case k.own != nil:
		return r.State == ledger.Conflict
	case k.want.State != ledger.Copied:
		return r.State == k.want.State && strings.Contains(r.Reason, k.want.Reason)
	}
	return r.State.Holds() && r.Verdict == ledger.Verified
}
