package s3

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"kodoferry/shared/emulator/opentest"
	"kodoferry/shared/store"
)

// fake is a bucket whose service is h. It tries again without a pause.
func fake(t *testing.T, h http.HandlerFunc, set ...func(*Config)) *Bucket {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return opentest.Bucket(t, Open, Config{Bucket: "b", Region: "us-east-1", Endpoint: srv.URL, Insecure: true, Credentials: keys, Variables: "ID and SECRET"}, set...)
}

func keys() Credentials { return Credentials{AccessKeyID: "id", SecretAccessKey: "s3cr3t"} }

// refuse answers as S3 does: a HEAD without a document.
func refuse(w http.ResponseWriter, r *http.Request, status int, code string) {
	w.Header().Set("X-Amz-Request-Id", "req-1")
	w.WriteHeader(status)
	if r.Method != http.MethodHead && code != "" {
		_, _ = w.Write([]byte("<Error><Code>" + code + "</Code><Message>so it is</Message><RequestId>req-1</RequestId></Error>"))
	}
}

// object answers with a body and its ETag.
func object(w http.ResponseWriter, r *http.Request, etag, body string) {
	w.Header().Set("ETag", `"`+etag+`"`)
	http.ServeContent(w, r, "", time.Unix(1_700_000_000, 0), strings.NewReader(body))
}

// drain lists r to its end, or to the error it ends with.
func drain(t *testing.T, b *Bucket, r store.Range) (found []store.Object, err error) {
	t.Helper()
	for o, err := range b.List(t.Context(), r) {
		if err != nil {
			return found, err
		}
		found = append(found, o)
	}
	return found, nil
}
