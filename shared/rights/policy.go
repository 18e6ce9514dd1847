package rights

import (
	"slices"
	"strings"

	"kodoferry/shared/job"
)

// policy puts together what r does, actions that go together on everything they
// go to in one statement, in the order of the table.
func (p Places) policy(r Role) Policy {
	var allow []Statement
	add := func(effect string, actions, resources []string) {
		i := slices.IndexFunc(allow, func(s Statement) bool { return s.Effect == effect && slices.Equal(s.Action, actions) })
		if i < 0 {
			allow = append(allow, Statement{Effect: effect, Action: actions})
			i = len(allow) - 1
		}
		for _, name := range resources {
			if !slices.Contains(allow[i].Resource, name) {
				allow[i].Resource = append(allow[i].Resource, name)
			}
		}
	}
	for _, d := range table[r] {
		// What is asked of a queue is about the queue, everything else about its messages.
		onQueue, rest := apart(d.actions, "mns:GetQueueAttributes")
		if len(onQueue) > 0 {
			add("Allow", onQueue, []string{p.queue(d.place)})
		}
		if len(rest) > 0 {
			add("Allow", rest, p.resources(d.place))
		}
	}
	if r != Here && r != Operator {
		add("Deny", writes, p.resources(ledgerJobs))
		if r != Verify {
			add("Deny", writes, p.resources(ledgerProof))
		}
	}
	if r == Delete { // a ledger may lie in the target's bucket
		add("Deny", removes, p.resources(ledgerKeys))
	}
	if p.Logs != "" && r != Operator && r != Here {
		add("Allow", []string{"log:PostLogStoreLogs"}, p.resources(logStore))
	}
	return Policy{Version: "1", Statement: allow}
}

// apart splits off one action.
func apart(actions []string, one string) (only, rest []string) {
	for _, a := range actions {
		if a == one {
			only = append(only, a)
		} else {
			rest = append(rest, a)
		}
	}
	return only, rest
}

// resources are the names RAM knows a place by.
func (p Places) resources(at place) []string {
	const oss = "acs:oss:*:*:"
	ledger := oss + p.Ledger.Bucket + "/" + p.Ledger.Prefix
	switch at {
	case targetBucket:
		return []string{oss + p.Target.Bucket}
	case targetKeys:
		return []string{oss + p.Target.Bucket + "/" + p.Target.Prefix + "*"}
	case ledgerBucket:
		return []string{oss + p.Ledger.Bucket}
	case ledgerKeys:
		return []string{ledger + "*"}
	case ledgerJobs:
		return []string{ledger + "jobs/*"}
	case ledgerProof:
		var all []string
		for _, name := range []string{"verified/*", "reproved/*", "carry/*", "objects/*", "report.json", "report.html", "manifest*.json", "failed*.csv", "present*.csv"} {
			all = append(all, ledger+"runs/*/*/"+name)
		}
		return append(all, ledger+"pairs/*")
	case logStore:
		project, store, _ := strings.Cut(p.Logs, "/")
		return []string{"acs:log:" + p.Queues.Region + ":" + p.Queues.Bucket + ":project/" + project + "/logstore/" + store}
	}
	return []string{p.queue(at) + "/messages"}
}

// queue is the name of a queue.
func (p Places) queue(at place) string {
	return "acs:mns:" + p.Queues.Region + ":" + p.Queues.Bucket + ":/queues/" + p.Queues.Prefix + string(at)
}

// KodoPolicy is a policy as Qiniu's IAM takes it for a sub-account (Qiniu,
// "对象存储相关接口操作", the actions of kodo).
type KodoPolicy struct {
	Alias       string          `json:"alias"`
	Description string          `json:"description"`
	Statement   []KodoStatement `json:"statement"`
}

// KodoStatement is one statement of a KodoPolicy.
type KodoStatement struct {
	Action   []string `json:"action"`
	Resource []string `json:"resource"`
	Effect   string   `json:"effect"`
}

// OfKodo returns what the key pair at the source needs: to list the bucket, and to
// look at and download what lies below the prefix. A job that thaws restores what is archived, too.
// Nothing is ever written there.
func OfKodo(j job.Job) KodoPolicy {
	bucket := "qrn:kodo:::" + j.Source.Bucket + "/"
	actions := []string{"kodo/Stat", "kodo/Get"}
	if j.Thaw {
		actions = append(actions, "kodo/RestoreAr")
	}
	return KodoPolicy{
		Alias: "ferry-" + j.Name, Description: "Ferry reads " + j.Source.Bucket,
		Statement: []KodoStatement{
			{Action: []string{"kodo/List"}, Resource: []string{bucket + "*"}, Effect: "Allow"},
			{Action: actions, Resource: []string{bucket + j.Source.Prefix + "*"}, Effect: "Allow"},
		},
	}
}
