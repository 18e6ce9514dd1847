package verdict_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/mark"
	"kodoferry/shared/pipeline/verdict"
	"kodoferry/shared/store"
)

// TestWhatIsWrittenLongAfterItsMarkIsTheJobsWhereARecordTells has the target's object be
// written when the writing that it names had long come to pass, as an upload makes it that
// rested.
func TestWhatIsWrittenLongAfterItsMarkIsTheJobsWhereARecordTells(t *testing.T) {
	late := mark.Make(mark.Delivery("0-a00000", "AbC-_123"), 1, noon.Add(-10*24*time.Hour), mark.Upload, 3)
	dst := func(etag string, at time.Time) *ledger.Dst {
		return &ledger.Dst{ETag: etag, Size: 3, Modified: at, Mark: late}
	}
	for name, tc := range map[string]struct {
		row   *ledger.Row
		known *ledger.Dst
		own   bool
	}{
		"no record":                          {nil, nil, false},
		"a record":                           {&ledger.Row{State: ledger.Copied, Dst: dst("E", noon)}, nil, true},
		"a record of days before":            {&ledger.Row{State: ledger.Copied, Dst: dst("E", noon.Add(-5*24*time.Hour))}, nil, false},
		"a record of other bytes":            {&ledger.Row{State: ledger.Copied, Dst: dst("X", noon)}, nil, false},
		"a record of another writing":        {&ledger.Row{State: ledger.Copied, Dst: &ledger.Dst{ETag: "E", Size: 3, Modified: noon, Mark: late + ".2"}}, nil, false},
		"the caller has it":                  {nil, dst("E", noon), true},
		"the caller has it as it was before": {nil, dst("E", older), false},
		"the caller has it with other bytes": {nil, dst("X", noon), false},
		"the caller was not answered":        {nil, &ledger.Dst{Mark: late}, true},
		"the caller has another":             {nil, &ledger.Dst{Mark: late + ".2"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			r, _ := rules(t, nil)
			o := store.Object{Key: src.Key, Size: 3, Hash: "E", Modified: noon, Origin: r.Copies().Origin(src, src)}
			o.Origin.Mark, o.Origin.Run = late, "20260301T000000Z"
			r.Target = held{&o, new(int)}
			r.Writing = func(context.Context, string, store.Origin) (*ledger.Row, error) { return tc.row, nil }
			if kept, err := verdict.Look(t.Context(), r, src.Key, tc.known); err != nil || (kept.Origin != nil) != tc.own {
				t.Errorf("%+v, %v, want it the job's: %v", kept, err, tc.own)
			}
		})
	}
}

// TestLookHoldsAnObjectAgainstTheRecordOfItsWriting has the ledger have a row of the writing
// that the metadata of the target's object name.
func TestLookHoldsAnObjectAgainstTheRecordOfItsWriting(t *testing.T) {
	const mark = "0-a00000/AbC-_123"
	dst := func(etag string, at time.Time) *ledger.Dst {
		return &ledger.Dst{ETag: etag, Size: 3, Modified: at, Mark: mark}
	}
	for name, tc := range map[string]struct {
		row *ledger.Row // nil: there is none
		own bool
	}{
		"none":                                       {nil, true},
		"of another writing":                         {&ledger.Row{State: ledger.Copied, Dst: &ledger.Dst{ETag: "X", Size: 3, Modified: noon, Mark: mark + ".2"}}, true},
		"answered when it was written":               {&ledger.Row{State: ledger.Copied, Dst: dst("E", noon)}, true},
		"answered long after it was written":         {&ledger.Row{State: ledger.Copied, Dst: dst("E", newer)}, true},
		"answered by another machine of a moment":    {&ledger.Row{State: ledger.Copied, Dst: dst("E", noon.Add(-2*time.Second))}, true},
		"answered before it was written":             {&ledger.Row{State: ledger.Copied, Dst: dst("E", noon.Add(-4*time.Second))}, false},
		"of other bytes":                             {&ledger.Row{State: ledger.Copied, Dst: dst("X", noon)}, false},
		"whose time no answer told":                  {&ledger.Row{State: ledger.Copied, Dst: dst("E", time.Time{})}, true},
		"verified as it is":                          {&ledger.Row{State: ledger.Copied, Verdict: ledger.Verified, Dst: dst("E", noon)}, true},
		"verified as it was":                         {&ledger.Row{State: ledger.Copied, Verdict: ledger.Verified, Dst: dst("E", older)}, false},
		"verified as it is to be":                    {&ledger.Row{State: ledger.Copied, Verdict: ledger.Verified, Dst: dst("E", newer)}, false},
		"that a run found to be another's, as it is": {&ledger.Row{State: ledger.Unchanged, Verdict: ledger.Verified, Author: ledger.NotOurs, Dst: dst("E", noon)}, false},
	} {
		t.Run(name, func(t *testing.T) {
			r, _ := rules(t, nil)
			o := store.Object{Key: src.Key, Size: 3, Hash: "E", Modified: noon, Origin: r.Copies().Origin(src, src)}
			o.Origin.Mark, o.Origin.Run = mark, "20260301T000000Z"
			r.Target = held{&o, new(int)}
			r.Writing = func(context.Context, string, store.Origin) (*ledger.Row, error) { return tc.row, nil }
			kept, err := verdict.Look(t.Context(), r, src.Key)
			if err != nil || (kept.Origin != nil) != tc.own {
				t.Errorf("%+v, %v, want it the job's: %v", kept, err, tc.own)
			}
			r.Writing = func(context.Context, string, store.Origin) (*ledger.Row, error) {
				t.Error("the ledger is asked for what the caller knows")
				return nil, nil
			}
			if tc.row == nil || tc.row.Dst.Mark != mark {
				return
			}
			if kept, err := verdict.Look(t.Context(), r, src.Key, nil, tc.row.Dst); err != nil || (kept.Origin != nil) != (tc.row.Dst.ETag == "E") {
				t.Errorf("%+v, %v, want it the job's where it has the bytes that are known", kept, err)
			}
		})
	}
}

// TestARecordThatMayNotBeReadIsNone has the ledger refuse the record of a writing, as one that
// was archived: its mark decides. Trouble that may pass is an error.
func TestARecordThatMayNotBeReadIsNone(t *testing.T) {
	for kind, own := range map[fault.Kind]bool{fault.Denied: true, fault.Temporary: false} {
		r, _ := rules(t, nil)
		o := store.Object{Key: src.Key, Size: 3, Hash: "E", Modified: noon, Origin: r.Copies().Origin(src, src)}
		o.Origin.Mark, o.Origin.Run = "0-a00000/AbC-_123", "20260301T000000Z"
		r.Target = held{&o, new(int)}
		asked := 0
		r.Writing = func(context.Context, string, store.Origin) (*ledger.Row, error) {
			asked++
			return nil, fault.New(kind, "ledger.Read", "copied/0-a00000", errors.New("no"))
		}
		kept, err := verdict.Look(t.Context(), r, src.Key)
		if (err == nil) != own || own && kept.Origin == nil || asked != 1 {
			t.Errorf("%s: %+v, %v after %d reads, want it the job's: %v", kind, kept, err, asked, own)
		}
	}
}
