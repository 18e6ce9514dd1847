package agent_test

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"iter"
	"slices"
	"sort"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"kodoferry/shared/agent"
	"kodoferry/shared/digest"
	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/watch"
	"kodoferry/shared/report"
	"kodoferry/shared/store"
	"kodoferry/shared/store/mem"
	"kodoferry/shared/task"
	"kodoferry/shared/worker"
)

// How long each of the services' answers takes in these tests, by a clock that stands still
// while anything is computed.
const (
	atSource = 40 * time.Millisecond
	atTarget = 20 * time.Millisecond
)

// numbered is a source of so many objects whose keys are numbers.
type numbered struct {
	n    int
	body []byte
}

func (s *numbered) key(i int) string {
	return fmt.Sprintf("%02d/%02d/%05d-%06x.bin", i/10_000_000, i/100_000%100, i%100_000, i*7919%(1<<24))
}

func (s *numbered) object(i int) store.Object {
	return store.Object{Key: s.key(i), Size: int64(len(s.body)), Hash: digest.QetagOf(s.body), Modified: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), Type: "image/jpeg"}
}

func (s *numbered) List(ctx context.Context, r store.Range) iter.Seq2[store.Object, error] {
	return store.Pages{
		Op: "numbered.List", Cut: store.UTF8Prefix, Recheck: true,
		Read: func(_ context.Context, q store.Query, next string) (p store.Page, err error) {
			time.Sleep(atSource)
			from := sort.Search(s.n, func(i int) bool { return s.key(i) > max(q.After, next) && (s.key(i) >= q.Prefix) })
			for ; from < s.n && len(p.Objects) < store.KeysPerPage; from++ {
				o := s.object(from)
				if !strings.HasPrefix(o.Key, q.Prefix) {
					return p, nil
				}
				p.Objects = append(p.Objects, o)
			}
			if from < s.n {
				p.Next = s.key(from - 1)
			}
			return p, nil
		},
	}.List(ctx, r)
}

func (s *numbered) Stat(_ context.Context, key string) (store.Object, error) {
	time.Sleep(atSource)
	i := sort.Search(s.n, func(i int) bool { return s.key(i) >= key })
	if i == s.n || s.key(i) != key {
		return store.Object{}, fault.New(fault.NotFound, "numbered.Stat", key, nil)
	}
	return s.object(i), nil
}

func (s *numbered) Open(_ context.Context, o store.Object, _, _ int64) (store.Object, io.ReadCloser, error) {
	time.Sleep(atSource)
	return o, io.NopCloser(bytes.NewReader(s.body)), nil
}

// apart is a bucket at a distance.
type apart struct {
	*mem.Bucket
	answers time.Duration // how long each takes
}

func (b apart) List(ctx context.Context, r store.Range) iter.Seq2[store.Object, error] {
	return store.Pages{
		Op: "apart.List", Cut: store.UTF8Prefix,
		Read: func(ctx context.Context, q store.Query, next string) (p store.Page, err error) {
			time.Sleep(b.answers)
			for o, err := range b.Bucket.List(ctx, store.Range{Prefix: q.Prefix, After: max(q.After, next)}) {
				if err != nil {
					return p, err
				}
				if len(p.Objects) == store.KeysPerPage {
					p.Next = p.Objects[len(p.Objects)-1].Key
					break
				}
				p.Objects = append(p.Objects, o)
			}
			return p, nil
		},
	}.List(ctx, r)
}

func (b apart) Entries(ctx context.Context, prefix, after string) iter.Seq2[string, error] {
	select { // of one page
	case <-time.After(b.answers):
	case <-ctx.Done():
	}
	return b.Bucket.Entries(ctx, prefix, after)
}

func (b apart) Versioned(ctx context.Context) (bool, error) {
	time.Sleep(b.answers)
	return b.Bucket.Versioned(ctx)
}

func (b apart) Stat(ctx context.Context, key string) (store.Object, error) {
	time.Sleep(b.answers)
	return b.Bucket.Stat(ctx, key)
}

func (b apart) Open(ctx context.Context, o store.Object, off, n int64) (store.Object, io.ReadCloser, error) {
	time.Sleep(b.answers)
	return b.Bucket.Open(ctx, o, off, n)
}

func (b apart) Put(ctx context.Context, o store.Object, body io.Reader, how store.Put) (store.Stored, error) {
	time.Sleep(b.answers)
	return b.Bucket.Put(ctx, o, body, how)
}

func (b apart) Delete(ctx context.Context, key string) error {
	time.Sleep(b.answers)
	return b.Bucket.Delete(ctx, key)
}

// seen is a worker.Doer that tells when a task of a kind is begun, and when it has ended.
type seen struct {
	worker.Doer
	begun func(task.Task) (ended func())
}

func (s seen) Do(ctx context.Context, t task.Task) ([]task.Task, error) {
	defer s.begun(t)()
	return s.Doer.Do(ctx, t)
}

// far runs a migration of so many objects to its report, or until watch stops it. Each of the
// target's answers takes so long.
func far(t *testing.T, objects int, target time.Duration, watch func(ctx context.Context, stop func(), o *agent.CopyOptions)) (report.Report, error) {
	b := apart{mem.New(mem.OSS), target}
	j, err := job.New("kodo://photos/?region=z0", "oss://photos-new/?region=cn-hangzhou", "")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var o agent.CopyOptions
	watch(ctx, stop, &o)
	return agent.Copy(ctx, agent.Sites{Source: &numbered{objects, []byte("some bytes")}, Target: b, Ledger: ledger.Open(b, j.Ledger.Prefix)}, j, o)
}

// TestARunAtADistanceBeginsWithinFewRoundTrips begins a run of ten million objects: the first
// is in the target within eleven round trips to it, or eight where both sides are as far away,
// and 32 ranges are listed side by side within three to the source, or four, of the beginning of
// the listing.
func TestARunAtADistanceBeginsWithinFewRoundTrips(t *testing.T) {
	for _, tc := range []struct{ target, object, ranges time.Duration }{
		{atTarget, 11 * atTarget, 3 * atSource},
		{atSource, 8 * atSource, 4 * atSource},
	} {
		t.Run(fmt.Sprintf("%v and %v", atSource, tc.target), func(t *testing.T) { beginsWithin(t, tc.target, tc.object, tc.ranges) })
	}
}

func beginsWithin(t *testing.T, target, mostObject, mostRanges time.Duration) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		var mu sync.Mutex
		var listing, object, ranges time.Duration
		lists := 0
		_, _ = far(t, 10_000_000, target, func(_ context.Context, stop func(), o *agent.CopyOptions) {
			end := func() {
				if object > 0 && ranges > 0 {
					stop()
				}
			}
			o.Watch = func(e watch.Progress) {
				mu.Lock()
				defer mu.Unlock()
				if e.Kind == watch.Settled && object == 0 {
					object = time.Since(begun)
					end()
				}
			}
			o.Around = func(d worker.Doer) worker.Doer {
				return seen{d, func(k task.Task) func() {
					mu.Lock()
					defer mu.Unlock()
					if k.Kind != task.List {
						return func() {}
					}
					listing = cmp.Or(listing, time.Since(begun))
					if lists++; lists == 32 && ranges == 0 {
						ranges = time.Since(begun)
						end()
					}
					return func() { mu.Lock(); defer mu.Unlock(); lists-- }
				}}
			}
		})
		t.Logf("listing begins after %v, the first object is in the target after %v, 32 ranges are listed after %v", listing, object, ranges)
		if object == 0 || object > mostObject {
			t.Errorf("the first object is in the target after %v, want %v at most", object, mostObject)
		}
		if ranges == 0 || ranges-listing > mostRanges {
			t.Errorf("32 ranges are listed %v after the listing began, want %v at most", ranges-listing, mostRanges)
		}
	})
}

// listsAlone is a worker.Doer that does List tasks alone, until none is left.
type listsAlone struct {
	worker.Doer
	over func(shards int)

	mu           sync.Mutex
	open, shards int
}

func (l *listsAlone) Do(ctx context.Context, t task.Task) ([]task.Task, error) {
	switch t.Kind {
	case task.List:
	case task.Report: // without one the run is over
		t.Waits, t.Delay = t.Waits+1, time.Minute
		return []task.Task{t}, nil
	default:
		return nil, nil
	}
	next, err := l.Doer.Do(ctx, t)
	next = slices.DeleteFunc(next, func(n task.Task) bool { return n.Kind != task.List })
	l.mu.Lock()
	defer l.mu.Unlock()
	l.shards++
	if l.open += len(next) - 1; l.open == 0 {
		l.over(l.shards)
	}
	return next, err
}

// TestPlacesThatAreIdleTakePartsOfALongListing lists 300,000 keys a page of which takes 40 ms:
// as one chain it took 12 s.
func TestPlacesThatAreIdleTakePartsOfALongListing(t *testing.T) {
	const objects, roundTrips = 300_000, 24
	synctest.Test(t, func(t *testing.T) {
		begun, took, shards := time.Now(), time.Duration(0), 0
		_, _ = far(t, objects, atTarget, func(_ context.Context, stop func(), o *agent.CopyOptions) {
			o.Around = func(d worker.Doer) worker.Doer {
				return &listsAlone{Doer: d, open: 1, over: func(n int) {
					took, shards = time.Since(begun), n
					stop()
				}}
			}
		})
		t.Logf("%d shards are listed after %v", shards, took)
		if took == 0 || took > roundTrips*atSource || shards > 100 {
			t.Errorf("%d shards took %v to list, want at most 100 and %v", shards, took, roundTrips*atSource)
		}
	})
}

// TestABatchEndsWithItsRecord, one round trip behind its last object: what follows of it this
// process knows by itself. Each shard is verified by one task, which is begun once all of it is
// copied, while others are.
func TestABatchEndsWithItsRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var object, batch, verified time.Time // the last object, the last write-off, the first verification
		verifies := map[string]int{}
		_, err := far(t, 20_000, atTarget, func(_ context.Context, _ func(), o *agent.CopyOptions) {
			o.Watch = func(e watch.Progress) {
				mu.Lock()
				defer mu.Unlock()
				if e.Kind == watch.Settled {
					object = time.Now()
				}
			}
			o.Around = func(d worker.Doer) worker.Doer {
				return seen{d, func(k task.Task) func() {
					mu.Lock()
					defer mu.Unlock()
					if verifies[k.Shard]++; k.Kind != task.Verify {
						verifies[k.Shard]--
					} else if verified.IsZero() {
						verified = time.Now()
					}
					return func() {
						mu.Lock()
						defer mu.Unlock()
						if k.Kind == task.Copy {
							batch = time.Now()
						}
					}
				}}
			}
		})
		if took := batch.Sub(object); err != nil || took > atTarget {
			t.Errorf("the last batch ends %v behind its last object, want %v at most; %v", took, atTarget, err)
		}
		if !verified.Before(batch) {
			t.Errorf("nothing is verified before the last batch is written off")
		}
		for shard, n := range verifies {
			if n > 1 {
				t.Errorf("shard %s has %d verifications, want 1", shard, n)
			}
		}
	})
}

// TestASmallRunEndsSoonBehindItsLastObject: what is to be known for its verification and its
// report is asked side by side.
func TestASmallRunEndsSoonBehindItsLastObject(t *testing.T) {
	const roundTrips = 16
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var object time.Time // the last
		rep, err := far(t, 32, atSource, func(_ context.Context, _ func(), o *agent.CopyOptions) {
			o.Watch = func(e watch.Progress) {
				mu.Lock()
				defer mu.Unlock()
				if e.Kind == watch.Settled {
					object = time.Now()
				}
			}
		})
		if err != nil || rep.Result != report.Verified {
			t.Fatalf("the run ends %s, %v", rep.Result, err)
		}
		if took := time.Since(object); took > roundTrips*atSource {
			t.Errorf("the run ends %v behind its last object, %d round trips, want %d at most", took, took/atSource, roundTrips)
		}
	})
}
