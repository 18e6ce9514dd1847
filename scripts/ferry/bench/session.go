package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

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
	programs := []program{programFerry, programBare, programHashed}
	if s.stage != stageCopy {
		programs = programs[:2] // no bytes are hashed
	}
	runs := map[program][]Measurement{}
	for n := range o.Runs {
		for _, p := range programs {
			step(fmt.Sprintf("%s, %d of %d", p, n+1, o.Runs))
			r, err := b.turn(ctx, p, n+1)
			if err != nil {
				return Result{}, fmt.Errorf("%s: %w", p, err)
			}
			runs[p] = append(runs[p], r)
		}
	}
	measured := func(r Measurement) span { return r.Measured }
	result := Result{Scenario: s.name, of: s, Ferry: medians(runs[programFerry], measured), Bare: medians(runs[programBare], measured)}
	result.Hashed = result.Bare
	if s.stage == stageCopy {
		result.Hashed = medians(runs[programHashed], measured)
		result.copying = medians(runs[programFerry], func(r Measurement) span { return r.Copying })
		result.complete = medians(runs[programFerry], func(r Measurement) span { return r.Complete })
	}
	return result, nil
}

// emulate starts the stand-ins in a process of their own. It ends with end, or with
// this process.
func (b *session) emulate(ctx context.Context) (d standIns, end func(), err error) {
	args := []string{
		"emulate", "--json", "--until-eof", "--unsigned", "--attributes-only", "--synthetic", strconv.Itoa(b.of.objects),
		"--min-size", strconv.FormatInt(b.of.size, 10), "--max-size", strconv.FormatInt(b.of.size, 10),
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
		Download: "http://" + b.clouds.Kodo.Domain + "/", Upload: b.clouds.OSS.Endpoint + "/" + j.Target.Bucket + "/",
	}
	if b.sites, err = app.Load(func(name string) string { return b.clouds.Env[name] }).Connect(j); err != nil {
		return err
	}
	if err := b.touch(ctx); err != nil {
		return err
	}
	switch b.of.stage {
	case stageCopy:
		_, err = b.turn(ctx, programBare, 0)
	case stageVerify:
		listed := b.spec
		listed.Stage, listed.Target, listed.Job = stageList, b.under(MirrorPrefix), "verify"
		_, err = b.run(ctx, programFerry, listed, "")
	}
	return err
}

// touched is how many keys are listed: with so many, each of the up to 4,096 hashes of
// the stand-in has almost certainly been computed.
const touched = 100_000

// touch lists the source, and sets the keys of the spec where floors copy them.
func (b *session) touch(ctx context.Context) error {
	n := 0
	for o, err := range b.sites.Source.List(ctx, store.Range{}) {
		if err != nil {
			return err
		}
		if n++; b.of.stage == stageCopy {
			b.spec.Keys = append(b.spec.Keys, o.Key)
		} else if n == touched {
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
	case b.of.stage == stageVerify:
		spec.Job, prefix = "verify", MirrorPrefix
		if err := b.forget(ctx, spec.Job); err != nil {
			return Measurement{}, err
		}
	case b.of.full:
		spec.Job, prefix = fmt.Sprintf("join-%d", n), MirrorPrefix
	}
	spec.Target, spec.Upload = b.under(prefix), spec.Upload+prefix
	if p == programFerry {
		spec.Keys = nil
	}
	profile := ""
	if b.options.Profiles != "" {
		profile = filepath.Join(b.options.Profiles, fmt.Sprintf("%s-%s-%d.pprof", b.of.name, p, n))
	}
	return b.run(ctx, p, spec, profile)
}

// under returns the target's location with a prefix.
func (b *session) under(prefix string) string {
	return strings.Replace(b.spec.Target, "/?", "/"+prefix+"?", 1)
}

// forget deletes the records of verified shards of the runs of a job.
func (b *session) forget(ctx context.Context, name string) error {
	at := store.Range{Prefix: b.ledger.Prefix + "runs/" + name + "/"}
	for o, err := range b.sites.Target.List(ctx, at) {
		if err != nil {
			return err
		}
		if strings.Contains(o.Key, "/verified/") {
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
	if r.Objects != spec.Objects || r.Measured.Seconds <= 0 || r.Measured.CPU <= 0 {
		return r, errors.New("it measured nothing, or another number of objects than there are")
	}
	return r, nil
}
