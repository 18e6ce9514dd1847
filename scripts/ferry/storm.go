package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"kodoferry/scripts/ferry/life"
	"kodoferry/scripts/ferry/show"
	"kodoferry/scripts/ferry/words"
	"kodoferry/shared/app"
	"kodoferry/shared/emulator/fc"
	"kodoferry/shared/emulator/oss"
	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/report"
)

const (
	stormObjects = 200             // of each of its buckets, unless --objects says otherwise
	stormMore    = time.Minute     // so much longer it lasts at most, until each kind of fault was met
	stormBound   = 5 * time.Minute // so long after the storm every run has ended
	stormAgents  = 3               // processes, where no platform runs functions
	stormLedger  = "photos-ledger"
	stormPause   = "200ms"         // FERRY_PAUSE of its processes: what waits does not wait for the calm
	stormSweep   = 3 * time.Second // how often the lost tasks of a run are sent again at most
	stormHidden  = 8 * time.Second // a message at work: longer than most tasks take
	stormLines   = 50              // of the log, that are printed where a run does not end
)

// storm is `ferry demo --storm`: real processes over stand-ins in which everything goes
// wrong for a while, and whose buckets change meanwhile. Read on in storm_faults.go, what
// goes wrong; storm_bucket.go, what changes, and what is held against it;
// storm_tell.go, what is told.
type storm struct {
	options demoOptions
	world   *demoWorld // the stand-ins; its own bucket stays empty
	deploy  *app.Deployment
	moves   []*stormMove
	log     *stormLog
	tell    *show.Teller
	began   time.Time
	kills   atomic.Int64 // of agents
	keys    atomic.Int64 // issued to agents
	clock   stormClock
	calm    atomic.Bool // keys last, and nothing is killed

	mu       sync.Mutex
	runs     []stormRun
	open     map[string]bool // runs that have not ended
	findings findings
}

// stormRun is one that has ended.
type stormRun struct {
	name   string
	report report.Report
	failed int64 // objects that were given up and are not of the kind that cannot be copied
}

// stormSummary is the last line of standard output with --json.
type stormSummary struct {
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

// runStorm has a storm rage for o.storm, lets it calm, and checks every object.
// It fails if anything differs from what must be, if a kind of fault was not
// met, or if a run does not end.
func runStorm(ctx context.Context, o demoOptions, out, errOut io.Writer) error {
	text := out
	if o.json {
		text = errOut
	}
	dir, err := reportDir(o.keep)
	if err != nil {
		return err
	}
	s, err := newStorm(o, show.NewTeller(text), dir)
	if err != nil {
		return err
	}
	defer s.close()
	s.introduce()
	if err := s.rage(ctx); err != nil {
		if ctx.Err() != nil {
			return errInterrupted
		}
		return fmt.Errorf("demo: %w", err)
	}
	sum := s.account()
	if o.json {
		line, err := json.Marshal(sum)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(out, "%s\n", line); err != nil {
			return err
		}
	}
	if !sum.OK {
		return fmt.Errorf("demo: %w: %s, see above; %s shows the storm again", errDiffers, words.Count(int64(len(sum.Findings)), "finding", "findings"), o.again())
	}
	return nil
}

// again is the command line of the same storm.
func (o demoOptions) again() string {
	return fmt.Sprintf("ferry demo --storm %s --platform %s --seed %d --objects %d", o.storm, o.platform, o.seed, o.objects)
}

// dice returns the random numbers of one thing that happens in the storm.
func (s *storm) dice(of uint64) *rand.Rand { return rand.New(rand.NewPCG(s.options.seed, of)) }

// newStorm starts the stand-ins and fills the buckets.
func newStorm(o demoOptions, tell *show.Teller, dir string) (*storm, error) {
	s := &storm{options: o, tell: tell, open: map[string]bool{}}
	s.clock = wrongClock(s.dice(1), o.platform)
	var err error
	if s.log, err = newStormLog(filepath.Join(dir, "storm.log")); err != nil {
		return nil, err
	}
	if s.world, err = startDemo(o, tell, s.clock.clocks); err != nil {
		return nil, errors.Join(err, s.log.Close())
	}
	if err := s.prepare(); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *storm) prepare() error {
	w := s.world
	w.hidden = stormHidden
	if err := errors.Join(w.makeQueues(), w.oss.CreateBucket(stormLedger)); err != nil {
		return err
	}
	for n, name := range []string{"photos", "films"} {
		m, err := newStormMove(s, name, uint64(n))
		if err != nil {
			return err
		}
		s.moves = append(s.moves, m)
	}
	w.oss.OnStored(func(bucket string, o oss.Object) {
		for _, m := range s.moves {
			if m.target == bucket {
				m.stored(o)
			}
		}
	})
	cfg := app.Load(func(name string) string {
		return map[string]string{
			"ALIBABA_CLOUD_ACCESS_KEY_ID": demoKey, "ALIBABA_CLOUD_ACCESS_KEY_SECRET": demoSecret,
			"AWS_ACCESS_KEY_ID": demoKey, "AWS_SECRET_ACCESS_KEY": demoSecret,
		}[name] + s.env()[name]
	})
	var err error
	s.deploy, err = cfg.Deploy(slog.New(app.LogHandler(s.log.of("start"), slog.LevelDebug, nil)))
	return err
}

// env is what the processes of the storm have in common.
func (s *storm) env() map[string]string {
	return map[string]string{
		"QINIU_ACCESS_KEY": demoKey, "QINIU_SECRET_KEY": demoSecret,
		"FERRY_LEDGER": s.world.targetLocation(stormLedger, demoLedger), "FERRY_QUEUES": s.world.queuesLocation(),
		"FERRY_PAUSE": stormPause, "FERRY_LOG": "debug",
	}
}

func (s *storm) close() {
	s.world.close()
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
	bound, cancel := context.WithTimeout(ctx, s.options.storm+stormMore+stormBound)
	defer cancel()
	shown := s.show(ctx)
	defer shown()
	var all, runs sync.WaitGroup
	all.Go(func() { defer over(); s.last(ctx) })
	all.Go(func() { s.misbehave(storming) })
	all.Go(func() { s.killNow(storming) })
	for n, m := range s.moves {
		all.Go(func() { m.live(storming, s.dice(100+uint64(n))) })
		runs.Go(func() { s.migrate(storming, bound, m, s.dice(200+uint64(n))) })
	}
	all.Wait()
	s.calmDown()
	runs.Wait()
	s.awaitHalfBegun(bound)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	for _, m := range s.moves {
		runs.Go(func() { m.last = s.lastRun(bound, m) })
	}
	runs.Wait()
	return ctx.Err()
}

// last waits until the time of the storm is over, and a little longer where a kind of fault
// was not met yet: a slow machine does little in a short time.
func (s *storm) last(ctx context.Context) {
	end := time.After(s.options.storm)
	select {
	case <-end:
	case <-ctx.Done():
		return
	}
	for until := time.Now().Add(stormMore); time.Now().Before(until); {
		if !slices.ContainsFunc(stormKinds(), func(k stormKind) bool { return k.count(s) == 0 }) {
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
	if s.options.platform == inProcess {
		return s.agents(ctx)
	}
	w := s.world
	dir, remove, err := w.binaries(ctx)
	if err != nil {
		return nil, err
	}
	if w.cloud, err = fc.New(fc.Config{SerialStreams: s.options.serialStreams}); err != nil {
		remove()
		return nil, err
	}
	end = func() { w.cloud.Close(); remove() }
	dice, lock := s.dice(2), sync.Mutex{}
	w.keysLast = func() time.Duration {
		lock.Lock()
		defer lock.Unlock()
		if s.calm.Load() || dice.IntN(shortKeys) > 0 {
			return keysLast
		}
		return time.Duration(200+dice.IntN(2000)) * time.Millisecond
	}
	w.sweep = stormSweep
	w.heard = func(name string) io.Writer { return s.log.of(name) }
	if s.options.platform == onLambda { // keys are an instance's, which goes before long
		w.lifetime = instanceAge
	}
	if err := w.connect(dir, s.env()); err != nil {
		end()
		return nil, err
	}
	return end, nil
}

const (
	shortKeys   = 4                // one of so many keys ends soon
	instanceAge = 10 * time.Second // of instances whose keys are in their environment
)

// migrate begins run after run until storming ends, and waits for the last ones. Some
// runs mirror deletions; films has some side by side.
func (s *storm) migrate(storming, bound context.Context, m *stormMove, dice *rand.Rand) {
	var together sync.WaitGroup
	for n := 0; storming.Err() == nil; n++ {
		j, err := m.job(s, n > 0 && dice.IntN(2) == 0)
		if err != nil {
			s.found("%v", err)
			return
		}
		name, ok := s.start(storming, j)
		if !ok {
			break
		}
		together.Go(func() { s.await(bound, name) })
		if j.Overlap != job.AllowOverlap || dice.IntN(3) > 0 {
			together.Wait()
			continue
		}
		select {
		case <-time.After(time.Duration(dice.IntN(2000)) * time.Millisecond):
		case <-storming.Done():
		}
	}
	together.Wait()
}

// lastRun mirrors in the calm what the source has become. It returns the run's record.
func (s *storm) lastRun(bound context.Context, m *stormMove) (run demoRun) {
	j, err := m.job(s, true)
	if err != nil {
		s.found("%v", err)
		return run
	}
	name, ok := s.start(bound, j)
	if !ok || !s.await(bound, name) {
		return run
	}
	if run.report, err = report.Read(bound, s.deploy.Ledger().Run(name)); err == nil {
		err = run.read(bound, s.deploy.Ledger().Run(name))
	}
	if err != nil {
		s.found("run %s cannot be read back: %v", name, err)
	}
	return run
}

// start begins a run of j, and again where that failed for what may pass; false where ctx
// ended first. A start that failed half-way leaves a run that has to end all the same.
func (s *storm) start(ctx context.Context, j job.Job) (name string, ok bool) {
	for ctx.Err() == nil {
		name, err := s.deploy.Start(ctx, j, nil, time.Now())
		if name != "" && (err == nil || fault.KindOf(err) != fault.Invalid) {
			s.begins(name)
		}
		switch {
		case err == nil:
			s.log.note("run %s begins, deletions mirrored: %v", name, j.Delete)
			return name, true
		case name != "" && fault.KindOf(err) == fault.Invalid && s.isOpen(name):
			s.log.note("run %s was begun and is not over: %v", name, err)
			return name, true
		}
		s.log.note("no run of %s begins: %v", j.Name, err)
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
		}
	}
	return "", false
}

func (s *storm) begins(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open[name] = true
}

func (s *storm) isOpen(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open[name]
}

// unended are the runs that were begun and have not ended.
func (s *storm) unended() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.open))
}

// awaitHalfBegun waits for runs whose start failed, or was cut off by the end of the storm:
// those that have their first record end as any, the others are none.
func (s *storm) awaitHalfBegun(bound context.Context) {
	for _, name := range s.unended() {
		if _, err := s.deploy.Ledger().Run(name).Started(bound); ledger.Missing(err) {
			s.mu.Lock()
			delete(s.open, name)
			s.mu.Unlock()
			continue
		}
		s.await(bound, name)
	}
}

// await waits until a run is over and takes its report in; false where it was not by the bound.
func (s *storm) await(bound context.Context, name string) bool {
	run := s.deploy.Ledger().Run(name)
	for {
		rep, err := report.Read(bound, run)
		switch {
		case err == nil:
			s.ended(name, rep)
			return true
		case bound.Err() != nil:
			return false
		case !ledger.Missing(err) && !fault.Retryable(err) && fault.KindOf(err) != fault.Denied:
			s.found("the report of run %s cannot be read: %v", name, err)
			return false
		}
		select {
		case <-time.After(lookEvery / 4):
		case <-bound.Done():
		}
	}
}

// ended takes in what a run came to.
func (s *storm) ended(name string, rep report.Report) {
	o := rep.Objects
	s.log.note("run %s ends %s: %+v %s", name, rep.Result, o, rep.Reason)
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.open[name] {
		return // it was awaited twice
	}
	delete(s.open, name)
	if !rep.Balanced && len(rep.Unknown) == 0 || o.Listed != o.Copied+o.Unchanged+o.Skipped+o.Conflict+o.Gone+o.Failed {
		s.findings.add("the books of run %s do not balance: %+v", name, o)
	}
	ended := stormRun{name: name, report: rep}
	for _, f := range rep.Failures {
		if want, _ := expect(life.Item{Key: f.Key}); f.State == ledger.Failed && want.state != ledger.Failed {
			ended.failed++
		}
		s.log.note("run %s: %s of %q: %s", name, f.State, f.Key, f.Reason)
	}
	s.runs = append(s.runs, ended)
	for _, u := range rep.Unknown {
		s.log.note("run %s: unknown from %q to %q: %s", name, u.After, u.UpTo, u.Reason)
	}
}

func (s *storm) found(format string, args ...any) {
	s.log.note("FINDING: "+format, args...)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.findings.add(format, args...)
}

// stormLog keeps what processes write and what happens, all of it in a file and the last
// lines in memory.
type stormLog struct {
	file  *os.File
	began time.Time

	mu    sync.Mutex
	lines []string // a ring of the last ones
	next  int
}

func newStormLog(path string) (*stormLog, error) {
	f, err := os.Create(path)
	return &stormLog{file: f, began: time.Now(), lines: make([]string, stormLines)}, err
}

func (l *stormLog) Close() error { return l.file.Close() }

// note writes a line of the storm itself.
func (l *stormLog) note(format string, args ...any) { l.line("storm", fmt.Sprintf(format, args...)) }

func (l *stormLog) line(who, text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	line := fmt.Sprintf("%7.2f %-8s %s", time.Since(l.began).Seconds(), who, text)
	l.lines[l.next] = line
	l.next = (l.next + 1) % len(l.lines)
	_, _ = fmt.Fprintln(l.file, line) // the last lines are kept anyway
}

// last returns the last lines, the oldest first.
func (l *stormLog) last() (lines []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.lines {
		if line := l.lines[(l.next+i)%len(l.lines)]; line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

// of returns what takes the output of one process, line by line.
func (l *stormLog) of(who string) io.Writer { return &linesOf{log: l, who: who} }

// linesOf cuts what is written into lines of a log.
type linesOf struct {
	log *stormLog
	who string

	mu   sync.Mutex
	part []byte
}

func (w *linesOf) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.part = append(w.part, p...)
	for {
		line, rest, whole := bytes.Cut(w.part, []byte("\n"))
		if !whole {
			return len(p), nil
		}
		w.log.line(w.who, string(line))
		w.part = bytes.Clone(rest)
	}
}
