package oss_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"time"

	"kodoferry/shared/emulator/oss"
)

// submit sends fields, given as name=value, and behind them a file of ten bytes.
func submit(t *testing.T, s *oss.Server, fields ...string) (*http.Response, string) {
	t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for _, f := range fields {
		name, value, _ := strings.Cut(f, "=")
		must(t, form.WriteField(name, value))
	}
	w, err := form.CreateFormFile("file", "f.txt")
	must(t, err)
	_, err = w.Write([]byte("0123456789"))
	must(t, err)
	must(t, form.Close())
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Post(s.Endpoint()+"/"+bucketName, form.FormDataContentType(), &body)
	must(t, err)
	answer, err := io.ReadAll(resp.Body)
	must(t, err)
	must(t, resp.Body.Close())
	return resp, string(answer)
}

// signedForm returns the fields that sign a policy.
func signedForm(expires time.Time, conditions string) []string {
	doc := fmt.Sprintf(`{"expiration":%q,"conditions":[%s]}`, expires.UTC().Format("2006-01-02T15:04:05.000Z"), conditions)
	policy := base64.StdEncoding.EncodeToString([]byte(doc))
	mac := hmac.New(sha1.New, []byte(keySecret))
	mac.Write([]byte(policy))
	return []string{"OSSAccessKeyId=" + keyID, "policy=" + policy, "Signature=" + base64.StdEncoding.EncodeToString(mac.Sum(nil))}
}

func TestAFormIsHeldAgainstItsPolicy(t *testing.T) {
	soon := time.Now().Add(time.Minute)
	for name, tc := range map[string]struct {
		fields []string
		status int
		code   string
	}{
		"all that is asked":           {signedForm(soon, `{"bucket":"bucket-1"},["starts-with","$key","dir/"],["content-length-range",1,10],["in","$x-oss-object-acl",["private",""]]`), 204, ""},
		"no condition":                {signedForm(soon, ""), 204, ""},
		"too large":                   {signedForm(soon, `["content-length-range",1,9]`), 400, "EntityTooLarge"},
		"too small":                   {signedForm(soon, `["content-length-range",11,20]`), 400, "EntityTooSmall"},
		"another key":                 {signedForm(soon, `["eq","$key","dir/g.txt"]`), 403, "AccessDenied"},
		"another bucket":              {signedForm(soon, `{"bucket":"bucket-2"}`), 403, "AccessDenied"},
		"a field of the excluded":     {signedForm(soon, `["not-in","$key",["dir/f.txt"]]`), 403, "AccessDenied"},
		"a condition nobody knows":    {signedForm(soon, `["ends-with","$key",".txt"]`), 400, "InvalidPolicyDocument"},
		"a policy that is over":       {signedForm(time.Now().Add(-time.Second), ""), 403, "AccessDenied"},
		"a policy that is none":       {signedForm(soon, "}"), 400, "InvalidPolicyDocument"},
		"a policy changed afterwards": {append([]string{signedForm(soon, "")[0], "policy=e30="}, signedForm(soon, "")[2]), 403, "SignatureDoesNotMatch"},
		"no policy":                   {signedForm(soon, "")[:1], 400, "InvalidArgument"},
		"no signature":                {signedForm(soon, "")[:2], 400, "InvalidArgument"},
		"nobody's name":               {nil, 403, "AccessDenied"},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			resp, body := submit(t, s, append([]string{"key=dir/${filename}"}, tc.fields...)...)
			if resp.StatusCode != tc.status || !strings.Contains(body, tc.code) {
				t.Errorf("got %d %s, want %d %s", resp.StatusCode, body, tc.status, tc.code)
			}
			if o, ok := s.Get(bucketName, "dir/f.txt"); ok != (tc.status == 204) || ok && string(o.Body) != "0123456789" {
				t.Errorf("the server holds %q, %v", o.Body, ok)
			}
		})
	}
}

func TestAFormSaysHowToStoreAndToAnswer(t *testing.T) {
	s := start(t)
	form := signedForm(time.Now().Add(time.Minute), "")
	send := func(more ...string) (*http.Response, string) { return submit(t, s, append(form, more...)...) }
	resp, body := send("key=k", "x-oss-meta-a=b", "Cache-Control=no-cache", "x-oss-content-type=text/x", "x-oss-object-acl=public-read", "success_action_status=201")
	o, _ := s.Get(bucketName, "k")
	if o.Meta["a"] != "b" || o.Header.Get("Cache-Control") != "no-cache" || o.Header.Get("Content-Type") != "text/x" || o.ACL != "public-read" {
		t.Errorf("the server holds %+v, want what the form says", o)
	}
	if resp.StatusCode != 201 || !strings.Contains(body, "<Key>k</Key>") || !strings.Contains(body, o.ETag) {
		t.Errorf("got %d %s, want 201 and what was stored", resp.StatusCode, body)
	}
	if resp, _ := send("key=k", "success_action_redirect=http://example.com/done?a=1"); resp.StatusCode != 303 || !strings.Contains(resp.Header.Get("Location"), "a=1&bucket=bucket-1&etag=") {
		t.Errorf("got %d to %q, want the page of the form", resp.StatusCode, resp.Header.Get("Location"))
	}
	if resp, body := send("key=k", "x-oss-forbid-overwrite=true"); resp.StatusCode != 409 {
		t.Errorf("over an object: %d %s, want 409", resp.StatusCode, body)
	}
	if resp, body := send(); resp.StatusCode != 400 {
		t.Errorf("without a key: %d %s, want 400", resp.StatusCode, body)
	}
	resp, err := http.Post(s.Endpoint()+"/"+bucketName, "text/plain", strings.NewReader("x"))
	must(t, err)
	if body := readAll(t, resp.Body, nil); resp.StatusCode != 400 || !strings.Contains(string(body), "MalformedPOSTRequest") {
		t.Errorf("no form: %d %s, want MalformedPOSTRequest", resp.StatusCode, body)
	}
}
