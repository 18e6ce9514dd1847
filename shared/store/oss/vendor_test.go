package oss

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"kodoferry/shared/fault"
	"kodoferry/shared/store"
)

// bySDK is every call whose request the vendor's SDK makes.
func bySDK(b *Bucket) map[string]func(context.Context) error {
	all, some := calls(b), map[string]func(context.Context) error{}
	for _, name := range []string{"Versioned", "Retention", "Begin", "Finish", "Parts", "Unfinished", "Abort", "Delete"} {
		some[name] = all[name]
	}
	return some
}

func TestTheSDKFollowsNobodyElsewhere(t *testing.T) {
	rec := &recorder{}
	rec.answer = func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/elsewhere" {
			http.Redirect(w, r, "http://"+r.Host+"/elsewhere", http.StatusTemporaryRedirect)
		}
	}
	b := serve(t, rec.ServeHTTP)
	for name, call := range bySDK(b) {
		before := len(rec.all())
		err := call(t.Context())
		wantKind(t, name, err, fault.Invalid)
		if n := len(rec.all()) - before; n != 1 || !strings.Contains(err.Error(), "the endpoint to use") {
			t.Errorf("%s: got %v after %d requests, want the host after one", name, err, n)
		}
	}
}

func TestADocumentThatNamesAKeyWhichXMLCannotCarryIsRead(t *testing.T) {
	for name, key := range map[string]string{"as it is": "a\x01b", "as a reference": "a&#x1;b", "in no UTF-8": "a\xffb"} {
		b := serve(t, xmlAnswer("<CompleteMultipartUploadResult><Key>"+key+`</Key><ETag>"E"</ETag></CompleteMultipartUploadResult>`))
		if got, err := b.Finish(t.Context(), "k", "u", []store.Part{{Number: 1, ETag: "A"}}, store.Put{}); err != nil || got.ETag != "E" {
			t.Errorf("%s: got %+v, %v, want the ETag", name, got, err)
		}
	}
}

func TestEverySuccessOfARemovalIsOne(t *testing.T) {
	for _, status := range []int{200, 202, 204} {
		b := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = w.Write([]byte("\x1f\x8b\x08garbage")) // which nobody reads
		})
		for name, err := range map[string]error{"Delete": b.Delete(t.Context(), "k"), "Abort": b.Abort(t.Context(), "k", "u")} {
			if err != nil {
				t.Errorf("%s, answered %d: got %v, want nil", name, status, err)
			}
		}
	}
}
