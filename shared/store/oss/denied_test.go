package oss

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"kodoferry/shared/fault"
	"kodoferry/shared/store"
)

// TestARefusalSaysWhichRightIsMissing, whatever was asked: what a person reads names no operation
// of the code.
func TestARefusalSaysWhichRightIsMissing(t *testing.T) {
	b := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		_, _ = fmt.Fprint(w, "<Error><Code>AccessDenied</Code><Message>no</Message></Error>")
	})
	o := store.Object{Key: "k", Size: 1}
	for right, ask := range map[string]func(context.Context) error{
		"oss:GetObject on": func(ctx context.Context) error { _, _, err := b.Open(ctx, o, 0, -1); return err },
		"oss:GetObject":    func(ctx context.Context) error { _, err := b.Stat(ctx, "k"); return err },
		"oss:PutObject": func(ctx context.Context) error {
			_, err := b.Put(ctx, o, strings.NewReader("x"), store.Put{})
			return err
		},
		"parts; grant it oss:PutObject": func(ctx context.Context) error { _, _, err := b.Begin(ctx, o); return err },
		"part of it; grant it oss:PutObject": func(ctx context.Context) error {
			_, err := b.PutPart(ctx, "k", "u", 1, strings.NewReader("x"), 1)
			return err
		},
		"oss:AbortMultipartUpload": func(ctx context.Context) error { return b.Abort(ctx, "k", "u") },
		"oss:DeleteObject":         func(ctx context.Context) error { return b.Delete(ctx, "k") },
		"oss:GetBucketVersioning":  func(ctx context.Context) error { _, err := b.Versioned(ctx); return err },
		"oss:GetBucketWorm":        func(ctx context.Context) error { _, err := b.Retention(ctx); return err },
		"oss:ListObjects":          func(ctx context.Context) error { return listed(b.List(ctx, store.Range{})) },
		"grant it oss:ListObjects": func(ctx context.Context) (last error) {
			for _, err := range b.Entries(ctx, "d/", "") {
				last = err
			}
			return last
		},
	} {
		err := ask(t.Context())
		if says := fault.Sentence(err); fault.KindOf(err) != fault.Denied || !strings.Contains(says, right) || !strings.Contains(says, "(status 403") || strings.Contains(says, `"k"`) {
			t.Errorf("%v is told as %q, want it to name %s and what OSS answered", err, says, right)
		}
	}
}

func listed(seq func(func(store.Object, error) bool)) (last error) {
	for _, err := range seq {
		last = err
	}
	return last
}

func TestADeniedAnswerSaysItsCure(t *testing.T) {
	for code, want := range map[string]struct {
		status int
		says   string
	}{
		"FileImmutable":         {409, "retention policy"},
		"QuotaExceeded":         {403, "is full"},
		"InvalidObjectState":    {403, "thaw it"},
		"SignatureDoesNotMatch": {403, "copy both again"},
		"InvalidAccessKeyId":    {403, "ALIBABA_CLOUD_ACCESS_KEY_ID"},
		"SecurityTokenExpired":  {403, "have expired"},
		"UserDisable":           {403, "overdue"},
	} {
		b := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(want.status)
			_, _ = fmt.Fprintf(w, "<Error><Code>%s</Code></Error>", code)
		})
		_, err := b.Put(t.Context(), store.Object{Key: "k", Size: 1}, strings.NewReader("x"), store.Put{})
		if says := fault.Sentence(err); fault.KindOf(err) != fault.Denied || !strings.Contains(says, want.says) || !strings.Contains(says, code) {
			t.Errorf("%s is told as %q, want it to have %q", code, says, want.says)
		}
	}
}
