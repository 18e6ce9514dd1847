// Package storm is `ferry demo --storm`: two buckets move again and again, by real
// processes over stand-ins that have every kind of fault at random rates, while the buckets
// change and processes are killed. When the time is over the faults end, a last run of each
// bucket mirrors it, and every object is checked. Start with Run.
//
//	storm.go     the storm, the calm, and what does the tasks
//	runs.go      the runs, and what must hold of each
//	faults.go    the kinds of fault, their rates and their counts
//	agents.go    the processes of ferry agent
//	bucket.go    a bucket, what changes in it, and what must be in the target
//	account.go   what is printed
//	journal.go   the log
package storm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"kodoferry/scripts/ferry/outcome"
	"kodoferry/scripts/ferry/show"
	"kodoferry/scripts/ferry/standins"
	"kodoferry/scripts/ferry/words"
	"kodoferry/shared/app"
	"kodoferry/shared/emulator/oss"
)

const (
	Objects      = 200             // of each bucket, unless --objects says otherwise
	extension    = time.Minute     // the storm goes on for so much longer at most, until there was each kind of fault
	calmLimit    = 5 * time.Minute // within which every run ends after the storm
	agentCount   = 3               // processes, where no platform runs functions
	ledgerBucket = "photos-ledger"
	pause        = "200ms"                // FERRY_PAUSE of the processes: what waits goes on before the storm is over
	sweepEvery   = 3 * time.Second        // at most so often the lost tasks of a run are sent again
	hidden       = 8 * time.Second        // a received message: longer than most tasks take
	awaitEvery   = 250 * time.Millisecond // looks for a run's report
	keptLines    = 50                     // of the log, printed where a run does not end
)

// Options says how long a storm goes on, over how much, and where the work is done.
type Options struct {
	Length   time.Duration
	Objects  int    // of each bucket, about
	Dir      string // the log is left there
	StandIns standins.Options
}

// storm is the state of one: the stand-ins, the buckets that move, the runs.
type storm struct {
	options Options
	clouds  *standins.World
	deploy  *app.Deployment
	moves   []*move
	log     *journal
	tell    *show.Teller
	began   time.Time
	keys    atomic.Int64 // issued to agents
	clock   clock
	calm    atomic.Bool // keys last, and nothing is killed

	runs   runs
	faults faults

	mu       sync.Mutex // over the findings and what runs has
	findings outcome.Findings
}

// Summary is the last line of standard output with --json.
type Summary struct {
	Seed     uint64           `json:"seed"`
	Platform string           `json:"platform"`
	Seconds  float64          `json:"seconds"`
	Faults   map[string]int64 `json:"faults"`
	Runs     int              `json:"runs"`
	Copied   int64            `json:"copied"` // by all runs
	Deleted  int64            `json:"deleted"`
	Failed   int64            `json:"failed"`
	Objects  int64            `json:"objects"` // of the last runs, as all below
	Verified int64            `json:"verified"`
	Conflict int64            `json:"conflict"`
	Findings []string         `json:"findings,omitempty"`
	OK       bool             `json:"ok"`
}

// Run lets a storm go on for o.Length, ends it, and checks every object; it prints what
// happens to text. Its error is outcome.ErrDiffers if anything differs from what must be, if
// there was none of a kind of fault, or if a run does not end, with the summary all the
// same; and that of ctx if ctx ended.
func Run(ctx context.Context, o Options, text io.Writer) (sum Summary, err error) {
	s, err := newStorm(o, show.NewTeller(text))
	if err != nil {
		return sum, err
	}
	defer s.close()
	s.introduce()
	if err := s.rage(ctx); err != nil {
		if ctx.Err() != nil {
			return sum, ctx.Err()
		}
		return sum, fmt.Errorf("demo: %w", err)
	}
	if sum = s.account(); !sum.OK {
		return sum, fmt.Errorf("demo: %w: %s, see above; %s shows the storm again", outcome.ErrDiffers, words.Count(int64(len(sum.Findings)), "finding", "findings"), o.again())
	}
	return sum, nil
}

// again is the command line of the same storm.
func (o Options) again() string {
	return fmt.Sprintf("ferry demo --storm %s --platform %s --seed %d --objects %d", o.Length, o.StandIns.Platform, o.StandIns.Seed, o.Objects)
}

// dice returns the random numbers of one thing that happens in the storm.
func (s *storm) dice(of uint64) *rand.Rand { return rand.New(rand.NewPCG(s.options.StandIns.Seed, of)) }

// newStorm starts the stand-ins and fills the buckets.
func newStorm(o Options, tell *show.Teller) (*storm, error) {
	s := &storm{options: o, tell: tell}
	s.runs, s.faults.s = runs{s: s, open: map[string]bool{}}, s
	s.clock = wrongClock(s.dice(1), o.StandIns.Platform)
	var err error
	if s.log, err = newJournal(filepath.Join(o.Dir, "storm.log")); err != nil {
		return nil, err
	}
	if s.clouds, err = standins.Start(o.StandIns, s.clock.Clocks); err != nil {
		return nil, errors.Join(err, s.log.Close())
	}
	if err := s.prepare(); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *storm) prepare() error {
	w := s.clouds
	if err := errors.Join(w.MakeQueues(hidden), w.OSS.CreateBucket(ledgerBucket)); err != nil {
		return err
	}
	for n, name := range []string{"photos", "films"} {
		m, err := newMove(s, name, uint64(n))
		if err != nil {
			return err
		}
		s.moves = append(s.moves, m)
	}
	w.OSS.OnStored(func(bucket string, o oss.Object) {
		for _, m := range s.moves {
			if m.target == bucket {
				m.stored(o)
			}
		}
	})
	vars := standins.Keys()
	maps.Copy(vars, s.env())
	cfg := app.Load(func(name string) string { return vars[name] })
	var err error
	s.deploy, err = cfg.Deploy(slog.New(app.LogHandler(s.log.of("start"), slog.LevelDebug, nil)))
	return err
}

// env is what the processes of the storm have in common.
func (s *storm) env() map[string]string {
	return map[string]string{
		"QINIU_ACCESS_KEY": standins.AccessKey, "QINIU_SECRET_KEY": standins.SecretKey,
		"FERRY_LEDGER": s.clouds.TargetLocation(ledgerBucket, standins.Ledger), "FERRY_QUEUES": s.clouds.QueuesLocation(),
		"FERRY_PAUSE": pause, "FERRY_LOG": "debug",
	}
}

func (s *storm) close() {
	s.clouds.Close()
	_ = s.log.Close() // what was written of it is there
}

// rage is the storm, the calm, and the last runs.
func (s *storm) rage(ctx context.Context) error {
	end, err := s.work(ctx)
	if err != nil {
		return err
	}
	defer end()
	s.began = time.Now()
	storming, over := context.WithCancel(ctx)
	defer over()
	bound, cancel := context.WithTimeout(ctx, s.options.Length+extension+calmLimit)
	defer cancel()
	shown := s.show(ctx)
	defer shown()
	var all, runs sync.WaitGroup
	all.Go(func() { defer over(); s.last(ctx) })
	all.Go(func() { s.faults.misbehave(storming) })
	all.Go(func() { s.faults.killNow(storming) })
	for n, m := range s.moves {
		all.Go(func() { m.live(storming, s.dice(100+uint64(n))) })
		runs.Go(func() { s.runs.migrate(storming, bound, m, s.dice(200+uint64(n))) })
	}
	all.Wait()
	s.faults.calmDown()
	runs.Wait()
	s.runs.awaitHalfBegun(bound)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	for _, m := range s.moves {
		runs.Go(func() { m.last = s.runs.lastRun(bound, m) })
	}
	runs.Wait()
	return ctx.Err()
}

// last waits until the time of the storm is over, and a little longer where a kind of fault
// was not met yet: a slow machine does little in a short time.
func (s *storm) last(ctx context.Context) {
	end := time.After(s.options.Length)
	select {
	case <-end:
	case <-ctx.Done():
		return
	}
	for until := time.Now().Add(extension); time.Now().Before(until); {
		if !slices.ContainsFunc(Kinds(), func(k Kind) bool { return k.count(s) == 0 }) {
			return
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return
		}
	}
}

// work starts what does the tasks: the platform's functions, or agents. end stops it.
func (s *storm) work(ctx context.Context) (end func(), err error) {
	if s.options.StandIns.Platform == standins.InProcess {
		return s.agents(ctx)
	}
	dir, remove, err := s.clouds.Binaries(ctx, func() { s.tell.Plain("  building the functions …") })
	if err != nil {
		return nil, err
	}
	dice, lock := s.dice(2), sync.Mutex{}
	f := standins.Functions{
		Dir: dir, Env: s.env(), Sweep: sweepEvery, Log: s.log.of,
		KeysLast: func() time.Duration {
			lock.Lock()
			defer lock.Unlock()
			if s.calm.Load() || dice.IntN(shortKeys) > 0 {
				return standins.KeysLast
			}
			return time.Duration(200+dice.IntN(2000)) * time.Millisecond
		},
	}
	if s.options.StandIns.Platform == standins.Lambda { // keys are an instance's, which goes before long
		f.Lifetime = instanceAge
	}
	stop, err := s.clouds.Deploy(f)
	if err != nil {
		remove()
		return nil, err
	}
	return func() { stop(); remove() }, nil
}

const (
	shortKeys   = 4                // one of so many keys ends soon
	instanceAge = 10 * time.Second // of instances whose keys are in their environment
)

func (s *storm) found(format string, args ...any) {
	s.log.note("FINDING: "+format, args...)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.findings.Add(format, args...)
}
