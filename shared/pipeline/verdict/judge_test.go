package verdict_test

import (
	"context"
	"fmt"
	"log/slog"
	"reflect"
	"testing"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/listing"
	"kodoferry/shared/pipeline/verdict"
	"kodoferry/shared/store"
)

// heldBack is a target that answers about no key before all pairs were read.
type heldBack struct {
	verdict.Target
	read chan struct{}
}

func (h heldBack) Stat(_ context.Context, key string) (store.Object, error) {
	<-h.read
	return store.Object{}, fault.New(fault.NotFound, "Stat", key, nil)
}

// TestWhatIsJudgedBehindAKeyThatIsAskedAboutIsOfItsOwnPair has pairs that hold until the next
// one alone.
func TestWhatIsJudgedBehindAKeyThatIsAskedAboutIsOfItsOwnPair(t *testing.T) {
	const pairs = 50
	r, _ := rules(t, nil)
	read := make(chan struct{})
	r.Target = heldBack{r.Target, read}
	all := func(yield func(listing.Pair, error) bool) {
		var src, dst store.Object
		for i := range pairs {
			key := fmt.Sprintf("%03d", i)
			src, dst = store.Object{Key: key, Size: 1, Hash: "h"}, store.Object{Key: key, Size: 2}
			p := listing.Pair{Src: &src}
			if i%7 == 3 {
				p.Dst = &dst // which no earlier run left
			}
			if !yield(p, nil) {
				return
			}
		}
		src, dst = store.Object{}, store.Object{}
		close(read)
	}
	n := 0
	for j, err := range verdict.Judge(t.Context(), &verdict.Asker{Rules: r, Log: slog.New(slog.DiscardHandler)}, all, nil) {
		if err != nil {
			t.Fatal(err)
		}
		key := fmt.Sprintf("%03d", n)
		if j.Src == nil || j.Key() != key || j.Row.Key() != key || (j.Dst != nil) != (n%7 == 3) || j.Dst != nil && j.Dst.Key != key {
			t.Errorf("the pair %d is %v and %v, judged %s, want the key %s", n, j.Src, j.Dst, j.Row.Key(), key)
		}
		n++
	}
	if n != pairs {
		t.Errorf("%d pairs are judged, want %d", n, pairs)
	}
}

// TestAPairWithoutARowHasNoneOfThePairBefore has what only the target lists, and what the
// filter leaves out, each behind an object that is refused with its reason.
func TestAPairWithoutARowHasNoneOfThePairBefore(t *testing.T) {
	r, _ := rules(t, nil, func(j *job.Job) { j.Filter.Exclude = []string{"*.tmp"} })
	refused, told := store.Object{Key: "a", Disabled: true}, false
	for name, p := range map[string]listing.Pair{
		"the target's alone": {Dst: &store.Object{Key: "b", Size: 2}},
		"not chosen":         {Src: &store.Object{Key: "b.tmp", Size: 2}},
	} {
		pairs := func(yield func(listing.Pair, error) bool) {
			_ = yield(listing.Pair{Src: &refused}, nil) && yield(p, nil)
		}
		n := 0
		for j, err := range verdict.Judge(t.Context(), &verdict.Asker{Rules: r, Log: slog.New(slog.DiscardHandler)}, pairs, nil) {
			if err != nil {
				t.Fatal(err)
			}
			if n++; n == 1 {
				told = told || j.Row.Reason != ""
				continue
			}
			if !reflect.DeepEqual(j.Row, ledger.Row{}) {
				t.Errorf("%s: its row is %+v, want none", name, j.Row)
			}
		}
		if n != 2 || !told {
			t.Errorf("%s: %d pairs are judged, the first refused: %v, want two and true", name, n, told)
		}
	}
}
