package oss

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/store"
)

func TestAnswersBecomeFaults(t *testing.T) {
	for name, tc := range map[string]struct {
		status int
		code   string
		kind   fault.Kind
	}{
		"exists already":           {409, "FileAlreadyExists", fault.Changed},
		"If-Match failed":          {412, "PreconditionFailed", fault.Changed},
		"damaged on the way":       {400, "InvalidDigest", fault.Corrupt},
		"wrong clock":              {403, "RequestTimeTooSkewed", fault.Temporary},
		"expired token":            {403, "SecurityTokenExpired", fault.Denied},
		"unknown token, as 400":    {400, "InvalidSecurityToken", fault.Denied},
		"wrong secret":             {403, "SignatureDoesNotMatch", fault.Denied},
		"not permitted":            {403, "AccessDenied", fault.Denied},
		"archived":                 {403, "InvalidObjectState", fault.Denied},
		"retained":                 {409, "FileImmutable", fault.Denied},
		"no bucket":                {404, "NoSuchBucket", fault.NotFound},
		"no key":                   {404, "NoSuchKey", fault.NotFound},
		"no upload":                {404, "NoSuchUpload", fault.NotFound},
		"a replaced part":          {400, "InvalidPart", fault.Invalid},
		"a bad argument":           {400, "InvalidArgument", fault.Invalid},
		"body did not come":        {400, "RequestTimeout", fault.Temporary},
		"too many requests":        {503, "TotalQpsLimitExceeded", fault.Throttled},
		"too many to a partition":  {503, "PartitionQpsLimitted", fault.Throttled},
		"too much traffic":         {503, "UploadTrafficRateLimitExceeded", fault.Throttled},
		"too fast, as 429":         {429, "QpsLimitExceeded", fault.Throttled},
		"busy":                     {503, "ServiceUnavailable", fault.Throttled},
		"its own trouble":          {500, "InternalError", fault.Temporary},
		"a code beyond the common": {530, "Odd", fault.Temporary},
	} {
		t.Run(name, func(t *testing.T) {
			b := serve(t, refuse(tc.status, tc.code, "m"))
			err := b.Delete(t.Context(), "key")
			if tc.code == "NoSuchKey" {
				_, _, err = b.Open(t.Context(), store.Object{Key: "key"}, 0, -1)
			}
			wantKind(t, tc.code, err, tc.kind)
			if s := fmt.Sprint(err); !strings.Contains(s, tc.code) || !strings.Contains(s, "R1") || !strings.Contains(s, `"key"`) {
				t.Errorf("got %q, want code, request id and key in it", s)
			}
			if tc.code == "NoSuchBucket" && !strings.Contains(err.Error(), `"bucket"`) {
				t.Errorf("got %q, want it to name the bucket", err)
			}
		})
	}
}

func TestThrottleSaysHowLong(t *testing.T) {
	for name, tc := range map[string]struct {
		status int
		code   string
		delay  string
		kind   fault.Kind
		wait   time.Duration
	}{
		"a known code":              {503, "TotalQpsLimitExceeded", "120", fault.Throttled, 120 * time.Millisecond},
		"a code that is not known":  {503, "SomethingNew", "1500", fault.Throttled, 1500 * time.Millisecond},
		"no delay":                  {503, "TotalQpsLimitExceeded", "", fault.Throttled, 0},
		"a delay that is no number": {503, "SomethingNew", "soon", fault.Throttled, 0},
		"no known code, no delay":   {503, "ServiceUnavailable", "", fault.Throttled, 0},
		"no throttle":               {500, "InternalError", "", fault.Temporary, 0},
	} {
		t.Run(name, func(t *testing.T) {
			err := serve(t, refuse(tc.status, tc.code, "", "x-oss-qos-delay-time", tc.delay)).Delete(t.Context(), "k")
			wantKind(t, "Delete", err, tc.kind)
			if got := fault.WaitOf(err); got != tc.wait {
				t.Errorf("got wait %s, want %s", got, tc.wait)
			}
		})
	}
}

func TestHeadIsClassifiedWithoutABody(t *testing.T) {
	document := base64.StdEncoding.EncodeToString([]byte("<Error><Code>NoSuchBucket</Code><Message>m</Message></Error>"))
	for name, tc := range map[string]struct {
		status int
		header string
		kind   fault.Kind
		want   string
	}{
		"by the header":     {404, document, fault.NotFound, "NoSuchBucket"},
		"by the status":     {404, "", fault.NotFound, "404"},
		"a header of trash": {403, "%%%", fault.Denied, "403"},
	} {
		t.Run(name, func(t *testing.T) {
			b := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("x-oss-err", tc.header)
				w.WriteHeader(tc.status)
			})
			_, err := b.Stat(t.Context(), "k")
			wantKind(t, "Stat", err, tc.kind)
			if !strings.Contains(fmt.Sprint(err), tc.want) {
				t.Errorf("got %v, want %q in it", err, tc.want)
			}
		})
	}
}

func TestAnswersOfOthersAreClassifiedByStatus(t *testing.T) {
	for name, tc := range map[string]struct {
		answer http.HandlerFunc
		kind   fault.Kind
	}{
		"a proxy's 502": {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "<html>bad gateway", 502) }, fault.Temporary},
		"a proxy's 407": {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "who are you", 407) }, fault.Invalid},
		"a redirect": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://elsewhere.example.com/k", 302)
		}, fault.Invalid},
		"a reset":           {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, fault.Temporary},
		"an endless answer": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500); _, _ = w.Write(make([]byte, 4<<20)) }, fault.Temporary},
	} {
		t.Run(name, func(t *testing.T) {
			err := serve(t, tc.answer).Delete(t.Context(), "k")
			wantKind(t, "Delete", err, tc.kind)
			if name == "a redirect" && !strings.Contains(fmt.Sprint(err), "elsewhere.example.com") {
				t.Errorf("got %v, want it to name the host", err)
			}
		})
	}
}

func TestNoErrorHoldsASecret(t *testing.T) {
	answers := map[string]http.HandlerFunc{
		"repeated by the server": func(w http.ResponseWriter, r *http.Request) {
			refuse(403, "SignatureDoesNotMatch", "with "+testSecret+" and "+r.Header.Get("x-oss-security-token"))(w, r)
		},
		"a reset": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	}
	for name, answer := range answers {
		b := serve(t, answer)
		for call, do := range calls(b) {
			t.Run(name+" "+call, func(t *testing.T) {
				s := fmt.Sprintf("%v %+v %#v", do(t.Context()), do(t.Context()), do(t.Context()))
				for _, secret := range []string{testSecret, testKeys().SecurityToken} {
					if strings.Contains(s, secret) {
						t.Errorf("got %q, want no secret in it", s)
					}
				}
			})
		}
	}
}
