package limit

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/live"
)

const (
	// refreshEvery is how often a process at work reads the bounds and whether
	// the run goes on: four requests to the ledger.
	refreshEvery = live.For / 3
	// Notice is how long after a run was paused, cancelled or sealed every process
	// at work has noticed: each reads the ledger every refreshEvery, and an answer
	// takes a while.
	Notice = refreshEvery + refreshEvery/4
	// Flight is how long a request may take that writes or removes after the ledger
	// was asked whether that is still wanted; one that takes longer is cut, and asks
	// again. So once Notice has passed since a pause, a cancellation, a seal, or a
	// change of the kept job, nothing that was asked before is on its way.
	Flight = Notice / 2
	// reliedOn is for how long a process relies on what it read of whether the run goes on.
	reliedOn = Notice - time.Second
	// checkEvery is how often Enter checks whether the ledger is to be read.
	checkEvery = newProcessLeast / 2
	// retryAfter is when the ledger is read again that did not answer.
	retryAfter = 2 * time.Second
)

// Share is the part of a run's bounds that this process takes, and whether the
// run goes on. It is kept up to date only while a task is under way, between
// Enter and leave: an instance of a function is frozen between invocations. It
// is safe for concurrent use.
type Share struct {
	Streams Streams  // from the source
	State   RunState // read with the bounds

	run       *ledger.Run
	process   string
	now       func() time.Time
	log       *slog.Logger
	minStream int64 // bytes a second that a stream must get

	bytes    adjustable // of bodies read from the source
	requests adjustable // to either side

	reading *semaphore.Weighted // held by the one call that reads the ledger

	mu         sync.Mutex // over all that follows
	copyTasks  int        // under way
	otherTasks int        // under way
	since      time.Time  // when this process began to work on the run
	refreshAt  time.Time  // when the ledger is to be read next
	rereadAt   time.Time  // when the bounds are to be read next
	readAt     time.Time  // when the read began that State is from
	allottedAt time.Time  // when allot last worked out what follows from the bounds
	bounds     Bounds
	peers      peers
	place      place
	rate       float64            // bytes a second that this process may read; 0: any
	bindsAt    time.Time          // when Binds was called last
	heartbeats map[live.Sign]bool // those of this process that are in the ledger
}

// Options say which process takes a share, and how.
type Options struct {
	Process  string           // its name among all that work on the run
	Deployed bool             // the run's tasks are done by functions, whose invocations are short
	Now      func() time.Time // its clock
	Log      *slog.Logger
}

// NewShare returns this process's share of what bounds a run, whose job says l.
// A run of one process without any bounds is not read for refreshEvery: most
// are over by then.
func NewShare(run *ledger.Run, l job.Limits, o Options) *Share {
	s := &Share{
		run: run, process: o.Process, now: o.Now, log: o.Log, minStream: leastStream, reading: semaphore.NewWeighted(1),
		since: o.Now(), bounds: boundsOf(l), heartbeats: map[live.Sign]bool{},
	}
	if o.Deployed {
		s.minStream = max(s.minStream, max(l.PartsAbove, l.PartSize)/int64(streamTime/time.Second))
	}
	if !o.Deployed && !s.bounds.Any() {
		s.refreshAt = s.since.Add(refreshEvery)
		s.rereadAt, s.readAt = s.refreshAt, s.since
	}
	return s
}

// Enter counts a task as under way, one that copies or another, and keeps the
// share up to date until leave is called. It fails where the ledger, which was
// never read before, cannot be read.
func (s *Share) Enter(ctx context.Context, copies bool) (leave func(), err error) {
	s.addTasks(copies, 1)
	if err := s.refresh(ctx); err != nil {
		s.addTasks(copies, -1)
		return nil, err
	}
	outer := ctx
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(checkEvery)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				_ = s.refresh(ctx) // an error is logged, and the share stays as it was
			case <-ctx.Done():
				return
			}
		}
	}()
	return func() {
		cancel()
		<-ended
		s.addTasks(copies, -1)
		s.freePlace(outer)
	}, nil
}

func (s *Share) addTasks(copies bool, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if copies {
		s.copyTasks += n
	} else {
		s.otherTasks += n
	}
}

// Busy reports whether any task is under way.
func (s *Share) Busy() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.copyTasks+s.otherTasks > 0
}

// refresh reads the ledger if it is time, and allots what this process may take
// by the time of day. Only the first read must succeed: after one that fails
// later the share stays as it was.
func (s *Share) refresh(ctx context.Context) error {
	if err := s.reading.Acquire(ctx, 1); err != nil {
		return err
	}
	defer s.reading.Release(1)
	now := s.now()
	s.mu.Lock()
	first := s.refreshAt.IsZero()
	copies, others := s.copyTasks > 0, s.otherTasks > 0
	read := !now.Before(s.refreshAt) || s.bounds.Any() && copies && !s.place.waits && s.peers.mayForget(now, s.peers.lastCopyHeartbeat)
	s.mu.Unlock()
	if read {
		reading, cancel := context.WithTimeout(ctx, s.readTimeout(now))
		err := s.readLedger(reading, now, copies, others)
		cancel()
		if err != nil {
			if first {
				return err
			}
			s.mu.Lock()
			s.refreshAt = now.Add(retryAfter)
			old := !s.now().Before(s.readAt.Add(reliedOn))
			s.mu.Unlock()
			if old {
				s.State.expire()
			}
			if ctx.Err() == nil {
				s.log.WarnContext(ctx, "limits and state not read, those before hold", "fault", fault.KindOf(err), "err", err)
			}
		}
	}
	s.allot(now, read)
	return nil
}

// readTimeout is how long the ledger may take to answer: as long as what was read
// before is relied on. Where that is too old already, or nothing was read, no
// task is under way that relies on it.
func (s *Share) readTimeout(now time.Time) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if left := s.readAt.Add(reliedOn).Sub(now); left > 0 {
		return left
	}
	return reliedOn
}

// readLedger reads the bounds, and whether the run goes on, if that is due. Where
// anything is bounded it writes a heartbeat and lists those of other processes.
func (s *Share) readLedger(ctx context.Context, now time.Time, copies, others bool) error {
	if !now.Before(s.rereadAt) {
		if err := s.readBounds(ctx, now); err != nil {
			return err
		}
	}
	if s.bounds.Any() {
		return s.updatePeers(ctx, now, copies, others)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.peers.sharing, s.peers.copying, s.place.waits, s.refreshAt = nil, nil, false, s.rereadAt
	return nil
}

// readBounds reads the bounds, and whether the run goes on.
func (s *Share) readBounds(ctx context.Context, now time.Time) error {
	var bounds Bounds
	var standing ledger.Standing
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) {
		bounds, _, err = Read(gctx, s.run)
		return err
	})
	g.Go(func() (err error) {
		standing, _, err = s.run.Steering().ReadStanding(gctx)
		return err
	})
	if err := g.Wait(); err != nil {
		return err
	}
	s.State.Set(standing)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bounds, s.rereadAt, s.readAt = bounds, now.Add(refreshEvery), now
	return nil
}
