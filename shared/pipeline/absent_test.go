package pipeline_test

import (
	"strings"
	"testing"

	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/report"
)

// TestNamedKeysThatAreNotThereAreNotVerified names keys as no source has them.
func TestNamedKeysThatAreNotThereAreNotVerified(t *testing.T) {
	for name, tc := range map[string]struct {
		list string
		want []string
		gone int64
	}{
		"columns with tabs":     {"a.jpg\t100\nb.jpg\t200\n", []string{"2 of the 2 named keys", `"a.jpg\t100"`, "columns with tabs"}, 2},
		"one that was mistyped": {"a.jpg\nc.jpg\n", []string{"1 of the 2 named keys: c.jpg;", "were deleted"}, 1},
		"more than are told":    {"1\n2\n3\n4\n5\n6\na.jpg\n", []string{"6 of the 7 named keys: 1, 2, 3, 4, 5, …"}, 6},
		"all there":             {"a.jpg\nb.jpg\n", nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(j *job.Job) { j.KeyList = "keys.txt" })
			put(t, w.src, "a.jpg", []byte("a"))
			put(t, w.src, "b.jpg", []byte("b"))
			keys := w.runKeys(tc.list)
			rep := w.report()
			wantTotals(t, rep, report.Totals{Listed: int64(len(keys)), Gone: tc.gone, Copied: int64(len(keys)) - tc.gone, Verified: int64(len(keys)) - tc.gone})
			if (rep.Result == report.Verified) != (tc.gone == 0) || rep.Absent != tc.gone || len(rep.Failures) > 0 {
				t.Errorf("%s, %d absent, failures %v, want %d absent and nothing else", rep.Result, rep.Absent, rep.Failures, tc.gone)
			}
			for _, want := range tc.want {
				if !strings.Contains(rep.Reason, want) {
					t.Errorf("the reason is %q, want %q in it", rep.Reason, want)
				}
			}
			for key, row := range w.rows() {
				if (row.State == ledger.Gone) == (key == "a.jpg" || key == "b.jpg") {
					t.Errorf("%q is %s", key, row.State)
				}
			}
		})
	}
}
