package check_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"kodoferry/shared/alert"
	"kodoferry/shared/check"
	"kodoferry/shared/job"
	"kodoferry/shared/store/mem"
)

// bucket is a bucket in memory whose settings are right.
type bucket struct{ *mem.Bucket }

// Check implements check.Checker.
func (bucket) Check(context.Context) error { return nil }

// setup returns a job whose target and ledger are buckets of their own, and what
// both of them hold.
func setup() (s check.Setup, held func() []string) {
	source, target, ledger := mem.New(mem.OSS), mem.New(mem.OSS), mem.New(mem.OSS)
	s = check.Setup{
		Job:    job.Job{Name: "photos", Target: job.Location{Bucket: "new"}, Ledger: job.Location{Bucket: "ledger", Prefix: ".ferry/"}},
		Source: bucket{source}, Target: bucket{target}, Ledger: bucket{ledger},
		Queues: []check.Queue{{Name: "FERRY_QUEUES", Err: errors.New("no location")}},
		Alerts: []check.Alert{{Name: "FERRY_ALERT_OPS", Kind: "json", Post: func(context.Context, alert.Message) error { return nil }}},
	}
	return s, func() []string {
		return slices.Concat(target.Keys(), target.Uploads(), ledger.Keys(), ledger.Uploads())
	}
}

func TestEveryPlaceIsAskedInOrder(t *testing.T) {
	s, held := setup()
	var asked, found []string
	s.Asking = func(place, what string) { asked = append(asked, place+" "+what) }
	s.Found = func(f check.Finding) { found = append(found, f.Place+" "+f.What+" "+string(f.State)) }
	if err := check.Run(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"source listable ok", "source readable note",
		"target listable ok", "target versioning ok", "target writable ok", "target readable ok", "target in parts ok", "target deletable ok",
		"ledger listable ok", "ledger versioning ok", "ledger writable ok", "ledger once only ok", "ledger readable ok", "ledger in parts ok", "ledger deletable ok",
		"queues FERRY_QUEUES fail", "alerts FERRY_ALERT_OPS ok",
	}
	if !slices.Equal(found, want) {
		t.Errorf("found %q, want %q", found, want)
	}
	if len(asked) != len(found) {
		t.Errorf("%d questions for %d answers", len(asked), len(found))
	}
	if got := held(); len(got) > 0 {
		t.Errorf("the buckets hold %q, want nothing", got)
	}
}

// TestACheckThatEndsLeavesNothing ends the context at every question in turn.
func TestACheckThatEndsLeavesNothing(t *testing.T) {
	ended := errors.New("ended")
	for n, more := 1, true; more; n++ {
		s, held := setup()
		ctx, end := context.WithCancelCause(t.Context())
		asked, found := 0, 0
		s.Asking = func(string, string) {
			if asked++; asked == n {
				end(ended)
			}
		}
		s.Found = func(check.Finding) { found++ }
		err := check.Run(ctx, s)
		if more = asked == n; more && (err != ended || found != n-1) {
			t.Errorf("ended at question %d: %v and %d answers, want its cause and %d", n, err, found, n-1)
		}
		if got := held(); len(got) > 0 {
			t.Errorf("ended at question %d: the buckets hold %q, want nothing", n, got)
		}
		end(nil)
	}
}
