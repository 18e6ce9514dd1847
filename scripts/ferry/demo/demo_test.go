package demo

import (
	"io"
	"strings"
	"testing"

	"kodoferry/scripts/ferry/life"
	"kodoferry/scripts/ferry/outcome"
	"kodoferry/scripts/ferry/show"
	"kodoferry/scripts/ferry/standins"
	"kodoferry/shared/digest"
	"kodoferry/shared/emulator/oss"
	"kodoferry/shared/ledger"
)

// stage is a small world that nothing runs in.
func stage(t *testing.T) *world {
	t.Helper()
	w, err := newWorld(Options{Objects: 200, StandIns: standins.Options{Seed: 1}}, show.NewTeller(io.Discard))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.clouds.Close)
	return w
}

// perfect are the rows of a run in which each object ended as it must.
func (w *world) perfect() (run outcome.Record) {
	for _, o := range w.objects {
		r := outcome.Row{Key: o.Key, State: o.want.State, Proof: o.want.Proof, Reason: o.want.Reason}
		if r.State == ledger.Copied {
			r.Verdict = ledger.Verified
		}
		run.Rows = append(run.Rows, r)
	}
	return run
}

func TestDemoSeesRowsThatDiffer(t *testing.T) {
	w := stage(t)
	for name, tc := range map[string]struct {
		spoil func(*outcome.Record)
		want  string
	}{
		"all is well":            {func(*outcome.Record) {}, ""},
		"a row is missing":       {func(r *outcome.Record) { r.Rows = r.Rows[1:] }, "has no row"},
		"a row is there twice":   {func(r *outcome.Record) { r.Rows = append(r.Rows, r.Rows[0]) }, "has two rows"},
		"a row is of no object":  {func(r *outcome.Record) { r.Rows = append(r.Rows, outcome.Row{Key: "stranger"}) }, "never was in the source"},
		"a row is not verified":  {func(r *outcome.Record) { r.Rows[0].Verdict = "" }, "want copied, verified"},
		"a row is proved worse":  {func(r *outcome.Record) { r.Rows[0].Proof = ledger.ByTime }, "want copied, verified"},
		"a reason names no cure": {func(r *outcome.Record) { r.Rows[at(r, life.LeadingSlash)].Reason = "no" }, "want failed"},
	} {
		t.Run(name, func(t *testing.T) {
			run := w.perfect()
			tc.spoil(&run)
			var found outcome.Findings
			w.check.checkRows(run, &found)
			if got := strings.Join(found, "\n"); (tc.want == "") != (got == "") || !strings.Contains(got, tc.want) {
				t.Errorf("found %q, want %q", got, tc.want)
			}
		})
	}
}

func at(r *outcome.Record, key string) int {
	for i, row := range r.Rows {
		if row.Key == key {
			return i
		}
	}
	return -1
}

func TestDemoSeesBytesThatDiffer(t *testing.T) {
	w := stage(t)
	o := w.objects[0]
	body := make([]byte, o.Size)
	if _, err := io.ReadFull(o.Content(), body); err != nil {
		t.Fatal(err)
	}
	if got := digest.CRC64(0, body); got != o.sum {
		t.Fatalf("CRC64 of the content = %d, want %d", got, o.sum)
	}
	w.seen.stored(standins.Target, oss.Object{Key: o.Key, Body: body})
	if len(w.seen.wrong) > 0 {
		t.Errorf("right bytes were taken for wrong ones: %v", w.seen.wrong)
	}
	body[len(body)/2] ^= 1
	w.seen.stored(standins.Target, oss.Object{Key: o.Key, Body: body})
	if len(w.seen.wrong) != 1 {
		t.Errorf("wrong = %v, want the key of the flipped bit", w.seen.wrong)
	}
	if err := w.clouds.OSS.Put(standins.Target, oss.Object{Key: o.Key, Body: body}); err != nil {
		t.Fatal(err)
	}
	if err := w.clouds.OSS.Put(standins.Target, oss.Object{Key: "stranger", Body: body}); err != nil {
		t.Fatal(err)
	}
	var found outcome.Findings
	w.check.checkBytes(&found)
	got := strings.Join(found, "\n")
	for _, want := range []string{"has other bytes in the target", `"stranger" is in the target`, "is not in the target"} {
		if !strings.Contains(got, want) {
			t.Errorf("what was found lacks %q", want)
		}
	}
}
