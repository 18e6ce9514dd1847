package s3

import (
	"net/http"
	"strings"
	"testing"

	"kodoferry/shared/fault"
)

func TestCheckNamesTheMistakeAndItsCure(t *testing.T) {
	lists := func(h http.HandlerFunc) http.HandlerFunc { // the bucket's keys may be listed
		return func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Has("list-type") {
				says(listing(last, encoded, `<StartAfter>+%2B</StartAfter>`, contents("k")))(w, r)
				return
			}
			h(w, r)
		}
	}
	refuses := func(status int, code string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { refuse(w, r, status, code) }
	}
	for name, tc := range map[string]struct {
		answer http.HandlerFunc
		set    func(*Config)
		kind   fault.Kind
		want   string
	}{
		"all is well":                    {answer: lists(func(w http.ResponseWriter, r *http.Request) { object(w, r, md5Tag, "0123456789") })},
		"an empty bucket":                {answer: says(listing(last, encoded))},
		"deleted meanwhile":              {answer: lists(refuses(404, "NoSuchKey"))},
		"no such bucket":                 {answer: refuses(404, "NoSuchBucket"), kind: fault.NotFound, want: "at Kodo may be another for S3"},
		"an unknown key":                 {answer: refuses(403, "InvalidAccessKeyId"), kind: fault.Denied, want: "check ID and SECRET"},
		"a wrong secret":                 {answer: refuses(403, "SignatureDoesNotMatch"), kind: fault.Denied, want: "copy both again, ID and SECRET"},
		"an old token":                   {answer: refuses(400, "ExpiredToken"), kind: fault.Denied, want: "session token"},
		"may not list":                   {answer: refuses(403, "AccessDenied"), kind: fault.Denied, want: "may not list bucket"},
		"may list, not read":             {answer: lists(refuses(403, "AccessDenied")), kind: fault.Denied, want: "may list bucket \"b\", but not read"},
		"a wrong region":                 {answer: refuses(400, "AuthorizationHeaderMalformed"), kind: fault.Invalid, want: "does not take region=us-east-1"},
		"a clock that is off":            {answer: refuses(403, "RequestTimeTooSkewed"), kind: fault.Temporary, want: "clock"},
		"busy":                           {answer: refuses(503, "SlowDown"), kind: fault.Throttled},
		"some other service":             {answer: refuses(401, ""), kind: fault.Denied, want: "answers as S3 does not"},
		"some web server":                {answer: says("<html>hello</html>"), kind: fault.Invalid, want: "is not S3"},
		"a plus that may be a space":     {answer: says(listing(last, encoded, `<StartAfter>%20+</StartAfter>`)), kind: fault.Invalid, want: "cannot be told apart"},
		"a host that begins as a bucket": {answer: says("<html>hello</html>"), set: func(c *Config) { c.Bucket = "127" }, kind: fault.Invalid, want: "begins with the bucket's name"},
		"nobody there":                   {set: func(c *Config) { c.Endpoint = "http://127.0.0.1:1" }, kind: fault.Temporary, want: "127.0.0.1:1 cannot be reached"},
		"http where https is expected":   {set: func(c *Config) { c.Endpoint = strings.Replace(c.Endpoint, "http:", "https:", 1) }, kind: fault.Invalid, want: "check endpoint= and its scheme"},
		"no keys":                        {set: func(c *Config) { c.Credentials = func() Credentials { return Credentials{} } }, kind: fault.Denied, want: "set ID and SECRET"},
	} {
		t.Run(name, func(t *testing.T) {
			set := tc.set
			if set == nil {
				set = func(*Config) {}
			}
			err := fake(t, tc.answer, set).Check(t.Context())
			if fault.KindOf(err) != tc.kind {
				t.Fatalf("Check: %v (%q), want %q", err, fault.KindOf(err), tc.kind)
			}
			if err != nil && (!strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "s3cr3t")) {
				t.Errorf("Check: %v, want %q and no secret", err, tc.want)
			}
		})
	}
}
