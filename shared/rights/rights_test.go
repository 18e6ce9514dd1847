package rights_test

import (
	"testing"

	"kodoferry/shared/emulator/ram"
	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/rights"
)

func at(t *testing.T, raw string) job.Location {
	t.Helper()
	l, err := job.ParseLocation(raw)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// TestALedgerInTheTargetsBucketIsAsSafe is about a target without a prefix: what
// is allowed there is all of the bucket.
func TestALedgerInTheTargetsBucketIsAsSafe(t *testing.T) {
	grants, err := rights.Of(rights.Places{
		Target: at(t, "oss://photos-new/?region=cn-hangzhou"), Ledger: at(t, "oss://photos-new/.ferry/?region=cn-hangzhou"),
		Queues: at(t, "mns://1/ferry-?region=cn-hangzhou"), Logs: "p/s",
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range grants {
		document, err := g.Policy.JSON()
		if err != nil {
			t.Fatal(err)
		}
		p, err := ram.Parse(document)
		if err != nil {
			t.Fatalf("%s: %v", g.Role, err)
		}
		const ledger = "acs:oss:r:1:photos-new/.ferry/"
		operator, verify := g.Role == rights.Operator, g.Role == rights.Verify
		for _, tc := range []struct {
			action, key string
			want        bool
		}{
			{"oss:DeleteObject", "runs/j/1/closed/0", operator},
			{"oss:PutObject", "jobs/j.json", operator},
			{"oss:PutObject", "runs/j/1/verified/0", operator || verify},
			{"oss:PutObject", "runs/j/1/report.json", operator || verify},
			{"oss:PutObject", "runs/j/1/verifications/2/reproved/0", operator || verify},
			{"oss:PutObject", "runs/j/1/verifications/2/carry/0", operator || verify},
		} {
			if got := p.Allows(ram.Request{Action: tc.action, Resource: ledger + tc.key}); got != tc.want {
				t.Errorf("%s may %s of %s: %v, want %v", g.Role, tc.action, tc.key, got, tc.want)
			}
		}
	}
}

func TestRAMHasNoSayElsewhere(t *testing.T) {
	oss, kodo := at(t, "oss://photos-new/?region=cn-hangzhou"), at(t, "kodo://photos/?region=z0")
	for name, p := range map[string]rights.Places{
		"a target at Kodo": {Target: kodo, Ledger: oss},
		"a ledger at Kodo": {Target: oss, Ledger: kodo},
		"queues at Kodo":   {Target: oss, Ledger: oss, Queues: kodo},
	} {
		if _, err := rights.Of(p); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v, want it refused", name, err)
		}
	}
}
