package app_test

import (
	"slices"
	"testing"

	"kodoferry/shared/emulator/ram"
	"kodoferry/shared/rights"
)

func TestWhatARoleMustNotDo(t *testing.T) {
	r := newRuled(t)
	const target, ledger, queues = "acs:oss:r:1:photos-new/k", "acs:oss:r:1:ledger-bucket/.ferry/", "acs:mns:cn-hangzhou:1234567890123456:/queues/ferry-"
	for name, tc := range map[string]struct {
		action, resource string
		may              []rights.Role
	}{
		"only copying writes data":           {"oss:PutObject", target, []rights.Role{rights.Copy, rights.Pull}},
		"only the delete stage deletes":      {"oss:DeleteObject", target, []rights.Role{rights.Delete}},
		"no function deletes what proves":    {"oss:DeleteObject", ledger + "runs/j/1/report.json", []rights.Role{rights.Operator}},
		"notifications read no data":         {"oss:GetObject", target, []rights.Role{rights.List, rights.Copy, rights.Verify, rights.Delete, rights.Pull, rights.Console, rights.Operator}}, // HeadObject is GetObject to RAM: the console tells of an object
		"only verify writes a proof":         {"oss:PutObject", ledger + "runs/j/1/verified/0", []rights.Role{rights.Verify, rights.Operator}},
		"only verify writes the report":      {"oss:PutObject", ledger + "runs/j/1/report.json", []rights.Role{rights.Verify, rights.Operator}},
		"no function changes a job":          {"oss:PutObject", ledger + "jobs/j.json", []rights.Role{rights.Operator}},
		"only pull takes a copy":             {"mns:DeleteMessage", queues + "copy/messages", []rights.Role{rights.Pull}},
		"only streams take a deletion":       {"mns:DeleteMessage", queues + "delete/messages", nil}, // under EventBridge's own role
		"nobody looks into another bucket":   {"oss:GetObject", "acs:oss:r:1:photos-new-2/k", nil},
		"nobody touches another's queue":     {"mns:SendMessage", "acs:mns:cn-hangzhou:1234567890123456:/queues/other/messages", nil},
		"nobody makes or changes queues":     {"mns:SetQueueAttributes", queues + "copy", nil},
		"only the streams invoke a function": {"fc:InvokeFunction", "acs:fc:cn-hangzhou:1234567890123456:functions/ferry-copy", nil},
	} {
		t.Run(name, func(t *testing.T) {
			for _, role := range rights.Deployed {
				got := r.policies[role].Allows(ram.Request{Action: tc.action, Resource: tc.resource})
				if want := slices.Contains(tc.may, role); got != want {
					t.Errorf("%s may %s: %v, want %v", role, tc.action, got, want)
				}
			}
		})
	}
}
