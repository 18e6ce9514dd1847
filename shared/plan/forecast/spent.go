package forecast

import (
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/plan"
	"kodoferry/shared/store"
)

// Spent is the Bill of what a run of j has done so far: what it listed, and what it copied,
// as objects of its class that are each as large as all are on average. Of a run that is not
// deployed nothing is due for functions and queues; of one that is, a day of its queues.
func Spent(j job.Job, listed, copied ledger.Tally, deployed bool, pr Prices) Bill {
	p := plan.Plan{Listed: listed, Shares: []plan.Share{{Will: plan.ToCopy, Class: store.Standard, Objects: copied.Objects, Bytes: copied.Bytes}}}
	return billOf(p, j, pr, loadOf(p, j, pr, deployed), 0)
}
