package rights

import (
	"slices"

	"kodoferry/shared/job"
)

// AtKodo is the key pair at the source.
const AtKodo Role = "kodo"

// Roles are all that there are, in the order they are told.
func Roles() []Role { return slices.Concat([]Role{Here}, Deployed[:], []Role{AtKodo}) }

// Policies are all the rights that one job needs. The places are without parameters.
type Policies struct {
	Job    string      `json:"job"`
	Source string      `json:"source"`
	Target string      `json:"target"`
	Ledger string      `json:"ledger"`
	Grants []Grant     `json:"grants"`
	Kodo   *KodoPolicy `json:"kodo,omitempty"` // where the source is at Kodo
}

// OfJob returns what each role needs for j: as Of, and AtKodo where the source is at Kodo.
// queues and logs are as in Places; errors are those of Of.
func OfJob(j job.Job, queues job.Location, logs string) (Policies, error) {
	grants, err := Of(Places{Target: j.Target, Ledger: j.Ledger, Queues: queues, Logs: logs})
	if err != nil {
		return Policies{}, err
	}
	p := Policies{Job: j.Name, Source: j.Source.Place(), Target: j.Target.Place(), Ledger: j.Ledger.Place(), Grants: grants}
	if j.Source.Scheme == job.Kodo {
		k := OfKodo(j)
		p.Kodo = &k
	}
	return p, nil
}

// Document returns the policy of r as RAM or Qiniu's IAM takes it, nil where r has none in p.
func (p Policies) Document(r Role) ([]byte, error) {
	if r == AtKodo && p.Kodo != nil {
		return document(p.Kodo)
	}
	if i := slices.IndexFunc(p.Grants, func(g Grant) bool { return g.Role == r }); i >= 0 {
		return document(p.Grants[i].Policy)
	}
	return nil, nil
}
