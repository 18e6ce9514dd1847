package pipeline_test

import (
	"bytes"
	"context"
	"io"
	"iter"
	"slices"
	"testing"

	"kodoferry/shared/ledger"
	"kodoferry/shared/plan"
	"kodoferry/shared/store"
	"kodoferry/shared/store/mem"
)

// reticent is a source as S3's interface is: its hashes are no qetags, and only
// the answer about an object itself tells its MD5.
type reticent struct {
	store.Source
	bad string // the key whose bytes are damaged on their way
}

func (r reticent) List(ctx context.Context, in store.Range) iter.Seq2[store.Object, error] {
	return func(yield func(store.Object, error) bool) {
		for o, err := range r.Source.List(ctx, in) {
			if o.MD5 = ""; !yield(o, err) {
				return
			}
		}
	}
}

func (r reticent) Open(ctx context.Context, o store.Object, off, n int64) (store.Object, io.ReadCloser, error) {
	found, body, err := r.Source.Open(ctx, o, off, n)
	if err != nil || o.Key != r.bad {
		return found, body, err
	}
	defer func() { _ = body.Close() }()
	data, err := io.ReadAll(body)
	data[len(data)/2] ^= 1
	return found, io.NopCloser(bytes.NewReader(data)), err
}

func TestAnMD5ThatComesWithTheObjectProvesIt(t *testing.T) {
	w := newWorld(t, small)
	w.src.Flavor = mem.OSS
	w.fill(30, 4)
	const bad = "k/00007"
	w.source = func(src store.Source) store.Source { return reticent{src, bad} }
	w.fresh()
	rep := w.run()
	rows := w.rows()
	for key, row := range rows {
		if key != bad && (row.State != ledger.Copied || row.Proof != ledger.ByMD5 || row.Src.MD5 == "") {
			t.Errorf("%s ended %s by %q, MD5 %q, want copied by its MD5", key, row.State, row.Proof, row.Src.MD5)
		}
	}
	if rows[bad].State != ledger.Failed {
		t.Errorf("the damaged object ended %s: %s", rows[bad].State, rows[bad].Reason)
	}
	if _, err := w.dst.Stat(t.Context(), bad); err == nil {
		t.Error("the damaged object is in the target")
	}
	if rep.Objects.Copied != 29 || rep.Objects.Failed != 1 {
		t.Errorf("%+v, want 29 copied and 1 failed", rep.Objects)
	}
}

// termed is a source whose listing leaves something out.
type termed struct{ store.Source }

func (termed) Terms() store.Terms {
	return store.Terms{Untold: []string{"its listing does not tell this"}}
}

func TestAPlanSaysWhatTheSourcesListingDoesNotTell(t *testing.T) {
	for name, source := range map[string]func(store.Source) store.Source{
		"one that tells everything": nil, "one that does not": func(s store.Source) store.Source { return termed{s} },
	} {
		w := newWorld(t)
		w.source = source
		put(t, w.src, "a", []byte("x"))
		src, dst, err := w.config.Open(t.Context(), w.job)
		if err != nil {
			t.Fatal(err)
		}
		sides := plan.Sides{Source: src, Target: dst}
		for kind, made := range map[string]func() (plan.Plan, error){
			"plan":       func() (plan.Plan, error) { return plan.Make(t.Context(), sides, w.job) },
			"quick plan": func() (plan.Plan, error) { return plan.Quick(t.Context(), sides, w.job) },
		} {
			p, err := made()
			if says := slices.Contains(p.Notes, "its listing does not tell this"); err != nil || says != (source != nil) {
				t.Errorf("the %s of %s says %q (%v)", kind, name, p.Notes, err)
			}
		}
	}
}
