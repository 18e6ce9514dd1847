package oss

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"kodoferry/shared/fault"
)

func TestCheckNamesTheThingAndTheCure(t *testing.T) {
	for name, tc := range map[string]struct {
		answer http.HandlerFunc
		kind   fault.Kind
		want   []string
	}{
		"wrong bucket":    {refuse(404, "NoSuchBucket", ""), fault.NotFound, []string{`bucket "bucket" does not exist`, "check its name"}},
		"wrong key id":    {refuse(403, "InvalidAccessKeyId", ""), fault.Denied, []string{"does not know the access key id"}},
		"wrong secret":    {refuse(403, "SignatureDoesNotMatch", ""), fault.Denied, []string{"secret does not belong", "copy both again"}},
		"expired token":   {refuse(403, "SecurityTokenExpired", ""), fault.Denied, []string{"have expired", "get new ones"}},
		"foreign token":   {refuse(403, "InvalidSecurityToken", ""), fault.Denied, []string{"TOKEN does not belong"}},
		"no permission":   {refuse(403, "AccessDenied", ""), fault.Denied, []string{"oss:ListObjects", `"bucket"`}},
		"overdue account": {refuse(403, "UserDisable", ""), fault.Denied, []string{"overdue"}},
		"wrong region":    {refuse(400, "InvalidArgument", "Invalid signing region", "x-oss-ec", "0002-00000226"), fault.Invalid, []string{`region "cn-hangzhou"`, "set region= to the bucket's own"}},
		"wrong endpoint": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(403)
			_, _ = w.Write([]byte("<Error><Code>AccessDenied</Code><Endpoint>oss-cn-shanghai.aliyuncs.com</Endpoint></Error>"))
		}, fault.Invalid, []string{"it lives at oss-cn-shanghai.aliyuncs.com", "set region and endpoint"}},
		"public endpoint forbidden": {refuse(400, "PublicEndpointForbidden", ""), fault.Invalid, []string{"endpoint internal"}},
		"path style at OSS":         {refuse(403, "SecondLevelDomainForbidden", ""), fault.Invalid, []string{"turn path style off"}},
		"clock behind":              {refuse(403, "RequestTimeTooSkewed", "", "Date", time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)), fault.Temporary, []string{"clock of this machine is ", "behind OSS's: set it"}},
		"clock ahead":               {refuse(403, "RequestTimeTooSkewed", "", "Date", time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat)), fault.Temporary, []string{"1h0m", "ahead of OSS's: set it"}},
		"not OSS, and glad":         {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>welcome</html>")) }, fault.Invalid, []string{"is not OSS", "check the endpoint"}},
		"not OSS, and sorry":        {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "what?", 404) }, fault.NotFound, []string{"is not OSS", "check the endpoint"}},
		"another host":              {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "https://other.example.com/", 301) }, fault.Invalid, []string{"other.example.com", "the endpoint to use"}},
	} {
		t.Run(name, func(t *testing.T) {
			rec := &recorder{answer: tc.answer}
			err := serve(t, rec.ServeHTTP).Check(t.Context())
			wantKind(t, "Check", err, tc.kind)
			for _, want := range tc.want {
				if !strings.Contains(fmt.Sprint(err), want) {
					t.Errorf("got %q, want %q in it", err, want)
				}
			}
			rec.one(t)
		})
	}
}

func TestCheckOfWhatIsRight(t *testing.T) {
	b := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(pageXML(true, "t", contentXML("k"))) })
	if err := b.Check(t.Context()); err != nil {
		t.Errorf("got %v, want nil", err)
	}
}

func TestCheckOfAHostThatIsNotThere(t *testing.T) {
	srv := httptest.NewServer(http.NotFoundHandler())
	srv.Close() // its port is free now
	secure := httptest.NewUnstartedServer(http.NotFoundHandler())
	secure.Config.ErrorLog = log.New(io.Discard, "", 0) // it complains of handshakes that are meant to fail
	secure.StartTLS()
	defer secure.Close()
	for name, tc := range map[string]struct {
		url  string
		kind fault.Kind
		want string
	}{
		"nobody listens":           {srv.URL, fault.Temporary, "cannot be reached"},
		"an unknown certificate":   {secure.URL, fault.Invalid, "does not prove to be OSS"},
		"no keys":                  {"", fault.Denied, "set the access key id"},
		"https where http answers": {"plain", fault.Invalid, "does not prove to be OSS"},
	} {
		t.Run(name, func(t *testing.T) {
			keys := testKeys
			switch tc.url {
			case "":
				keys = func() Credentials { return Credentials{} }
				tc.url = secure.URL
			case "plain":
				plain := httptest.NewServer(http.NotFoundHandler())
				defer plain.Close()
				tc.url = strings.Replace(plain.URL, "http://", "https://", 1)
			}
			b, err := Open(Config{Bucket: "bucket", Region: "cn-hangzhou", Endpoint: tc.url, Insecure: true, Credentials: keys})
			if err != nil {
				t.Fatal(err)
			}
			err = b.Check(t.Context())
			wantKind(t, "Check", err, tc.kind)
			if !strings.Contains(fmt.Sprint(err), tc.want) {
				t.Errorf("got %v, want %q in it", err, tc.want)
			}
		})
	}
}

func TestVersioned(t *testing.T) {
	for status, want := range map[string]bool{"": false, "<Status>Enabled</Status>": true, "<Status>Suspended</Status>": true} {
		rec := &recorder{answer: func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte("<VersioningConfiguration>" + status + "</VersioningConfiguration>"))
		}}
		got, err := serve(t, rec.ServeHTTP).Versioned(t.Context())
		if err != nil || got != want {
			t.Errorf("%q: got %v, %v, want %v", status, got, err, want)
		}
		if r := rec.one(t); r.query != "versioning" {
			t.Errorf("got query %q, want versioning", r.query)
		}
	}
}
