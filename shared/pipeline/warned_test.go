package pipeline_test

import (
	"context"
	"io"
	"testing"

	"kodoferry/shared/ledger"
	"kodoferry/shared/store"
)

// wary is a source that has something to say of one object when it is opened.
type wary struct {
	store.Source
	key string
}

func (s wary) Open(ctx context.Context, o store.Object, off, n int64) (store.Object, io.ReadCloser, error) {
	found, body, err := s.Source.Open(ctx, o, off, n)
	if o.Key == s.key {
		found.Warnings = append(found.Warnings, "odd when read")
	}
	return found, body, err
}

// TestWhatIsOddAboutAnObjectIsInItsRow has one object that is odd as listed, one
// when it is read, and one at both times.
func TestWhatIsOddAboutAnObjectIsInItsRow(t *testing.T) {
	w := newWorld(t)
	for key, warnings := range map[string][]string{"a": nil, "b": {"odd as listed"}, "c": nil} {
		if _, err := w.src.Put(t.Context(), store.Object{Key: key, Warnings: warnings}, nil, store.Put{}); err != nil {
			t.Fatal(err)
		}
	}
	w.source = func(s store.Source) store.Source { return wary{s, "c"} }
	rep := w.run()
	rows := w.rows()
	want := map[string]string{"a": "", "b": "odd as listed", "c": "odd when read"}
	for key, says := range want {
		var all string
		for _, s := range rows[key].AllWarnings() {
			all += s
		}
		if all != says || rows[key].State != ledger.Copied {
			t.Errorf("the row of %q is %s and says %q, want it copied, saying %q", key, rows[key].State, all, says)
		}
	}
	if rep.Warned != 2 {
		t.Errorf("%d objects with warnings, want 2", rep.Warned)
	}
}
