package outage_test

import (
	"context"
	"errors"
	"io"
	"iter"
	"strings"
	"testing"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/pipeline/outage"
	"kodoferry/shared/store"
)

var errIll = fault.New(fault.Temporary, "test", "", errors.New("ill"))

// bucket answers, or does not, and counts the probes.
type bucket struct {
	store.Source
	keys   []string
	lists  error            // in place of a listing
	opens  map[string]error // in place of an object
	probes int
	read   []string
}

func (b *bucket) List(context.Context, store.Range) iter.Seq2[store.Object, error] {
	b.probes++
	return func(yield func(store.Object, error) bool) {
		if b.lists != nil {
			yield(store.Object{}, b.lists)
			return
		}
		for _, key := range b.keys {
			if !yield(store.Object{Key: key, Size: 1}, nil) {
				return
			}
		}
	}
}

func (b *bucket) Open(_ context.Context, o store.Object, _, _ int64) (store.Object, io.ReadCloser, error) {
	b.read = append(b.read, o.Key)
	return o, io.NopCloser(strings.NewReader("x")), b.opens[o.Key]
}

var now = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

func prober(src, dst *bucket) *outage.Prober {
	return &outage.Prober{Run: "j/1", Buckets: [2]store.Source{src, dst}, Limit: job.Span(time.Hour), Now: func() time.Time { return now }}
}

func TestASideIsProbedOnceThreeObjectsInARowWereNotServed(t *testing.T) {
	dst := &bucket{}
	noted := 0
	s := outage.NewTracker(prober(&bucket{}, dst), 0, outage.InARow, func(context.Context, *outage.Outage) { noted++ })
	fail := func() bool {
		waits, err := s.Unserved(t.Context(), outage.Target, "k", errIll)
		if !errors.Is(err, errIll) {
			t.Errorf("the error that stands is %v, want what the object met", err)
		}
		return waits
	}
	if fail(); fail() || dst.probes != 0 {
		t.Errorf("%d probes after two objects, want none", dst.probes)
	}
	s.Served(outage.Target)
	if fail(); fail() || dst.probes != 0 {
		t.Errorf("%d probes though one of the objects was served, want none", dst.probes)
	}
	if fail() || dst.probes != 1 || s.Blocked() || s.Since() != 0 {
		t.Errorf("%d probes, blocked %v, want one, and nothing to wait: the side answers", dst.probes, s.Blocked())
	}
	dst.lists = errIll
	if fail(); fail() || dst.probes != 1 {
		t.Errorf("%d probes, want the next after three more objects", dst.probes)
	}
	if !fail() || dst.probes != 2 || noted != 1 || !s.Blocked() || s.Since() != now.Unix() {
		t.Errorf("%d probes, %d notes, blocked %v since %d, want the object to wait, and all that is left", dst.probes, noted, s.Blocked(), s.Since())
	}
	if s.Still() != nil {
		t.Error("the task has waited for it before, want it new")
	}
}

func TestAnOutageIsWaitedForUpToItsLimit(t *testing.T) {
	for name, tc := range map[string]struct {
		since time.Duration
		waits bool
	}{
		"within it": {time.Hour, true},
		"beyond it": {time.Hour + time.Minute, false},
	} {
		src := &bucket{lists: fault.New(fault.Throttled, "test", "", nil)}
		s := outage.NewTracker(prober(src, &bucket{}), now.Add(-tc.since).Unix(), 1, func(context.Context, *outage.Outage) {})
		waits, err := s.Unserved(t.Context(), outage.Source, "k", errIll)
		if waits != tc.waits || (s.Still() != nil) != tc.waits || s.Since() != now.Add(-tc.since).Unix() {
			t.Errorf("%s: waits %v, still %v, since %d, want it to wait: %v", name, waits, s.Still(), s.Since(), tc.waits)
		}
		if !tc.waits && (fault.KindOf(err) != fault.Temporary || !strings.Contains(err.Error(), "longer than limits.outage")) {
			t.Errorf("%s: %v, want one that names the limit and spends a try", name, err)
		}
	}
}

func TestASourceAnswersIfAnyOtherObjectCanBeRead(t *testing.T) {
	for name, tc := range map[string]struct {
		opens map[string]error
		down  bool
	}{
		"all can":             {nil, false},
		"one can":             {map[string]error{"a": errIll, "b": errIll}, false},
		"one is refused":      {map[string]error{"a": errIll, "b": errIll, "c": fault.New(fault.Denied, "test", "c", nil)}, false},
		"none can but itself": {map[string]error{"a": errIll, "b": errIll, "c": errIll}, true},
	} {
		src := &bucket{keys: []string{"a", "b", "c", "itself"}, opens: tc.opens}
		p := prober(src, &bucket{})
		if o := p.Find(t.Context(), true, "itself", 0); (o != nil) != tc.down || o != nil && (o.Side != outage.Source || !o.Since.Equal(now)) {
			t.Errorf("%s: %+v, want the source down since now: %v", name, o, tc.down)
		}
		if strings.Contains(strings.Join(src.read, ""), "itself") {
			t.Errorf("%s: %q were read, want not the object in trouble", name, src.read)
		}
		if o := p.Find(t.Context(), false, "itself", 0); o != nil {
			t.Errorf("%s: %+v where nothing is to be read, want none: the source is listed", name, o)
		}
	}
}
