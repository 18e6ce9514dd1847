package storm

import (
	"fmt"
	"strings"

	"kodoferry/shared/digest"
	"kodoferry/shared/job"
)

// books is the prefix of the ledger.
const books = ".ferry/"

// tenant is one of the jobs of the storm, and what is known of it.
type tenant struct {
	tag  string // tells it in names from the others; "": there are none
	job  job.Job
	list []string // the keys that it names; none: it lists the source

	match   *job.Matcher
	asked   []string            // the keys of the run that was begun last, or is about to be
	lists   map[string][]string // those of each run
	retries int
	kept    bool // in the ledger
	ending  bool // somebody ends it for good, or removes it
}

// sourceKey is the key of the source that is copied to a key of the target.
func (t *tenant) sourceKey(key string) string {
	return t.job.Source.Prefix + strings.TrimPrefix(key, t.job.Target.Prefix)
}

// owns returns the job that a key of the target is of, nil if of none.
func (w *world) owns(key string) *tenant {
	for _, t := range w.tenants {
		if strings.HasPrefix(key, t.job.Target.Prefix) {
			return t
		}
	}
	return nil
}

// makeJobs draws the jobs. Each copies the same source to a place of its own.
func (w *world) makeJobs() {
	if !w.weather[Jobs] {
		w.tenants = []*tenant{w.makeJob("", "")}
		return
	}
	for i := range w.plan.Long.Jobs {
		tag := fmt.Sprintf("%02d", i)
		w.tenants = append(w.tenants, w.makeJob(tag, tag+"/"))
	}
	if w.plan.Long.Jobs > 0 {
		return
	}
	for i := range 2 + w.dice.draw(2, "jobs", 0) {
		tag := string(rune('a' + i))
		w.tenants = append(w.tenants, w.makeJob(tag, tag+"/"))
	}
}

// makeJob draws one job.
func (w *world) makeJob(tag, prefix string) *tenant {
	draw := func(n int, name string) int { return w.dice.draw(n, name+tag, 0) }
	var list []string
	j, err := job.New("kodo://photos/?region=z0", "oss://photos-new/"+prefix+"?region=cn-hangzhou", "oss://books/"+books+"?region=cn-hangzhou", func(j *job.Job) {
		j.Name = "j" + tag
		j.Limits.Parallel = 1
		if w.weather[Batches] {
			j.Limits.BatchObjects = 1 + draw(4, "batch")
		}
		if w.weather[Shards] {
			j.Limits.ShardKeys = int64(2 + draw(8, "shard"))
			j.Limits.Fanout = 1 + draw(3, "fanout")
		}
		if w.weather[Few] {
			j.Limits.Attempts, j.Limits.Rounds = 1+draw(2, "attempts"), 1
		}
		if w.weather[Mirror] {
			j.Delete, j.MaxDeletes, j.MaxDeleteShare = true, 100, 1
		}
		if w.weather[Always] {
			j.Overwrite = job.OverwriteAlways
		}
		if w.weather[Limits] && draw(100, "limited") < 70 { // else they come later
			b := w.drawBounds("of job"+tag, 0)
			j.Limits.Bandwidth, j.Limits.Instances = b.Bandwidth, b.Instances
		}
		list = w.choose(j, draw)
		w.follow(j, draw)
	})
	if err != nil {
		w.t.Fatal(fmt.Errorf("job %q: %w", tag, err))
	}
	switch { // far smaller than a user may say: what is small is quick
	case w.weather[Large]:
		j.Limits.PartsAbove, j.Limits.PartSize = 30, digest.BlockSize
	case w.weather[Parts]:
		j.Limits.PartsAbove, j.Limits.PartSize = 30, 16
	}
	match, err := j.Filter.Compile(j.Source.Prefix)
	if err != nil {
		w.t.Fatal(err)
	}
	return &tenant{tag: tag, job: j, list: list, match: match, lists: map[string][]string{}}
}
