package s3

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/store"
)

func TestEveryRefusalHasItsKind(t *testing.T) {
	for name, tc := range map[string]struct {
		status int
		code   string
		header string // "name: value"
		want   fault.Kind
		wait   time.Duration
		says   string
	}{
		"a missing object":                     {status: 404, code: "NoSuchKey", want: fault.NotFound},
		"a missing bucket is no lost object":   {status: 404, code: "NoSuchBucket", want: fault.Invalid, says: `bucket "b" does not exist`},
		"a page of some other server":          {status: 404, want: fault.Invalid, says: "is not S3"},
		"no permission":                        {status: 403, code: "AccessDenied", want: fault.Denied},
		"an archived object":                   {status: 403, code: "InvalidObjectState", want: fault.Denied, says: "archived and not restored"},
		"an expired token, which comes as 400": {status: 400, code: "ExpiredToken", want: fault.Denied},
		"a clock that is off":                  {status: 403, code: "RequestTimeTooSkewed", want: fault.Temporary, says: "clock"},
		"another version":                      {status: 412, code: "PreconditionFailed", want: fault.Changed},
		"a range behind the end":               {status: 416, code: "InvalidRange", want: fault.Invalid},
		"a body that did not come through":     {status: 400, code: "RequestTimeout", want: fault.Temporary},
		"a server's trouble":                   {status: 500, code: "InternalError", want: fault.Temporary},
		"slow down":                            {status: 503, code: "SlowDown", want: fault.Throttled},
		"slow down, for so long":               {status: 503, code: "SlowDown", header: "Retry-After: 7", want: fault.Throttled, wait: 7 * time.Second},
		"trouble until a time":                 {status: 500, code: "InternalError", header: "Retry-After: 7", want: fault.Throttled, wait: 7 * time.Second},
		"too many requests":                    {status: 429, want: fault.Throttled},
		"Kodo's own too fast":                  {status: 573, want: fault.Throttled},
		"elsewhere":                            {status: 301, code: "PermanentRedirect", header: "Location: https://s3.eu-west-1.amazonaws.com/b/k?sig=1", want: fault.Invalid, says: "s3.eu-west-1.amazonaws.com,"},
	} {
		t.Run(name, func(t *testing.T) {
			b := fake(t, func(w http.ResponseWriter, r *http.Request) {
				if name, value, ok := strings.Cut(tc.header, ": "); ok {
					w.Header().Set(name, value)
				}
				refuse(w, r, tc.status, tc.code)
			})
			_, _, err := b.Open(t.Context(), store.Object{Key: "k"}, 0, -1)
			if fault.KindOf(err) != tc.want || fault.WaitOf(err) != tc.wait || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("Open: %v (%q, wait %s), want %q, %s, %q", err, fault.KindOf(err), fault.WaitOf(err), tc.want, tc.wait, tc.says)
			}
			if strings.Contains(err.Error(), "sig=") {
				t.Errorf("%v repeats an address", err)
			}
			if kind := fault.KindOf(statOnce(t, b)); kind != tc.want {
				t.Errorf("Stat is %q, want %q as Open", kind, tc.want)
			}
		})
	}
}

// statOnce asks for an object as Stat does, one time.
func statOnce(t *testing.T, b *Bucket) error {
	t.Helper()
	_, err := b.head(t.Context(), "s3.Stat", "k", nil)
	return err
}

func TestWhatAServerSaysTellsNoSecret(t *testing.T) {
	b := fake(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(403)
		_, _ = w.Write([]byte("<Error><Code>AccessDenied</Code><Message>s3cr3t &#10;" + strings.Repeat("long ", 1000) + "</Message></Error>"))
	})
	_, _, err := b.Open(t.Context(), store.Object{Key: "k"}, 0, -1)
	if text := err.Error(); strings.Contains(text, "s3cr3t") || strings.Contains(text, "\n") || len(text) > 600 {
		t.Errorf("%d bytes: %q", len(text), text)
	}
}

func TestWhatIsMissingIsNamedAtOnce(t *testing.T) {
	_, err := Open(Config{PageSize: 5000})
	for _, want := range []string{"bucket", "region", "credentials", "5000 keys", "endpoint"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v: want %q", err, want)
		}
	}
	for _, endpoint := range []string{"http://h", "https://user:s3cr3t@h", "https://h/x", "ftp://h", "https://h?s3cr3t=1"} {
		_, err := Open(Config{Bucket: "b", Region: "r", Endpoint: endpoint, Credentials: keys})
		if fault.KindOf(err) != fault.Invalid || strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("endpoint %s: %v, want Invalid without secrets", endpoint, err)
		}
	}
	b := fake(t, nil, func(c *Config) { c.Credentials = func() Credentials { return Credentials{} } })
	if err := statOnce(t, b); fault.KindOf(err) != fault.Denied {
		t.Errorf("without keys: %v, want Denied", err)
	}
}
