package oss

import (
	"net/http"
	"strings"
	"testing"

	"kodoferry/shared/fault"
	"kodoferry/shared/store"
)

func TestWhatIsUnderRetentionIsToldAndStays(t *testing.T) {
	srv, b := stand(t, nil)
	if days, err := b.Retention(t.Context()); days != 0 || err != nil {
		t.Errorf("Retention = %d, %v, want none", days, err)
	}
	put := func(body string) error {
		_, err := b.Put(t.Context(), store.Object{Key: "k", Size: int64(len(body))}, strings.NewReader(body), store.Put{})
		return err
	}
	if err := put("one"); err != nil {
		t.Fatal(err)
	}
	if err := srv.SetRetention("bucket", 30); err != nil {
		t.Fatal(err)
	}
	if days, err := b.Retention(t.Context()); days != 30 || err != nil {
		t.Errorf("Retention = %d, %v, want 30 days", days, err)
	}
	wantKind(t, "Put under retention", put("two"), fault.Denied)
	wantKind(t, "Delete under retention", b.Delete(t.Context(), "k"), fault.Denied)
	if o, ok := srv.Get("bucket", "k"); !ok || string(o.Body) != "one" {
		t.Errorf("the object is %q, %v, want as it was", o.Body, ok)
	}
}

func TestRetentionReadsWhatOSSSays(t *testing.T) {
	for name, tc := range map[string]struct {
		answer http.HandlerFunc
		days   int
		kind   fault.Kind
	}{
		"locked":         {xmlAnswer("<WormConfiguration><WormId>1</WormId><State>Locked</State><RetentionPeriodInDays>365</RetentionPeriodInDays></WormConfiguration>"), 365, ""},
		"not locked yet": {xmlAnswer("<WormConfiguration><State>InProgress</State><RetentionPeriodInDays>1</RetentionPeriodInDays></WormConfiguration>"), 1, ""},
		"lapsed":         {xmlAnswer("<WormConfiguration><State>Expired</State><RetentionPeriodInDays>1</RetentionPeriodInDays></WormConfiguration>"), 0, ""},
		"no policy":      {refuse(404, "NoSuchWORMConfiguration", ""), 0, ""},
		"not allowed":    {refuse(403, "AccessDenied", ""), 0, fault.Denied},
	} {
		t.Run(name, func(t *testing.T) {
			days, err := serve(t, tc.answer).Retention(t.Context())
			if days != tc.days || fault.KindOf(err) != tc.kind {
				t.Errorf("Retention = %d, %v, want %d and %q", days, err, tc.days, tc.kind)
			}
		})
	}
}

func xmlAnswer(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(text)) }
}
