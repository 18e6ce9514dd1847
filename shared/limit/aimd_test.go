package limit

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"kodoferry/shared/limit/window"
)

// loaded is a service that bears so many at a time and refuses the rest.
type loaded struct {
	bears     atomic.Int64
	busy, top atomic.Int64
}

// work has 64 workers serve objects of 100 ms through g for d, and returns how
// many were served and how many refused.
func (l *loaded) work(g *AIMD, d time.Duration) (served, refused int64) {
	ctx, stop := context.WithTimeout(context.Background(), d)
	defer stop()
	var ok, no atomic.Int64
	done := make(chan struct{})
	for range 64 {
		go func() {
			defer func() { done <- struct{}{} }()
			for g.Acquire(ctx) == nil {
				began := time.Now()
				n := l.busy.Add(1)
				l.top.Store(max(l.top.Load(), n))
				if n > l.bears.Load() {
					time.Sleep(10 * time.Millisecond)
					no.Add(1)
					g.Throttled(began, 0)
				} else {
					time.Sleep(100 * time.Millisecond)
					ok.Add(1)
					g.Succeeded(time.Now())
				}
				l.busy.Add(-1)
				g.Release()
			}
		}()
	}
	for range 64 {
		<-done
	}
	return ok.Load(), no.Load()
}

func TestAsManyObjectsAreInFlightAsTheServicesBear(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, l := NewAIMD(64, nil), &loaded{}
		l.bears.Store(1000)
		served, refused := l.work(g, 10*time.Second)
		if refused != 0 || served < 6300 || l.top.Load() > 64 {
			t.Errorf("unhindered: %d served, %d refused, %d at once, want 6,400, none, 64", served, refused, l.top.Load())
		}
		l.bears.Store(16)
		l.work(g, 10*time.Second) // finds out
		served, refused = l.work(g, time.Minute)
		// 16 at a time would be 9,600; going down by half and up by one uses three quarters of it.
		if served < 6000 || refused > served/10 {
			t.Errorf("where 16 are borne: %d served, %d refused, want over 6,000 and few", served, refused)
		}
		l.bears.Store(1000)
		l.work(g, 5*time.Minute)
		if served, _ = l.work(g, 10*time.Second); served < 6300 {
			t.Errorf("once all are borne again: %d served, want 6,400", served)
		}
	})
}

func TestNothingBeginsBeforeTheServiceSays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewAIMD(4, nil)
		began := time.Now()
		g.Throttled(began, 7*time.Second)
		if err := g.Acquire(t.Context()); err != nil || time.Since(began) != 7*time.Second {
			t.Errorf("Acquire = %v after %v, want none after 7 s", err, time.Since(began))
		}
		g.Release()
		g.Throttled(time.Now(), time.Hour)
		ctx, stop := context.WithTimeout(t.Context(), 30*time.Second)
		defer stop()
		if err := g.Acquire(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Acquire = %v, want it to end with its context", err)
		}
		if err := g.Acquire(t.Context()); err != nil || time.Since(began) != 7*time.Second+longestBlock {
			t.Errorf("Acquire = %v after %v, want none a minute after the second throttle", err, time.Since(began))
		}
	})
}

func TestAnswersToWhatWasInFlightTogetherHalveOnce(t *testing.T) {
	g := NewAIMD(64, nil)
	began := time.Now()
	for range 64 {
		g.Throttled(began, 0)
	}
	if g.slots != 32 {
		t.Errorf("64 answers to what was in flight together leave %v slots, want 32", g.slots)
	}
}

func TestACanceledWaitDelaysNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewAIMD(1, nil)
		if err := g.Acquire(t.Context()); err != nil {
			t.Fatal(err)
		}
		hasty, give := context.WithCancel(t.Context())
		gone, came := make(chan error), make(chan error)
		go func() { gone <- g.Acquire(hasty) }()
		synctest.Wait()
		go func() { came <- g.Acquire(t.Context()) }()
		synctest.Wait()
		g.Throttled(time.Now(), 5*time.Second) // nobody may begin before
		g.Release()                            // the call that is canceled below is woken, and waits on
		synctest.Wait()
		give()
		if err := <-gone; err == nil {
			t.Error("Acquire = nil after its context ended")
		}
		began := time.Now()
		if err := <-came; err != nil || time.Since(began) != 5*time.Second {
			t.Errorf("the other has its slot after %v, %v, want 5 s", time.Since(began), err)
		}
	})
}

func TestSlotsAreNeverMoreThanThereAreAndNeverLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const seed = 7
		r := rand.New(rand.NewPCG(seed, seed))
		g, busy, top := NewAIMD(5, nil), atomic.Int64{}, atomic.Int64{}
		done := make(chan struct{})
		for range 200 {
			wait, work := time.Duration(r.IntN(1000))*time.Millisecond, time.Duration(r.IntN(50))*time.Millisecond
			go func() {
				defer func() { done <- struct{}{} }()
				ctx, cancel := context.WithTimeout(t.Context(), wait)
				defer cancel()
				if g.Acquire(ctx) != nil {
					return
				}
				top.Store(max(top.Load(), busy.Add(1)))
				time.Sleep(work)
				busy.Add(-1)
				g.Release()
			}()
		}
		for range 200 {
			<-done
		}
		if top.Load() != 5 {
			t.Errorf("seed %d: %d at once, want 5", seed, top.Load())
		}
		for range 5 {
			if err := g.Acquire(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestASlotIsReusedOnlyWhileItIsWithinTheBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewAIMD(4, nil)
		for range 4 {
			if err := g.Acquire(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if !g.Reusable() {
			t.Error("unhindered: a slot is not reusable, want it so")
		}
		g.Throttled(time.Now(), 0)
		if g.Reusable() {
			t.Error("with 2 slots and 4 held: one is reusable, want it given back")
		}
		g.Release()
		g.Release()
		if !g.Reusable() {
			t.Error("with 2 slots and 2 held: none is reusable, want them so")
		}
		g.Throttled(time.Now(), time.Second)
		g.Release()
		if g.Reusable() {
			t.Error("while all are blocked: a slot is reusable, want it given back")
		}
	})
}

func TestABackoffHasItsSlotBeforeAnyOtherCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewAIMD(2, nil)
		ctx := t.Context()
		for range 2 {
			if err := g.Acquire(ctx); err != nil {
				t.Fatal(err)
			}
		}
		var mu sync.Mutex
		var order []string
		note := func(name string) {
			mu.Lock()
			defer mu.Unlock()
			order = append(order, name)
		}
		done := make(chan struct{})
		backoff := func(name string, d time.Duration) {
			if err := g.Backoff(ctx, d); err != nil {
				t.Error(err)
			}
			note(name)
			time.Sleep(time.Second)
			g.Release()
			done <- struct{}{}
		}
		go backoff("earlier", 10500*time.Millisecond) // between two seconds, at which the others may release their slots
		synctest.Wait()
		for range 8 { // take the slot meanwhile, again and again
			go func() {
				for range 10 {
					if err := g.Acquire(ctx); err != nil {
						t.Error(err)
					}
					for range 5 {
						time.Sleep(time.Second)
						note("other")
						if !g.Reusable() {
							break
						}
					}
					g.Release()
				}
				done <- struct{}{}
			}()
		}
		synctest.Wait()
		go backoff("later", 11500*time.Millisecond)
		for range 10 {
			<-done
		}
		at := slices.Index(order, "earlier")
		later := slices.Index(order, "later")
		if at < 0 || at > 24 || later < at || later > 28 {
			t.Errorf("came back at %d and %d of %d, want it within a second or two of 10.5 s, in order", at, later, len(order))
		}
		if g.busy != 0 || g.returning != 0 || len(g.priority)+len(g.waiting) != 0 {
			t.Errorf("at the end %d in flight, %d returning, %d waiting, want none", g.busy, g.returning, len(g.priority)+len(g.waiting))
		}
	})
}

// TestAsManyAreInFlightAsAreBest: a service whose answers take 100 ms, more or less, which serves so many at
// a time and has the others wait. What was found is looked at each second of the
// last half of three such minutes, for it goes on to try others.
func TestAsManyAreInFlightAsAreBest(t *testing.T) {
	const minutes, seconds = 3, 30
	for _, serves := range []int{20, 200} {
		var served atomic.Int64
		var found []int
		for range minutes {
			synctest.Test(t, func(t *testing.T) {
				g := NewAutoAIMD(512, nil)
				at := make(chan struct{}, serves)
				ctx, stop := context.WithTimeout(t.Context(), 2*seconds*time.Second)
				defer stop()
				var all sync.WaitGroup
				for range 512 {
					all.Go(func() {
						for g.Acquire(ctx) == nil {
							began := time.Now()
							at <- struct{}{}
							time.Sleep(time.Duration(50+rand.IntN(101)) * time.Millisecond)
							<-at
							served.Add(1)
							g.Succeeded(began)
							g.Release()
						}
					})
				}
				time.Sleep(seconds * time.Second)
				served.Store(0)
				for range seconds {
					time.Sleep(time.Second)
					found = append(found, g.Best())
				}
				all.Wait()
				if got, best := served.Swap(0), int64(serves*10*seconds); got < best*9/10 {
					t.Errorf("%d of %d objects were served", got, best)
				}
			})
		}
		slices.Sort(found)
		if found := found[len(found)/2]; found < serves*3/4 || found > 3*serves {
			t.Errorf("%d were found to be best where %d are served at a time", found, serves)
		}
	}
}

// TestRefusalsHalveWhatWasFound: and it recovers to what was in flight when the service
// refused, before it tries more.
func TestRefusalsHalveWhatWasFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewAutoAIMD(512, nil)
		g.Begin(100)
		for range 100 {
			if err := g.Acquire(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		began := time.Now()
		g.Throttled(began, 0)
		g.Throttled(began.Add(-time.Second), 0) // of the same burst
		if g.Most() != 100 || g.Best() != 100 || g.Reusable() {
			t.Fatalf("%d, found %d, reusable %v after a refusal with 100 in flight", g.Most(), g.Best(), g.Reusable())
		}
		for range 50 {
			g.Release()
		}
		if !g.Reusable() {
			t.Error("50 in flight are not half of 100")
		}
		successes := 0
		for ; g.slots < 100 && successes < 10_000; successes++ {
			g.Succeeded(time.Now())
		}
		if successes < 2000 || successes > 4000 || g.Most() != 100 {
			t.Errorf("it recovers within %d successes, to %d", successes, g.Most())
		}
	})
}

// TestRefusalsThatNoNumberAverts: a service that refuses one request in 50, whatever is in
// flight, is asked for as much as where the number is fixed.
func TestRefusalsThatNoNumberAverts(t *testing.T) {
	serves := func(g *AIMD) (served int64) {
		synctest.Test(t, func(t *testing.T) {
			var asked, done atomic.Int64
			ctx, stop := context.WithTimeout(context.Background(), 5*time.Minute)
			defer stop()
			var all sync.WaitGroup
			for range 128 {
				all.Go(func() {
					for g.Acquire(ctx) == nil {
						for {
							began := time.Now()
							time.Sleep(60 * time.Millisecond)
							if asked.Add(1)%50 != 0 {
								g.Succeeded(began)
								break
							}
							g.Throttled(began, 0)
							if g.Backoff(ctx, time.Second) != nil {
								break
							}
						}
						done.Add(1)
						g.Release()
					}
				})
			}
			all.Wait()
			served = done.Load()
		})
		return served
	}
	fixed, auto := serves(NewAIMD(64, nil)), NewAutoAIMD(512, nil)
	if got := serves(auto); got < fixed*9/10 || auto.Best() < window.First/2 {
		t.Errorf("%d objects were served, %d where the number is fixed; %d were found to be best", got, fixed, auto.Best())
	}
}

func TestWhatOthersFoundIsBegunWith(t *testing.T) {
	g := NewAutoAIMD(512, nil)
	g.Begin(0)
	if g.Most() != window.First || g.Best() != 0 {
		t.Errorf("%d, found %d, where nobody knows", g.Most(), g.Best())
	}
	g.Begin(300)
	if g.Most() != 300 || g.Best() != 300 {
		t.Errorf("%d, found %d, of 300", g.Most(), g.Best())
	}
	g.Begin(20) // later news
	if g.Most() != 300 {
		t.Errorf("%d: what it found itself counts", g.Most())
	}
	g = NewAutoAIMD(64, nil)
	if g.Begin(1 << 40); g.Most() != 64 {
		t.Errorf("%d, of 64 at most", g.Most())
	}
	fixed := NewAIMD(8, nil)
	fixed.Begin(300)
	if fixed.Most() != 8 || fixed.Best() != 0 {
		t.Errorf("%d, found %d, of a number that is fixed", fixed.Most(), fixed.Best())
	}
}
