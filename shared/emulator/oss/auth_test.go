package oss_test

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	sdk "github.com/aliyun/aliyun-oss-go-sdk/oss"

	"kodoferry/shared/emulator/oss"
)

// meddle changes requests after they were signed.
type meddle func(*http.Request)

func (m meddle) RoundTrip(r *http.Request) (*http.Response, error) {
	m(r)
	return http.DefaultTransport.RoundTrip(r)
}

func through(m meddle) sdk.ClientOption { return sdk.HTTPClient(&http.Client{Transport: m}) }

func TestRequestsThatWereNotSignedSoAreRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		versions string
		change   meddle
		status   int
		code     string
	}{
		"another key":              {"V1 V2 V4", func(r *http.Request) { r.URL.Path += "x" }, 403, "SignatureDoesNotMatch"},
		"another method":           {"V1 V2 V4", func(r *http.Request) { r.Method = "POST"; r.URL.RawQuery = "append&position=0" }, 403, "SignatureDoesNotMatch"},
		"a subresource added":      {"V1 V2 V4", func(r *http.Request) { r.URL.RawQuery = "acl" }, 403, "SignatureDoesNotMatch"},
		"any parameter added":      {"V2 V4", func(r *http.Request) { r.URL.RawQuery = "x" }, 403, "SignatureDoesNotMatch"},
		"an x-oss- header added":   {"V1 V2 V4", func(r *http.Request) { r.Header.Set("x-oss-meta-a", "1") }, 403, "SignatureDoesNotMatch"},
		"an x-oss- header changed": {"V1 V2 V4", func(r *http.Request) { r.Header.Set("x-oss-object-acl", "public-read") }, 403, "SignatureDoesNotMatch"},
		"another content type":     {"V1 V2 V4", func(r *http.Request) { r.Header.Set("Content-Type", "x/y") }, 403, "SignatureDoesNotMatch"},
		"an MD5 added":             {"V1 V2 V4", func(r *http.Request) { r.Header.Set("Content-MD5", "nd0s5v8bFWPLkRxoAlyrMg==") }, 403, "SignatureDoesNotMatch"},
		"another date": {"V1 V2 V4", func(r *http.Request) {
			r.Header.Set("Date", sameDay(9*time.Minute).Format(http.TimeFormat))
		}, 403, "SignatureDoesNotMatch"},
		"a date 16 minutes ago": {"V1", func(r *http.Request) {
			r.Header.Set("Date", time.Now().Add(-16*time.Minute).UTC().Format(http.TimeFormat))
		}, 403, "RequestTimeTooSkewed"},
		"a date in 16 minutes": {"V1", func(r *http.Request) {
			r.Header.Set("Date", time.Now().Add(16*time.Minute).UTC().Format(http.TimeFormat))
		}, 403, "RequestTimeTooSkewed"},
		"no date":                       {"V1 V2 V4", func(r *http.Request) { r.Header.Del("Date") }, 403, "AccessDenied"},
		"a date that is none":           {"V1 V2 V4", func(r *http.Request) { r.Header.Set("Date", "yesterday") }, 403, "AccessDenied"},
		"no signature at all":           {"V1 V2 V4", func(r *http.Request) { r.Header.Del("Authorization") }, 403, "AccessDenied"},
		"another kind of authorization": {"V1 V2 V4", func(r *http.Request) { r.Header.Set("Authorization", "Bearer x") }, 400, "InvalidArgument"},
		"an empty signature":            {"V1", func(r *http.Request) { r.Header.Set("Authorization", "OSS "+keyID+":") }, 400, "InvalidArgument"},
		"a signature of another length": {"V1", func(r *http.Request) { r.Header.Set("Authorization", "OSS "+keyID+":x") }, 403, "SignatureDoesNotMatch"},
		"a token that nobody asked for": {"V1 V2 V4", func(r *http.Request) { r.Header.Set("x-oss-security-token", "x") }, 403, "InvalidSecurityToken"},
		"an unknown id":                 {"V1 V2 V4", replaceAuthorization(keyID, "LTAIunknown"), 403, "InvalidAccessKeyId"},
		"another region":                {"V4", replaceAuthorization("cn-hangzhou", "cn-beijing"), 400, "InvalidArgument"},
		"another product":               {"V4", replaceAuthorization("/oss/", "/s3/"), 400, "InvalidArgument"},
		"another end of the scope":      {"V4", replaceAuthorization("aliyun_v4_request", "aws4_request"), 400, "InvalidArgument"},
		"a day with hyphens":            {"V4", anotherDay("2022-12-20"), 400, "InvalidArgument"},
		"a day that is not the date's":  {"V4", anotherDay("20200101"), 400, "InvalidArgument"},
		"empty additional headers":      {"V4", replaceAuthorization(",Signature", ",AdditionalHeaders=,Signature"), 400, "InvalidArgument"},
		"an empty additional header":    {"V4", replaceAuthorization(",Signature", ",AdditionalHeaders=host;,Signature"), 400, "InvalidArgument"},
		"an additional header unsigned": {"V4", replaceAuthorization(",Signature", ",AdditionalHeaders=host,Signature"), 403, "SignatureDoesNotMatch"},
		"a signature in upper case": {"V4", func(r *http.Request) {
			a, s, _ := strings.Cut(r.Header.Get("Authorization"), "Signature=")
			r.Header.Set("Authorization", a+"Signature="+strings.ToUpper(s))
		}, 403, "SignatureDoesNotMatch"},
		"no field Signature":              {"V4", replaceAuthorization("Signature=", "Signed="), 400, "InvalidArgument"},
		"a hash of the body":              {"V4", func(r *http.Request) { r.Header.Set("x-oss-content-sha256", strings.Repeat("0", 64)) }, 400, "InvalidArgument"},
		"no x-oss-content-sha256":         {"V4", func(r *http.Request) { r.Header.Del("x-oss-content-sha256") }, 400, "InvalidArgument"},
		"both kinds of signature at once": {"V1 V2 V4", func(r *http.Request) { r.URL.RawQuery = "OSSAccessKeyId=x&Expires=1&Signature=y" }, 400, "InvalidArgument"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, v := range strings.Fields(tc.versions) {
				s := start(t)
				b := open(t, s, sdk.AuthVersion(sdk.AuthVersionType(strings.ToLower(v))), through(tc.change))
				wantCode(t, v, b.PutObject("key", strings.NewReader("x"), sdk.ObjectACL(sdk.ACLPrivate)), tc.status, tc.code)
				if keys := s.Keys(bucketName); len(keys) > 0 {
					t.Errorf("%s: %q were stored, want nothing", v, keys)
				}
			}
		})
	}
}

func replaceAuthorization(old, new string) meddle {
	return func(r *http.Request) {
		r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), old, new, 1))
	}
}

// anotherDay changes the day of a credential of version 4.
func anotherDay(day string) meddle {
	return func(r *http.Request) {
		f := strings.Split(r.Header.Get("Authorization"), "/")
		f[1] = day
		r.Header.Set("Authorization", strings.Join(f, "/"))
	}
}

// sameDay returns a time d from now, before or after, on the same day in UTC.
func sameDay(d time.Duration) time.Time {
	now := time.Now().UTC()
	if at := now.Add(d); at.Day() == now.Day() {
		return at
	}
	return now.Add(-d)
}

func TestAnotherSecretIsRefusedWithWhatShouldHaveBeenSigned(t *testing.T) {
	each(t, func(t *testing.T, version sdk.ClientOption) {
		s := start(t)
		c, err := sdk.New(s.Endpoint(), keyID, "another", version, sdk.Region(s.Region()))
		must(t, err)
		_, err = c.GetBucketInfo(bucketName)
		wantCode(t, "info", err, 403, "SignatureDoesNotMatch")
		if e, _ := err.(sdk.ServiceError); !strings.Contains(e.RawMessage, "<StringToSign>") || !strings.Contains(e.RawMessage, "<SignatureProvided>") {
			t.Errorf("the answer is %s, want the string to sign in it", e.RawMessage)
		}
	})
}

func TestWhoNamesAKeyPairIsItsOwnerWhereNoSignatureIsVerified(t *testing.T) {
	each(t, func(t *testing.T, version sdk.ClientOption) {
		s := start(t, func(c *oss.Config) { c.Unverified = true })
		c, err := sdk.New(s.Endpoint(), keyID, "another", version, sdk.Region(s.Region()))
		must(t, err)
		_, err = c.GetBucketInfo(bucketName)
		must(t, err)
		c, err = sdk.New(s.Endpoint(), "LTAIunknown", "another", version, sdk.Region(s.Region()))
		must(t, err)
		_, err = c.GetBucketInfo(bucketName)
		wantCode(t, "info of nobody", err, 403, "InvalidAccessKeyId")
	})
}

func TestTheClocksMayDifferBy15Minutes(t *testing.T) {
	for name, tc := range map[string]struct {
		ahead time.Duration
		code  string
	}{
		"14 minutes ahead":  {14 * time.Minute, ""},
		"14 minutes behind": {-14 * time.Minute, ""},
		"16 minutes ahead":  {16 * time.Minute, "RequestTimeTooSkewed"},
		"16 minutes behind": {-16 * time.Minute, "RequestTimeTooSkewed"},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, version sdk.ClientOption) {
				s := start(t, func(c *oss.Config) { c.Now = func() time.Time { return time.Now().Add(tc.ahead) } })
				err := open(t, s, version).PutObject("k", strings.NewReader("x"))
				if tc.code == "" {
					must(t, err)
					return
				}
				wantCode(t, "put", err, 403, tc.code)
			})
		})
	}
}

func TestAdditionalHeadersAreSigned(t *testing.T) {
	s := start(t)
	b := open(t, s, sdk.AuthVersion(sdk.AuthV2), sdk.AdditionalHeaders([]string{"range", "User-Agent"}), through(func(r *http.Request) {
		if r.Method == http.MethodHead {
			r.Header.Set("User-Agent", "another")
		}
	}))
	must(t, b.PutObject("k", strings.NewReader("0123456789")))
	_, err := b.GetObjectDetailedMeta("k")
	wantCode(t, "another agent", err, 403, "SignatureDoesNotMatch")
	host := ""
	b = open(t, s, sdk.AuthVersion(sdk.AuthV4), sdk.AdditionalHeaders([]string{"host", "range", "User-Agent"}), through(func(r *http.Request) {
		if host != "" {
			r.Host = host
		}
	}))
	must(t, b.PutObject("k", strings.NewReader("0123456789")))
	r, err := b.GetObject("k", sdk.Range(2, 3))
	if got := readAll(t, r, err); string(got) != "23" {
		t.Errorf("got %q, want 23", got)
	}
	host = "127.0.0.2"
	_, err = b.GetObject("k")
	wantCode(t, "another host", err, 403, "SignatureDoesNotMatch")
}

func TestPresignedURLsAreHeldAgainstClockAndForm(t *testing.T) {
	for name, tc := range map[string]struct {
		version sdk.AuthVersionType
		after   time.Duration
		change  func(url.Values)
		status  int
		code    string
	}{
		"V1 in time":                {sdk.AuthV1, 59 * time.Second, nil, 200, ""},
		"V1 too late":               {sdk.AuthV1, 62 * time.Second, nil, 403, "AccessDenied"},
		"V1 without Expires":        {sdk.AuthV1, 0, func(q url.Values) { q.Del("Expires") }, 403, "AccessDenied"},
		"V1 without Signature":      {sdk.AuthV1, 0, func(q url.Values) { q.Del("Signature") }, 403, "AccessDenied"},
		"V1 without an id":          {sdk.AuthV1, 0, func(q url.Values) { q.Del("OSSAccessKeyId") }, 403, "AccessDenied"},
		"V1 with Expires prolonged": {sdk.AuthV1, 0, func(q url.Values) { q.Set("Expires", "9999999999") }, 403, "SignatureDoesNotMatch"},
		"V1 with Expires no number": {sdk.AuthV1, 0, func(q url.Values) { q.Set("Expires", "soon") }, 403, "AccessDenied"},
		"V4 in time":                {sdk.AuthV4, 59 * time.Second, nil, 200, ""},
		"V4 too late":               {sdk.AuthV4, 62 * time.Second, nil, 403, "AccessDenied"},
		"V4 from the future":        {sdk.AuthV4, -16 * time.Minute, nil, 403, "RequestTimeTooSkewed"},
		"V4 prolonged":              {sdk.AuthV4, 0, func(q url.Values) { q.Set("x-oss-expires", "100") }, 403, "SignatureDoesNotMatch"},
		"V4 over 7 days":            {sdk.AuthV4, 0, func(q url.Values) { q.Set("x-oss-expires", "604801") }, 400, "InvalidArgument"},
		"V4 for no time":            {sdk.AuthV4, 0, func(q url.Values) { q.Set("x-oss-expires", "0") }, 400, "InvalidArgument"},
		"V4 without expires":        {sdk.AuthV4, 0, func(q url.Values) { q.Del("x-oss-expires") }, 400, "InvalidArgument"},
		"V4 without a credential":   {sdk.AuthV4, 0, func(q url.Values) { q.Del("x-oss-credential") }, 400, "InvalidArgument"},
		"V4 without a signature":    {sdk.AuthV4, 0, func(q url.Values) { q.Del("x-oss-signature") }, 400, "InvalidArgument"},
		"V4 without a date":         {sdk.AuthV4, 0, func(q url.Values) { q.Del("x-oss-date") }, 400, "InvalidArgument"},
		"V4 of another version":     {sdk.AuthV4, 0, func(q url.Values) { q.Set("x-oss-signature-version", "OSS3") }, 400, "InvalidArgument"},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, func(c *oss.Config) { c.Now = func() time.Time { return time.Now().Add(tc.after) } })
			put(t, s, "k", "x")
			signed, err := open(t, s, sdk.AuthVersion(tc.version)).SignURL("k", sdk.HTTPGet, 60)
			must(t, err)
			u, err := url.Parse(signed)
			must(t, err)
			q := u.Query()
			if tc.change != nil {
				tc.change(q)
			}
			u.RawQuery = q.Encode()
			resp, err := http.Get(u.String())
			must(t, err)
			body := string(readAll(t, resp.Body, nil))
			if resp.StatusCode != tc.status || !strings.Contains(body, tc.code) {
				t.Errorf("got %d %s, want %d %s", resp.StatusCode, body, tc.status, tc.code)
			}
		})
	}
}

func TestNobodyMayDoWhatTheListsAllow(t *testing.T) {
	for name, tc := range map[string]struct {
		bucket sdk.ACLType
		object string
		method string
		query  string
		status int
	}{
		"private":                                {sdk.ACLPrivate, "", "GET", "", 403},
		"public to read":                         {sdk.ACLPublicRead, "", "GET", "", 200},
		"public to read, a private object":       {sdk.ACLPublicRead, "private", "GET", "", 403},
		"private, an object public to read":      {sdk.ACLPrivate, "public-read", "GET", "", 200},
		"public to read, written":                {sdk.ACLPublicRead, "", "PUT", "", 403},
		"public to write":                        {sdk.ACLPublicReadWrite, "", "PUT", "", 200},
		"public to read, another content type":   {sdk.ACLPublicRead, "", "GET", "?response-content-type=a/b", 400},
		"public to write, the list of an object": {sdk.ACLPublicReadWrite, "", "GET", "?acl", 403},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			must(t, s.Put(bucketName, oss.Object{Key: "k", Body: []byte("x"), ACL: tc.object}))
			must(t, connect(t, s).SetBucketACL(bucketName, tc.bucket))
			req, err := http.NewRequest(tc.method, s.Endpoint()+"/"+bucketName+"/k"+tc.query, strings.NewReader(strings.Repeat("y", 5*(len(tc.method)&1))))
			must(t, err)
			if tc.method == "GET" {
				req.Body, req.ContentLength = http.NoBody, 0
			}
			resp, err := http.DefaultClient.Do(req)
			must(t, err)
			if body := readAll(t, resp.Body, nil); resp.StatusCode != tc.status {
				t.Errorf("got %d %s, want %d", resp.StatusCode, body, tc.status)
			}
		})
	}
}

func TestErrorsOfHEADTravelInAHeader(t *testing.T) {
	s := start(t)
	u, err := open(t, s).SignURL("missing", sdk.HTTPHead, 60)
	must(t, err)
	resp, err := http.Head(u)
	must(t, err)
	b, err := base64.StdEncoding.DecodeString(resp.Header.Get("x-oss-err"))
	if resp.StatusCode != 404 || err != nil || !strings.Contains(string(b), "<Code>NoSuchKey</Code>") || resp.Header.Get("x-oss-ec") != "0026-00000001" {
		t.Errorf("got %d %v, x-oss-err %s, want 404 with NoSuchKey", resp.StatusCode, resp.Header, b)
	}
}

func TestBucketsAreReachedByHostToo(t *testing.T) {
	each(t, func(t *testing.T, version sdk.ClientOption) {
		s := start(t)
		toServer := &http.Client{Transport: meddle(func(r *http.Request) {
			r.Host = r.URL.Host
			r.URL.Host = strings.TrimPrefix(s.Endpoint(), "http://")
		})}
		c, err := sdk.New("http://oss-cn-hangzhou.aliyuncs.com", keyID, keySecret, version, sdk.Region("cn-hangzhou"), sdk.HTTPClient(toServer))
		must(t, err)
		b, err := c.Bucket(bucketName)
		must(t, err)
		must(t, b.PutObject("dir/k", strings.NewReader("x")))
		list, err := c.ListBuckets()
		must(t, err)
		if keys := s.Keys(bucketName); len(keys) != 1 || keys[0] != "dir/k" || len(list.Buckets) != 1 {
			t.Errorf("keys %q, %d buckets, want dir/k and 1", keys, len(list.Buckets))
		}
	})
}

func TestABucketIsOpenedToEverybody(t *testing.T) {
	for list, status := range map[string]int{"private": 403, "public-read": 403, "public-read-write": 200} {
		s := start(t)
		must(t, s.SetACL(bucketName, list))
		req, err := http.NewRequest("PUT", s.Endpoint()+"/"+bucketName+"/k", strings.NewReader("x"))
		must(t, err)
		resp, err := http.DefaultClient.Do(req)
		must(t, err)
		if body := readAll(t, resp.Body, nil); resp.StatusCode != status {
			t.Errorf("%s: PUT without a signature got %d %s, want %d", list, resp.StatusCode, body, status)
		}
	}
	if err := start(t).SetACL(bucketName, "open"); err == nil {
		t.Error("a list that does not exist was set, want an error")
	}
}
