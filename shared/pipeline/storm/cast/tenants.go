package cast

import (
	"fmt"
	"time"

	"kodoferry/shared/digest"
	"kodoferry/shared/job"
	"kodoferry/shared/limit"
	"kodoferry/shared/pipeline/storm/weather"
	"kodoferry/shared/pipeline/storm/world"
)

// jobDraw draws what the jobs are like.
type jobDraw struct{ w *world.World }

// MakeJobs draws the jobs. Each copies the same source to a place of its own.
func MakeJobs(w *world.World) {
	draws := jobDraw{w}
	if !draws.w.Weather[weather.Jobs] {
		draws.w.Tenants = []*world.Tenant{draws.makeJob("", "")}
		return
	}
	for i := range draws.w.Plan.Long.Jobs {
		tag := fmt.Sprintf("%02d", i)
		draws.w.Tenants = append(draws.w.Tenants, draws.makeJob(tag, tag+"/"))
	}
	if draws.w.Plan.Long.Jobs > 0 {
		return
	}
	for i := range 2 + draws.w.Dice.Draw(2, "jobs", 0) {
		tag := string(rune('a' + i))
		draws.w.Tenants = append(draws.w.Tenants, draws.makeJob(tag, tag+"/"))
	}
}

// makeJob draws one job.
func (draws jobDraw) makeJob(tag, prefix string) *world.Tenant {
	draw := func(n int, name string) int { return draws.w.Dice.Draw(n, name+tag, 0) }
	var list []string
	j, err := job.New("kodo://photos/?region=z0", "oss://photos-new/"+prefix+"?region=cn-hangzhou", "oss://books/"+world.Books+"?region=cn-hangzhou", func(j *job.Job) {
		j.Name = "j" + tag
		j.Limits.Parallel = 1
		if draws.w.Weather[weather.Batches] {
			j.Limits.BatchObjects = 1 + draw(4, "batch")
		}
		if draws.w.Weather[weather.Shards] {
			j.Limits.ShardKeys = int64(2 + draw(8, "shard"))
			j.Limits.Fanout = 1 + draw(3, "fanout")
		}
		if draws.w.Weather[weather.Few] {
			j.Limits.Attempts, j.Limits.Rounds = 1+draw(2, "attempts"), 1
		}
		if draws.w.Weather[weather.Mirror] {
			j.Delete, j.MaxDeletes, j.MaxDeleteShare = true, 100, 1
		}
		if draws.w.Weather[weather.Always] {
			j.Overwrite = job.OverwriteAlways
		}
		if draws.w.Weather[weather.Limits] && draw(100, "limited") < 70 { // else they come later
			b := draws.drawBounds("of job"+tag, 0)
			j.Limits.Bandwidth, j.Limits.Instances = b.Bandwidth, b.Instances
		}
		list = draws.choose(j, draw)
		draws.follow(j, draw)
	})
	if err != nil {
		draws.w.T.Fatal(fmt.Errorf("job %q: %w", tag, err))
	}
	switch { // far smaller than a user may say: what is small is quick
	case draws.w.Weather[weather.Large]:
		j.Limits.PartsAbove, j.Limits.PartSize = 30, digest.BlockSize
	case draws.w.Weather[weather.Parts]:
		j.Limits.PartsAbove, j.Limits.PartSize = 30, 16
	}
	match, err := j.Filter.Compile(j.Source.Prefix)
	if err != nil {
		draws.w.T.Fatal(err)
	}
	return &world.Tenant{Tag: tag, Job: j, List: list, Match: match, Lists: map[string][]string{}}
}

// follow has a job follow events.
func (draws jobDraw) follow(j *job.Job, draw func(n int, name string) int) {
	if draws.w.Plan.Long.Jobs > 0 && draw(follows, "follows") > 0 {
		return
	}
	if draws.w.Weather[weather.Events] && j.KeyList == "" {
		j.Events.Window = job.Span(time.Duration(1+draw(60, "window")) * time.Second)
	}
}

// choose draws what of the source a job chooses.
func (draws jobDraw) choose(j *job.Job, draw func(n int, name string) int) (list []string) {
	if draws.w.Weather[weather.Filters] {
		j.AllowEmpty = true
		switch draw(4, "filter") {
		case 0:
			j.Filter.Exclude = []string{"k/?[2-4]?"}
		case 1:
			j.Filter.Include = []string{"k/0??"}
		case 2:
			j.Filter.MaxSize = 50
		case 3:
			j.Filter.MinSize = 1
		}
	}
	if draws.w.Weather[weather.Lists] {
		j.KeyList, j.Delete, j.AllowEmpty = "keys.txt", false, true
		list = []string{"k/000"}
		for i := 1; i < world.MostObjects; i++ {
			if draw(100, fmt.Sprint("listed ", i)) < 60 {
				list = append(list, fmt.Sprintf("k/%03d", 10*i))
			}
		}
	}
	return list
}

// drawBounds draws what is to bound a run, that of a few objects of a few bytes: the
// bandwidth, how many processes copy, or both.
//
// Requests stay without a bound. Calls of one process that wait for the same token
// bucket go on in the order in which they came to it, and many are made side by
// side: the scheduler, and no seed, would say which comes first.
func (draws jobDraw) drawBounds(name string, number int) (b limit.Bounds) {
	name = "bounds " + name
	which := 1 + draws.w.Dice.Draw(3, name, number)
	if which&1 != 0 {
		b.Bandwidth = job.Bandwidth{Rate: int64(7 + draws.w.Dice.Draw(50, name+" bandwidth", number))}
	}
	if which&2 != 0 {
		b.Instances = 1 + draws.w.Dice.Draw(2, name+" instances", number)
	}
	return b
}
