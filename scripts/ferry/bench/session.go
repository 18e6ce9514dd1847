package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"kodoferry/shared/app"
	"kodoferry/shared/job"
	"kodoferry/shared/store"
)

// session is one scenario while it is measured.
type session struct {
	of      scenario
	options Options
	step    func(what string)
	clouds  standIns
	sites   app.Sites    // of clouds
	ledger  job.Location // of clouds
	spec    Spec         // what the tasks of all programs have in common

	width  int // how many objects, or ranges, bare has under way at a time where the services are far; 0 elsewhere
	trials []Width
}

// standIns is what is needed of what `ferry emulate --json` prints.
type standIns struct {
	Kodo struct {
		Domain string `json:"domain"`
	} `json:"kodo"`
	OSS struct {
		Endpoint string `json:"endpoint"`
	} `json:"oss"`
	Env map[string]string `json:"env"`
}

// measure runs every program of the scenario in turn, o.Runs times.
func (s scenario) measure(ctx context.Context, o Options, step func(what string)) (Result, error) {
	b := &session{of: s, options: o, step: step}
	step("stand-ins")
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	clouds, end, err := b.emulate(ctx)
	if err != nil {
		return Result{}, err
	}
	defer end()
	b.clouds = clouds
	if err := b.prepare(ctx); err != nil {
		return Result{}, err
	}
	if s.stage == stageFirst {
		return b.measureFirst(ctx)
	}
	return b.measureTurns(ctx)
}

// measureTurns has the programs take turns, every second time in reverse order.
func (b *session) measureTurns(ctx context.Context) (Result, error) {
	result := b.result()
	programs := b.of.programs()
	turns := map[program][]Measurement{}
	for n := range b.options.Runs {
		for _, p := range programs {
			b.step(fmt.Sprintf("%s, %d of %d", p, n+1, b.options.Runs))
			r, err := b.turn(ctx, p, n+1)
			if err != nil {
				return result, fmt.Errorf("%s: %w", p, err)
			}
			turns[p] = append(turns[p], r)
		}
		slices.Reverse(programs)
	}
	measured := func(r Measurement) span { return r.Measured }
	ferry, bare, hashed := turns[programFerry], turns[programBare], turns[programHashed]
	if hashed == nil {
		hashed = bare
	}
	result.Ferry, result.Bare, result.Hashed = medians(ferry, measured), medians(bare, measured), medians(hashed, measured)
	result.OfBare, result.OfHashed = ratios(ferry, bare), ratios(ferry, hashed)
	if b.of.stage == stageCopy {
		result.copying = medians(ferry, func(r Measurement) span { return r.Copying })
		result.complete = medians(ferry, func(r Measurement) span { return r.Complete })
	}
	return result, nil
}

// result is what is known before the first turn.
func (b *session) result() Result {
	r := Result{Scenario: b.of.name, of: b.of, BareAt: b.width, Trials: b.trials}
	if away := b.of.away; away != nil {
		r.Delays = &Delays{ms(away.kodo), ms(away.oss)}
	}
	return r
}

// emulate starts the stand-ins in a process of their own. It ends with end, or with
// this process.
func (b *session) emulate(ctx context.Context) (d standIns, end func(), err error) {
	args := []string{
		"emulate", "--json", "--until-eof", "--unsigned", "--unverified", "--synthetic", strconv.Itoa(b.of.objects),
		"--min-size", strconv.FormatInt(b.of.size, 10), "--max-size", strconv.FormatInt(b.of.size, 10),
	}
	if b.of.stage != stageReread {
		args = append(args, "--attributes-only")
	}
	if away := b.of.away; away != nil {
		if away.rate > 0 { // else the MD5s of what is far away are computed beside what is measured
			args = append(args, "--brief-etags")
		}
		args = append(args, "--kodo-fault", "*:latency:1:"+away.kodo.String(), "--oss-fault", "*:latency:1:"+away.oss.String(), "--connection-rate", strconv.FormatInt(away.rate, 10))
	}
	if b.of.full {
		args = append(args, "--mirror")
	}
	if b.of.md5 {
		args = append(args, "--md5")
	}
	if b.options.Profiles != "" {
		args = append(args, "--cpuprofile", filepath.Join(b.options.Profiles, b.of.name+"-clouds.pprof"))
	}
	c, err := startChild(ctx, nil, args...)
	if err != nil {
		return d, nil, err
	}
	if err := c.receive(&d); err != nil {
		return d, nil, fmt.Errorf("the stand-ins did not start: %w", err)
	}
	return d, c.end, nil
}

// prepare warms up the stand-ins, which compute hashes once, and creates what the
// scenario begins with, so that neither is measured.
func (b *session) prepare(ctx context.Context) error {
	b.step("warm-up")
	source, target, ledger := b.clouds.Env["FERRY_SOURCE"], b.clouds.Env["FERRY_TARGET"], b.clouds.Env["FERRY_LEDGER"]
	j, err := job.New(source, target, ledger)
	if err != nil {
		return err
	}
	b.ledger = j.Ledger
	b.spec = Spec{
		Stage: b.of.stage, Objects: int64(b.of.objects), Bytes: int64(b.of.objects) * b.of.size, Parallel: b.of.parallel, Both: b.of.full,
		Source: source, Target: target, Ledger: ledger,
		Functions: b.options.Functions,
		Download:  "http://" + b.clouds.Kodo.Domain + "/", Upload: b.clouds.OSS.Endpoint + "/" + j.Target.Bucket + "/",
	}
	if away := b.of.away; away != nil {
		b.spec.Delays = [2]time.Duration{away.kodo, away.oss}
	}
	if b.sites, err = app.Load(func(name string) string { return b.clouds.Env[name] }).Connect(j); err != nil {
		return err
	}
	if err := b.touch(ctx); err != nil {
		return err
	}
	switch {
	case b.of.stage == stageFirst: // its first turn is what it is about
	case b.of.away != nil:
		err = b.tryWidths(ctx)
	case b.of.stage == stageCopy:
		_, err = b.turn(ctx, programBare, 0)
	case b.of.stage == stageList:
		if b.of.rows {
			err = b.remember(ctx)
		}
	case b.of.stage == stageReread:
		copied := b.spec
		copied.Stage, copied.Target, copied.Job, copied.Keys = stageCopy, b.under(rereadPrefix), string(stageReread), nil
		_, err = b.run(ctx, programFerry, copied, "")
	case b.of.stage == stageVerify:
		listed := b.spec
		listed.Stage, listed.Target, listed.Job = stageList, b.under(MirrorPrefix), "verify"
		_, err = b.run(ctx, programFerry, listed, "")
	}
	return err
}

// rereadPrefix is where the objects are that a verification reads.
const rereadPrefix = "reread/"

// touched is how many keys are listed: with so many, each of the up to 4,096 hashes of
// the stand-in has almost certainly been computed. Where it answers from afar, most are with
// touchedAway, in less than a second.
const touched, touchedAway = 100_000, 20_000

// touch lists the source, and sets the keys of the spec where floors copy them.
func (b *session) touch(ctx context.Context) error {
	n, most := 0, touched
	if b.of.away != nil {
		most = touchedAway
	}
	for o, err := range b.sites.Source.List(ctx, store.Range{}) {
		if err != nil {
			return err
		}
		if n++; b.of.stage.moves() {
			b.spec.Keys = append(b.spec.Keys, o.Key)
		} else if n == most {
			break
		}
	}
	return nil
}

// turn runs a program on the scenario for the n-th time.
func (b *session) turn(ctx context.Context, p program, n int) (Measurement, error) {
	spec := b.spec
	prefix := fmt.Sprintf("%s-%d/", p, n)
	switch {
	case b.of.stage == stageReread:
		spec.Job, prefix = string(stageReread), rereadPrefix
	case b.of.stage == stageVerify:
		spec.Job, prefix = "verify", MirrorPrefix
		if err := b.forget(ctx, spec.Job, "/verified/"); err != nil {
			return Measurement{}, err
		}
	case b.of.full:
		spec.Job, prefix = b.of.name, MirrorPrefix
		if err := b.forget(ctx, spec.Job, ""); err != nil { // the run before was not over
			return Measurement{}, err
		}
	}
	spec.Target, spec.Upload = b.under(prefix), spec.Upload+prefix
	if b.of.stage == stageFirst { // the runs of the turns before are not over: each would be asked about
		spec.Ledger = within(spec.Ledger, prefix)
	}
	switch {
	case p == programFerry:
		spec.Keys = nil
	case b.of.stage == stageList:
		spec.Ranges = b.width
	case b.width > 0:
		spec.Parallel = b.width
	}
	profile := ""
	if b.options.Profiles != "" {
		profile = filepath.Join(b.options.Profiles, fmt.Sprintf("%s-%s-%d.pprof", b.of.name, p, n))
	}
	return b.run(ctx, p, spec, profile)
}

// under returns the target's location with a prefix.
func (b *session) under(prefix string) string { return within(b.spec.Target, prefix) }

// within returns a location of OSS that ends with a slash, with a prefix behind it.
func within(location, prefix string) string {
	return strings.Replace(location, "/?", "/"+prefix+"?", 1)
}

// forget deletes the records of the runs of a job whose names have part in them.
func (b *session) forget(ctx context.Context, name, part string) error {
	at := store.Range{Prefix: b.ledger.Prefix + "runs/" + name + "/"}
	for o, err := range b.sites.Target.List(ctx, at) {
		if err != nil {
			return err
		}
		if strings.Contains(o.Key, part) {
			if err := b.sites.Target.Delete(ctx, o.Key); err != nil {
				return err
			}
		}
	}
	return nil
}

// run starts `ferry bench-run`, which measures a program on spec, and returns what it
// prints.
func (b *session) run(ctx context.Context, p program, spec Spec, profile string) (Measurement, error) {
	args := []string{"bench-run", string(p)}
	if profile != "" {
		args = append(args, "--cpuprofile", profile)
	}
	env := os.Environ()
	for name, value := range b.clouds.Env {
		env = append(env, name+"="+value)
	}
	c, err := startChild(ctx, env, args...)
	if err != nil {
		return Measurement{}, err
	}
	defer c.end()
	if err := c.send(spec); err != nil {
		return Measurement{}, err
	}
	var r Measurement
	if err := c.receive(&r); err != nil {
		return r, err
	}
	if spec.Stage == stageFirst {
		return r, nil
	}
	if r.Objects != spec.Objects || r.Measured.Seconds <= 0 || r.Measured.CPU <= 0 {
		return r, errors.New("it measured nothing, or another number of objects than there are")
	}
	return r, nil
}
