package main

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

// bench is one scenario under way.
type bench struct {
	benchScenario
	options benchOptions
	show    *benchProgress
	clouds  description // of the stand-ins
	sites   app.Sites   // the same, for this process
	spec    benchSpec   // what all programs are told
}

// measure runs every program of the scenario in turn.
func (s benchScenario) measure(ctx context.Context, o benchOptions, show *benchProgress) (benchResult, error) {
	b := &bench{benchScenario: s, options: o, show: show}
	show.step(s.name, "stand-ins")
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	clouds, end, err := b.emulate(ctx)
	if err != nil {
		return benchResult{}, err
	}
	defer end()
	b.clouds = clouds
	if err := b.prepare(ctx); err != nil {
		return benchResult{}, err
	}
	programs := []benchProgram{programFerry, programBare, programHashed}
	if s.stage != stageCopy {
		programs = programs[:2] // no bytes are hashed
	}
	runs := map[benchProgram][]benchRun{}
	for n := range o.runs {
		for _, p := range programs {
			show.step(s.name, fmt.Sprintf("%s, %d of %d", p, n+1, o.runs))
			r, err := b.turn(ctx, p, n+1)
			if err != nil {
				return benchResult{}, fmt.Errorf("%s: %w", p, err)
			}
			runs[p] = append(runs[p], r)
		}
	}
	measured := func(r benchRun) span { return r.Measured }
	result := benchResult{Scenario: s.name, of: s, Ferry: figures(runs[programFerry], measured), Bare: figures(runs[programBare], measured)}
	result.Hashed = result.Bare
	if s.stage == stageCopy {
		result.Hashed = figures(runs[programHashed], measured)
		result.copying = figures(runs[programFerry], func(r benchRun) span { return r.Copying })
		result.complete = figures(runs[programFerry], func(r benchRun) span { return r.Complete })
	}
	return result, nil
}

// emulate starts the stand-ins in a process of their own, which ends with end,
// or with this process.
func (b *bench) emulate(ctx context.Context) (d description, end func(), err error) {
	args := []string{
		"emulate", "--json", "--until-eof", "--unsigned", "--attributes-only", "--synthetic", strconv.Itoa(b.objects),
		"--min-size", strconv.FormatInt(b.size, 10), "--max-size", strconv.FormatInt(b.size, 10),
	}
	if b.full {
		args = append(args, "--mirror")
	}
	if b.md5 {
		args = append(args, "--md5")
	}
	if b.options.profiles != "" {
		args = append(args, "--cpuprofile", filepath.Join(b.options.profiles, b.name+"-clouds.pprof"))
	}
	c, err := startChild(ctx, nil, args...)
	if err != nil {
		return d, nil, err
	}
	if err := c.answer(&d); err != nil {
		return d, nil, fmt.Errorf("the stand-ins did not start: %w", err)
	}
	return d, c.end, nil
}

// prepare has the stand-ins compute what they compute once, and makes what the
// scenario begins with, so that no program pays for it.
func (b *bench) prepare(ctx context.Context) error {
	b.show.step(b.name, "warm-up")
	b.spec = benchSpec{
		Stage: b.stage, Objects: int64(b.objects), Bytes: int64(b.objects) * b.size, Parallel: b.parallel, Both: b.full,
		Source: b.clouds.Env["FERRY_SOURCE"], Target: b.clouds.Env["FERRY_TARGET"], Ledger: b.clouds.Env["FERRY_LEDGER"],
		Download: "http://" + b.clouds.Kodo.Domain + "/", Upload: b.clouds.OSS.Endpoint + "/" + demoTarget + "/",
	}
	j, err := job.New(b.spec.Source, b.spec.Target, b.spec.Ledger)
	if err != nil {
		return err
	}
	if b.sites, err = app.Load(func(name string) string { return b.clouds.Env[name] }).Connect(j); err != nil {
		return err
	}
	if err := b.touch(ctx); err != nil {
		return err
	}
	switch b.stage {
	case stageCopy:
		_, err = b.turn(ctx, programBare, 0)
	case stageVerify:
		listed := b.spec
		listed.Stage, listed.Target, listed.Job = stageList, b.under(mirrorPrefix), "verify"
		_, err = b.run(ctx, programFerry, listed, "")
	}
	return err
}

// touched is how many keys make it all but certain that every hash of the
// stand-in, of which there are up to 4,096, was computed.
const touched = 100_000

// touch lists the source, and keeps the keys where programs need them.
func (b *bench) touch(ctx context.Context) error {
	n := 0
	for o, err := range b.sites.Source.List(ctx, store.Range{}) {
		if err != nil {
			return err
		}
		if n++; b.stage == stageCopy {
			b.spec.Keys = append(b.spec.Keys, o.Key)
		} else if n == touched {
			break
		}
	}
	return nil
}

// turn has a program do the scenario for the n-th time.
func (b *bench) turn(ctx context.Context, p benchProgram, n int) (benchRun, error) {
	spec := b.spec
	prefix := fmt.Sprintf("%s-%d/", p, n)
	switch {
	case b.stage == stageVerify:
		spec.Job, prefix = "verify", mirrorPrefix
		if err := b.forget(ctx, spec.Job); err != nil {
			return benchRun{}, err
		}
	case b.full:
		spec.Job, prefix = fmt.Sprintf("join-%d", n), mirrorPrefix
	}
	spec.Target, spec.Upload = b.under(prefix), spec.Upload+prefix
	if p == programFerry {
		spec.Keys = nil
	}
	profile := ""
	if b.options.profiles != "" {
		profile = filepath.Join(b.options.profiles, fmt.Sprintf("%s-%s-%d.pprof", b.name, p, n))
	}
	return b.run(ctx, p, spec, profile)
}

// under is the target's location with a prefix.
func (b *bench) under(prefix string) string {
	return strings.Replace(b.spec.Target, "/?", "/"+prefix+"?", 1)
}

// forget takes back that shards of a job's runs were verified.
func (b *bench) forget(ctx context.Context, name string) error {
	at := store.Range{Prefix: demoLedger + "runs/" + name + "/"}
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

// run has a program do what spec says, in a process of its own.
func (b *bench) run(ctx context.Context, p benchProgram, spec benchSpec, profile string) (benchRun, error) {
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
		return benchRun{}, err
	}
	defer c.end()
	if err := c.tell(spec); err != nil {
		return benchRun{}, err
	}
	var r benchRun
	if err := c.answer(&r); err != nil {
		return r, err
	}
	if r.Objects != spec.Objects || r.Measured.Seconds <= 0 || r.Measured.CPU <= 0 {
		return r, errors.New("it measured nothing, or another number of objects than there are")
	}
	return r, nil
}
