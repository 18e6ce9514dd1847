package reports

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/reproof"
	"kodoferry/shared/store/mem"
)

// TestAReportNamesTheCommandThatGoesOnWithAVerification has one that is over, one that is
// not, one of a deployment's run in one process, and what left a file and never started.
func TestAReportNamesTheCommandThatGoesOnWithAVerification(t *testing.T) {
	run := ledger.Open(mem.New(mem.OSS), "").Run("j/20260101T000000Z")
	start := func(r *ledger.Run, s ledger.Started) {
		t.Helper()
		s.Job, s.Root = []byte(`{}`), ledger.ShardRef{Shard: ledger.RootShard}
		if _, err := r.CreateStarted(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	start(run, ledger.Started{Deployed: true})
	at := func(day int) *ledger.Run {
		return run.Verification(ledger.VerificationName(run.Name, time.Date(2026, 2, day, 0, 0, 0, 0, time.UTC)))
	}
	over, here, goesOn, never := at(1), at(2), at(3), at(4)
	start(over, ledger.Started{Verifies: &ledger.Verification{Run: run.Name, Mode: "rows", Sample: reproof.Whole.Share}})
	start(here, ledger.Started{Verifies: &ledger.Verification{Run: run.Name, Mode: "head", Sample: reproof.Whole.Share, Seed: "a b "}})
	start(goesOn, ledger.Started{Deployed: true, Verifies: &ledger.Verification{Run: run.Name, Mode: "read", Sample: 10_000, Seed: "s", Prefix: "2019/"}})
	if err := never.Pieces().WriteCarry(t.Context(), "0", []byte("{}")); err != nil {
		t.Fatal(err)
	}
	report, err := json.Marshal(reproof.Report{V: ledger.Version, Mode: "rows", Sample: "100%", Verified: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := over.Results().CreateReport(t.Context(), report); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := printVerifications(t.Context(), run, &out); err != nil {
		t.Fatal(err)
	}
	want := `
a verification goes on: ferry verify j/20260101T000000Z --mode read --sample 1% --seed s --prefix 2019/ goes on with it
  ferry status ` + goesOn.Name + `

a verification goes on: ferry verify j/20260101T000000Z --mode head --sample 100% --seed "a b " --here goes on with it
  ferry status ` + here.Name + `

verified once more 0001-01-01 00:00:00 UTC by rows, 100%: verified
  ferry report ` + over.Name + `
`
	if out.String() != want {
		t.Errorf("printed %s\nwant %s", out.String(), want)
	}
}
