package forecast

import (
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/plan"
	"kodoferry/shared/store"
)

// Load is what a plan asks of the services, in requests and bytes.
type Load struct {
	Objects     int64                       `json:"objects"` // to copy
	Bytes       int64                       `json:"bytes"`
	KodoGets    float64                     `json:"kodo_gets"`
	KodoLists   float64                     `json:"kodo_lists"`
	OSSPuts     float64                     `json:"oss_puts"`     // objects and parts
	OSSOwn      float64                     `json:"oss_own"`      // PUTs of the ledger
	OSSLists    float64                     `json:"oss_lists"`    //
	OSSGets     float64                     `json:"oss_gets"`     // HEADs, and GETs of the ledger
	Invocations float64                     `json:"invocations"`  // of functions
	Messages    float64                     `json:"messages"`     // requests to the queues
	Seconds     float64                     `json:"copy_seconds"` // of instances of the copy function
	MemorySecs  float64                     `json:"gb_seconds"`   //
	perSecond   struct{ kodo, oss float64 } // requests of all kinds
	deployed    bool                        // else there are no functions and queues, and nothing is asked of them
}

// loadOf derives the Load of a plan. Both sides are listed twice: to find what
// differs, and to verify.
func loadOf(p plan.Plan, j job.Job, pr Prices, deployed bool) Load {
	copied := p.Sum(plan.ToCopy, "", "")
	l := Load{Objects: copied.Objects, Bytes: copied.Bytes, deployed: deployed}
	there := p.Sum(plan.Fate(ledger.Unchanged), "", "").Objects + p.Sum(plan.Fate(ledger.Present), "", "").Objects +
		p.Sum(plan.ToUpdate, "", "").Objects + p.Sum(plan.ToProve, "", "").Objects + p.Sum(plan.Fate(ledger.Conflict), "", "").Objects + p.TargetOnly.Objects
	deleted := float64(p.Sum(plan.ToDelete, "", "").Objects)
	source := float64(p.Listed.Objects + p.LeftOut.Objects)
	lim := j.Limits
	batches := max(float64(copied.Objects)/float64(lim.BatchObjects), float64(copied.Bytes)/float64(lim.BatchBytes)) + float64(copied.Parts)
	shards := source/float64(lim.ShardKeys) + 1

	l.KodoGets = float64(copied.Objects + copied.Parts)
	l.KodoLists = 2 * (source/store.KeysPerPage + 1)
	set, proved := float64(p.Sum(plan.ToUpdate, "", "").Objects), float64(p.Sum(plan.ToProve, "", "").Objects)
	l.OSSPuts = float64(copied.Objects+copied.Parts) + deleted + set
	l.OSSLists = (2*float64(there)+float64(copied.Objects))/store.KeysPerPage + 2
	l.OSSOwn = 2*batches + 4*shards // a sealed batch and its write-off; a shard's records and marks
	l.OSSGets = 2*float64(p.Heads) + deleted + 2*batches + set + proved
	if deployed {
		l.Invocations = batches + 2*shards
		l.Messages = 3 * l.Invocations // sent, received, deleted
		l.Seconds = max(l.KodoGets*pr.functions.seconds/atOnce(j, pr), float64(copied.Bytes)/(pr.functions.mbyte*1e6))
		l.MemorySecs = l.Seconds * pr.functions.memory
	}
	l.perSecond.kodo = l.KodoGets + l.KodoLists
	l.perSecond.oss = l.OSSPuts + l.OSSLists + l.OSSOwn + l.OSSGets
	return l
}

// atOnce is how many objects an instance has in flight.
func atOnce(j job.Job, pr Prices) float64 {
	if n := j.Limits.Parallel; n != job.AutoParallel {
		return float64(n)
	}
	return pr.functions.atOnce
}
