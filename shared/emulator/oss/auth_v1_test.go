package oss_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// The Node SDK sends x-oss-date and a signature over it, and no Date.
func TestXOssDateIsSignedInPlaceOfTheDate(t *testing.T) {
	s := start(t)
	put(t, s, "k", "x")
	for name, tc := range map[string]struct {
		date   string // beside x-oss-date
		late   time.Duration
		status int
		code   string
	}{
		"alone":                {"", 0, 200, ""},
		"beside another date":  {"Mon, 02 Jan 2006 15:04:05 GMT", 0, 200, ""},
		"of 16 minutes ago":    {"", -16 * time.Minute, 403, "RequestTimeTooSkewed"},
		"old, beside the time": {time.Now().UTC().Format(http.TimeFormat), -16 * time.Minute, 403, "RequestTimeTooSkewed"},
	} {
		t.Run(name, func(t *testing.T) {
			at := time.Now().Add(tc.late).UTC().Format(http.TimeFormat)
			mac := hmac.New(sha1.New, []byte(keySecret))
			mac.Write([]byte("GET\n\n\n" + at + "\nx-oss-date:" + at + "\n/" + bucketName + "/k"))
			r, err := http.NewRequest(http.MethodGet, s.Endpoint()+"/"+bucketName+"/k", nil)
			must(t, err)
			r.Header.Set("X-Oss-Date", at)
			if tc.date != "" {
				r.Header.Set("Date", tc.date)
			}
			r.Header.Set("Authorization", "OSS "+keyID+":"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
			resp, err := http.DefaultClient.Do(r)
			must(t, err)
			defer func() { must(t, resp.Body.Close()) }()
			body, err := io.ReadAll(resp.Body)
			must(t, err)
			if resp.StatusCode != tc.status || !strings.Contains(string(body), tc.code) {
				t.Errorf("got %d %s, want %d %s", resp.StatusCode, body, tc.status, tc.code)
			}
		})
	}
}
