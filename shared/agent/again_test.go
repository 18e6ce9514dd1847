package agent_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"kodoferry/shared/agent"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/progress"
	"kodoferry/shared/report"
	"kodoferry/shared/store"
	"kodoferry/shared/store/mem"
)

// TestARunBegunInTheSecondOfAnotherRemembersIt has the clock of the second run stand where the
// first was named: it takes the next second's name, and still reads what the first has left.
func TestARunBegunInTheSecondOfAnotherRemembersIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j, err := job.New("kodo://photos/?region=z0", "oss://photos-new/?region=cn-hangzhou", "")
		if err != nil {
			t.Fatal(err)
		}
		src, dst := mem.New(mem.Kodo), mem.New(mem.OSS)
		for _, key := range []string{"a", "b", "c"} {
			if _, err := src.Put(t.Context(), store.Object{Key: key, Size: 1}, strings.NewReader(key), store.Put{}); err != nil {
				t.Fatal(err)
			}
		}
		run := func(now func() time.Time) (name string, rep report.Report) {
			rep, err := agent.Copy(t.Context(), agent.Sites{Source: src, Target: dst, Ledger: ledger.Open(dst, j.Ledger.Prefix)}, j, agent.CopyOptions{
				Now: now, Begun: func(run string, _ *progress.Run) { name = run },
			})
			if err != nil || rep.Result != report.Verified {
				t.Fatalf("%s: %s, %v", name, rep.Result, err)
			}
			return name, rep
		}
		began := time.Now()
		first, _ := run(time.Now)
		again := time.Now()
		second, rep := run(func() time.Time { return began.Add(time.Since(again)) })
		if want := strings.TrimSuffix(first, began.UTC().Format(ledger.RunTime)) + began.Add(time.Second).UTC().Format(ledger.RunTime); second != want {
			t.Errorf("the runs are %s and %s, want %s", first, second, want)
		}
		if rep.Objects.Unchanged != 3 || rep.Provers[first].Objects != 3 {
			t.Errorf("%s: %+v, proved by %v, want three unchanged and proved by %s", second, rep.Objects, rep.Provers, first)
		}
	})
}
