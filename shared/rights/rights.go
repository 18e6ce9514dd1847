// Package rights says what each part of Ferry must be allowed to do, and no
// more: the RAM policies of a deployment's roles and of the people and machines
// around it, and what the key pair at the source needs. Start with Of, or OfJob for all
// that one job needs; table.go is what each role does, in one table.
//
// The table is not a matter of opinion: a test runs whole migrations under these
// policies and fails if a request is denied, or if an action was never needed.
// infra/alicloud grants the same, which another test compares.
package rights

import (
	"encoding/json"
	"fmt"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
)

// Role is a part of Ferry with rights of its own. Those of functions are named
// as the function.
type Role string

// The roles. Here is alone: the others belong to a deployment.
const (
	Here     Role = "here"     // ferry copy: everything in one process
	Operator Role = "operator" // the person who starts runs and looks at them
	List     Role = "list"
	Copy     Role = "copy"
	Verify   Role = "verify"
	Delete   Role = "delete"
	Notify   Role = "notify"  // takes the source's notifications
	Pull     Role = "pull"    // polls the copy queue itself; also ferry agent --stages copy
	Console  Role = "console" // looks at jobs and runs; one that changes them has the rights of Operator, too
)

// Deployed lists the roles of a deployment in the order they are told.
var Deployed = [...]Role{List, Copy, Verify, Delete, Notify, Pull, Console, Operator}

// Places are what a policy is about.
type Places struct {
	Target job.Location
	Ledger job.Location
	Queues job.Location // of the deployment; the zero Location where there is none
	Logs   string       // its log store, as project/store; "" leaves logging to the platform's own role
}

// Statement is one statement of a RAM policy.
type Statement struct {
	Effect   string   `json:"Effect"` // Allow or Deny
	Action   []string `json:"Action"`
	Resource []string `json:"Resource"`
}

// Policy is a RAM policy as RAM takes it.
type Policy struct {
	Version   string      `json:"Version"` // "1"
	Statement []Statement `json:"Statement"`
}

// JSON is the policy's document.
func (p Policy) JSON() ([]byte, error) { return document(p) }

// document writes a policy as a cloud takes it.
func document(policy any) ([]byte, error) {
	data, err := json.MarshalIndent(policy, "", "  ")
	if err != nil {
		return nil, fault.New(fault.Invalid, "rights.JSON", "", err)
	}
	return data, nil
}

// Grant is what one role must be allowed.
type Grant struct {
	Role   Role   `json:"role"`
	For    string `json:"for"` // who has it, in words
	Policy Policy `json:"policy"`
}

// Of returns what each role needs: Here alone where p names no queues, else those of
// a deployment. A target or ledger that is not at OSS, or queues that are not at
// MNS, are Invalid: RAM has no say there.
func Of(p Places) ([]Grant, error) {
	for _, l := range []job.Location{p.Target, p.Ledger} {
		if l.Scheme != job.OSS {
			return nil, fault.New(fault.Invalid, "rights.Of", l.String(), fmt.Errorf("RAM policies are about oss:// locations, not %s://", l.Scheme))
		}
	}
	roles := []Role{Here}
	switch p.Queues.Scheme {
	case "":
	case job.MNS:
		roles = Deployed[:]
	default:
		return nil, fault.New(fault.Invalid, "rights.Of", p.Queues.String(), fmt.Errorf("RAM policies are about mns:// queues, not %s://: see infra/aws for those", p.Queues.Scheme))
	}
	grants := make([]Grant, len(roles))
	for i, r := range roles {
		grants[i] = Grant{Role: r, For: who[r], Policy: p.policy(r)}
	}
	return grants, nil
}

var who = map[Role]string{
	Here:     "the key of ferry copy, which does everything in one process",
	Operator: "the key of whoever runs ferry start, status, report, why and limits",
	List:     "the role of function list",
	Copy:     "the role of function copy, which may not delete",
	Verify:   "the role of function verify, which alone writes what is proved",
	Delete:   "the role of function delete, which alone may delete",
	Notify:   "the role of function notify, which reaches no data",
	Console:  "the role of function console, which only reads; with FERRY_CONSOLE_CHANGES=1 it needs those of the operator",
	Pull:     "the role of function pull, and the key of ferry agent --stages copy",
}
