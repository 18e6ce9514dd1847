package kodo_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/qiniu/go-sdk/v7/storage"

	"kodoferry/shared/emulator/kodo"
)

// TestABucketIsMadeAsEachClientWritesIt holds the paths of the Go SDK v7.25.6
// (storagev2/apis/create_bucket), of qshell (iqshell/storage/bucket/create.go: region and
// private) and of Qiniu's own tests of the API (nodomain).
func TestABucketIsMadeAsEachClientWritesIt(t *testing.T) {
	w := newWorld(t, kodo.Config{})
	for name, tc := range map[string]struct {
		path    string
		status  int
		private bool
	}{
		"by its name alone":      {"/mkbucketv3/b1", 200, true},
		"the Go SDK":             {"/mkbucketv3/b2/region/z0", 200, true},
		"qshell, a public one":   {"/mkbucketv3/b3/region/z0/private/false", 200, false},
		"qshell, a private one":  {"/mkbucketv3/b4/region/z0/private/true", 200, true},
		"without a domain":       {"/mkbucketv3/b5/region/z0/nodomain/true", 200, true},
		"another region":         {"/mkbucketv3/b6/region/z1/private/false", 400, false},
		"no word for private":    {"/mkbucketv3/b7/region/z0/private/maybe", 400, false},
		"an option without word": {"/mkbucketv3/b8/region", 400, false},
		"an unknown option":      {"/mkbucketv3/b9/region/z0/versioned/true", 400, false},
	} {
		t.Run(name, func(t *testing.T) {
			status, body := w.manage("POST", tc.path, "")
			bucket := strings.Split(tc.path, "/")[2]
			if status != tc.status {
				t.Fatalf("%d %s, want %d", status, body, tc.status)
			}
			if status != 200 {
				if w.Domain(bucket) != "" {
					t.Error("it was made all the same")
				}
				return
			}
			if _, info := w.manage("GET", "/v2/bucketInfo?bucket="+bucket, ""); strings.Contains(info, `"private":1`) != tc.private {
				t.Errorf("bucketInfo: %s, want private %v", info, tc.private)
			}
		})
	}
}

// TestManagementParametersComeInTheQueryOrInAForm holds that every request about buckets
// reads both: the Go SDK v7.25.6 sends the parameters of /events/add in the query
// (storagev2/apis/add_bucket_event_rule), the Node SDK v7 in a form body (its
// putBucketEvent); Qiniu's page documents /private with a form, the Go SDK sends a query.
func TestManagementParametersComeInTheQueryOrInAForm(t *testing.T) {
	rule := url.Values{"bucket": {"b"}, "name": {"r"}, "prefix": {"a b+c/"}, "event": {"put", "delete"}, "callbackURL": {"http://127.0.0.1:1/x?y=z", "http://127.0.0.1:2/"}}
	changed := url.Values{"bucket": {"b"}, "name": {"r"}, "event": {"copy"}, "callbackURL": {"http://127.0.0.1:3/"}}
	for name, put := range map[string]func(url.Values) (query, form string){
		"in the query": func(q url.Values) (string, string) { return "?" + q.Encode(), "" },
		"in a form":    func(q url.Values) (string, string) { return "", q.Encode() },
		"the bucket in the query": func(q url.Values) (string, string) {
			q = maps.Clone(q)
			b := q.Get("bucket")
			q.Del("bucket")
			return "?bucket=" + b, q.Encode()
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, kodo.Config{})
			ask := func(path string, q url.Values) (int, string) {
				query, form := put(q)
				return w.manage("POST", path+query, form)
			}
			want := func(what string, got int, body string, status int, text string) {
				t.Helper()
				if got != status || !strings.Contains(body, text) {
					t.Errorf("%s: %d %s, want %d with %s", what, got, body, status, text)
				}
			}
			status, body := ask("/events/add", rule)
			want("add", status, body, 200, "")
			status, body = ask("/events/get", url.Values{"bucket": {"b"}})
			want("get", status, body, 200, `"prefix":"a b+c/"`)
			want("get", status, body, 200, `"event":["put","delete"],"callbackURL":["http://127.0.0.1:1/x?y=z","http://127.0.0.1:2/"]`)
			status, body = ask("/events/update", changed)
			want("update", status, body, 200, "")
			status, body = ask("/events/get", url.Values{"bucket": {"b"}})
			want("get", status, body, 200, `"event":["copy"]`)
			status, body = ask("/events/delete", url.Values{"bucket": {"b"}, "name": {"r"}})
			want("delete", status, body, 200, "")
			status, body = ask("/events/get", url.Values{"bucket": {"b"}})
			want("get", status, body, 200, "[]")
			status, body = ask("/private", url.Values{"bucket": {"b"}, "private": {"0"}})
			want("private", status, body, 200, "")
			status, body = ask("/v2/bucketInfo", url.Values{"bucket": {"b"}})
			want("bucketInfo", status, body, 200, `"private":0`)
			status, body = ask("/v2/domains", url.Values{"tbl": {"b"}})
			want("domains", status, body, 200, w.Domain("b"))
		})
	}
}

// TestWhatAnOperationDoesNotReadIsRefused holds that nothing which changes a request's
// meaning is ignored: options that end a path (those each operation takes are the Go SDK's,
// storagev2/apis), processing of a download or an upload, tags of a bucket (put policy and
// data processing pages of developer.qiniu.com).
func TestWhatAnOperationDoesNotReadIsRefused(t *testing.T) {
	w := newWorld(t, kodo.Config{Public: true})
	hash := w.put("k", "x")
	entry := storage.EncodedEntry("b", "k")
	for name, tc := range map[string]struct {
		method, path string
		status       int
	}{
		"delete on a condition":  {"POST", "/delete/" + entry + "/cond/aGFzaD0x", 400},
		"chtype on a condition":  {"POST", "/chtype/" + entry + "/type/1/cond/aGFzaD0x", 400},
		"copy with a word":       {"POST", "/copy/" + entry + "/" + storage.EncodedEntry("b", "k2") + "/once/true", 400},
		"move with a word":       {"POST", "/move/" + entry + "/" + storage.EncodedEntry("b", "k2") + "/once/true", 400},
		"stat with a word":       {"GET", "/stat/" + entry + "/version/1", 400},
		"tags":                   {"PUT", "/bucketTagging?bucket=b", 501},
		"an image view":          {"download", "?imageView2/2/w/200", 501},
		"what of it is known":    {"download", "?avinfo", 501},
		"operations in a row":    {"download", "?imageMogr2/auto-orient|imageView2/1/w/2", 501},
		"a parameter of its own": {"download", "?v=1/2", 200},
	} {
		t.Run(name, func(t *testing.T) {
			status := 0
			if tc.method == "download" {
				resp, _ := w.do(http.MethodGet, "http://"+w.Domain("b")+"/k"+tc.path, "")
				status = resp.StatusCode
			} else {
				status, _ = w.manage(tc.method, tc.path, "")
			}
			if o, ok := w.Get("b", "k"); status != tc.status || !ok || o.Hash != hash || o.Type != 0 {
				t.Errorf("%d, want %d and the object as it was: %v %+v", status, tc.status, ok, o)
			}
		})
	}
	for name, p := range map[string]storage.PutPolicy{
		"persistentOps": {Scope: "b", PersistentOps: "avthumb/mp4"}, "callbackFetchKey": {Scope: "b", CallbackURL: "http://127.0.0.1:1", CallbackBody: "x", CallbackFetchKey: 1},
		"a workflow": {Scope: "b", PersistentWorkflowTemplateID: "t"}, "transform": {Scope: "b", Transform: "imageView2/0/w/1"},
	} {
		resp, _ := w.do(http.MethodPost, w.Endpoint()+"/putb64/-1/key/bmV3", "eA==", "Authorization: UpToken "+w.token(p))
		if _, ok := w.Get("b", "new"); resp.StatusCode != 501 || ok {
			t.Errorf("an upload with %s: %d, stored %v, want 501", name, resp.StatusCode, ok)
		}
	}
}

// TestPartsAreListedBehindEitherSpellingOfTheMarker: part-number_marker is the Go SDK's
// (storagev2/apis/resumable_upload_v2_list_parts), part-number-marker the documentation's.
func TestPartsAreListedBehindEitherSpellingOfTheMarker(t *testing.T) {
	w := newWorld(t, kodo.Config{})
	token := "Authorization: UpToken " + w.token(storage.PutPolicy{Scope: "b:k"})
	base := w.Endpoint() + "/buckets/b/objects/aw==/uploads"
	_, begun := w.do(http.MethodPost, base, "", token)
	_, id, _ := strings.Cut(begun, `"uploadId":"`)
	id, _, _ = strings.Cut(id, `"`)
	for _, n := range []string{"1", "2"} {
		if resp, body := w.do(http.MethodPut, base+"/"+id+"/"+n, "part", token); resp.StatusCode != 200 {
			t.Fatalf("part %s: %d %s", n, resp.StatusCode, body)
		}
	}
	for _, spelling := range []string{"part-number_marker", "part-number-marker"} {
		if _, body := w.do(http.MethodGet, base+"/"+id+"?"+spelling+"=1", "", token); strings.Contains(body, `"partNumber":1`) || !strings.Contains(body, `"partNumber":2`) {
			t.Errorf("%s: %s, want the second part alone", spelling, body)
		}
	}
}

// TestTheS3InterfaceSaysWhereItListens: what listens at another host, or on every one of a
// machine, is named so that a client reaches it.
func TestTheS3InterfaceSaysWhereItListens(t *testing.T) {
	for name, tc := range map[string]struct {
		cfg        kodo.Config
		api, atS3  string
		downloadAt string
	}{
		"both at one host":       {kodo.Config{}, "127.0.0.1", "127.0.0.1", "127.0.0.1"},
		"S3 at another":          {kodo.Config{S3Addr: "127.0.0.2:0"}, "127.0.0.1", "127.0.0.2", "127.0.0.1"},
		"Kodo at another":        {kodo.Config{Addr: "127.0.0.3:0", S3Addr: "127.0.0.2:0"}, "127.0.0.3", "127.0.0.2", "127.0.0.3"},
		"beside Kodo":            {kodo.Config{Addr: "127.0.0.3:0"}, "127.0.0.3", "127.0.0.3", "127.0.0.3"},
		"S3 at all hosts":        {kodo.Config{Addr: "127.0.0.3:0", S3Addr: "0.0.0.0:0"}, "127.0.0.3", "127.0.0.1", "127.0.0.3"},
		"all by a name of ours":  {kodo.Config{Addr: "0.0.0.0:0", S3Addr: "127.0.0.2:0", Host: "localhost"}, "localhost", "localhost", "localhost"},
		"S3 at a name, not Kodo": {kodo.Config{S3Addr: "localhost:0"}, "127.0.0.1", "localhost", "127.0.0.1"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, tc.cfg)
			for what, got := range map[string][2]string{"Endpoint": {w.Endpoint(), tc.api}, "S3Endpoint": {w.S3Endpoint(), tc.atS3}, "Domain": {"http://" + w.Domain("b"), tc.downloadAt}} {
				u, err := url.Parse(got[0])
				if err != nil || u.Hostname() != got[1] {
					t.Errorf("%s = %s, %v, want %s", what, got[0], err, got[1])
				}
			}
			if _, err := w.s3Client().ListBuckets(t.Context(), &s3.ListBucketsInput{}); err != nil && tc.cfg.Host == "" {
				t.Errorf("asked where it says it listens: %v", err)
			}
		})
	}
}

// TestListingsOfS3CarryControlCharacters: without encoding-type as character references,
// with it percent-encoded (S3 API reference, ListObjectsV2, "encoding-type": XML 1.0 parsers
// cannot parse some characters; rclone issue 3345: "illegal character code U+0003").
func TestListingsOfS3CarryControlCharacters(t *testing.T) {
	w := newWorld(t, kodo.Config{})
	for _, key := range []string{"a\x03b", "a\nb<&>", "d\x01/x"} {
		w.put(key, "x")
	}
	for name, tc := range map[string]struct {
		query string
		want  []string
	}{
		"version 2":           {"list-type=2&delimiter=/", []string{"<Key>a&#x3;b</Key>", "<Key>a&#xa;b&lt;&amp;&gt;</Key>", "<CommonPrefixes><Prefix>d&#x1;/</Prefix>"}},
		"version 1":           {"delimiter=/&max-keys=2&prefix=&marker=%02", []string{"<Key>a&#x3;b</Key>", "<Marker>&#x2;</Marker>", "<NextMarker>a&#xa;b&lt;&amp;&gt;</NextMarker>"}},
		"encoded, version 2":  {"list-type=2&delimiter=/&encoding-type=url&start-after=%02", []string{"<Key>a%03b</Key>", "<Key>a%0Ab%3C%26%3E</Key>", "<Prefix>d%01/</Prefix>", "<StartAfter>%02</StartAfter>"}},
		"a prefix with one":   {"list-type=2&prefix=a%03", []string{"<Prefix>a&#x3;</Prefix>", "<KeyCount>1</KeyCount>"}},
		"an unknown version":  {"list-type=3", []string{"<Code>InvalidArgument</Code>"}},
		"an unknown encoding": {"list-type=2&encoding-type=base64", []string{"<Code>InvalidArgument</Code>"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, body := w.s3Raw(http.MethodGet, "/b?"+tc.query, "", sumOfNothing)
			for _, want := range tc.want {
				if !strings.Contains(body, want) {
					t.Errorf("%s\nwant %s", body, want)
				}
			}
		})
	}
}

const sumOfNothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// s3Raw sends one request to the S3 interface, signed by AWS's own signer.
func (w *world) s3Raw(method, target, body, sum string, set ...func(*http.Request)) (*http.Response, string) {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), method, w.S3Endpoint()+target, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("X-Amz-Content-Sha256", sum)
	for _, f := range set {
		f(req)
	}
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
	if err := signer.SignHTTP(w.t.Context(), aws.Credentials{AccessKeyID: accessKey, SecretAccessKey: secretKey}, req, sum, "s3", w.S3Region(), time.Now()); err != nil {
		w.t.Fatal(err)
	}
	return w.send(req)
}

// TestWritesAtTheS3InterfaceAreNotImplemented: S3 names what a service does not do
// NotImplemented (S3 API reference, "Error responses"); neither the body's hash, nor a bucket
// that is not there, is what is wrong with them.
func TestWritesAtTheS3InterfaceAreNotImplemented(t *testing.T) {
	w := newWorld(t, kodo.Config{})
	w.put("k", "x")
	big := strings.Repeat("x", 1<<20)
	for name, tc := range map[string]struct {
		method, target, body, sum string
		status                    int
		code                      string
	}{
		"PUT with its hash":       {"PUT", "/b/k", "x", fmt.Sprintf("%x", sha256.Sum256([]byte("x"))), 501, "NotImplemented"},
		"PUT in chunks":           {"PUT", "/b/k", "x", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", 501, "NotImplemented"},
		"PUT of 1 MiB, unsigned":  {"PUT", "/b/k", big, "UNSIGNED-PAYLOAD", 501, "NotImplemented"},
		"an empty PUT":            {"PUT", "/b/k", "", sumOfNothing, 501, "NotImplemented"},
		"DELETE":                  {"DELETE", "/b/k", "", sumOfNothing, 501, "NotImplemented"},
		"a bucket to be made":     {"PUT", "/b2", "", sumOfNothing, 501, "NotImplemented"},
		"POST of many to delete":  {"POST", "/b?delete=", "<Delete/>", "UNSIGNED-PAYLOAD", 501, "NotImplemented"},
		"a version to be read":    {"GET", "/b/k?versionId=1", "", sumOfNothing, 501, "NotImplemented"},
		"a header to be replaced": {"GET", "/b/k?response-content-type=a/b", "", sumOfNothing, 501, "NotImplemented"},
		"GET with a wrong hash":   {"GET", "/b/k", "", fmt.Sprintf("%x", sha256.Sum256([]byte("x"))), 400, "XAmzContentSHA256Mismatch"},
	} {
		t.Run(name, func(t *testing.T) {
			resp, body := w.s3Raw(tc.method, tc.target, tc.body, tc.sum)
			if resp.StatusCode != tc.status || !strings.Contains(body, "<Code>"+tc.code+"</Code>") {
				t.Errorf("%d %s, want %d %s", resp.StatusCode, body, tc.status, tc.code)
			}
		})
	}
	if o, ok := w.Get("b", "k"); !ok || string(o.Body) != "x" || w.Domain("b2") != "" {
		t.Errorf("something was changed: %+v %v", o, ok)
	}
	bad := w.s3Client(func(o *s3.Options) {
		o.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: accessKey, SecretAccessKey: "wrong"}, nil
		})
	})
	if _, err := bad.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("b"), Key: aws.String("k"), Body: strings.NewReader("y")}); codeOf(err) != "SignatureDoesNotMatch" {
		t.Errorf("a PUT of another's: %v, want the signature first", err)
	}
	presigned, err := s3.NewPresignClient(w.s3Client()).PresignGetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String("b"), Key: aws.String("k")})
	if err != nil {
		t.Fatal(err)
	}
	if resp, body := w.do(http.MethodGet, presigned.URL, ""); resp.StatusCode != 501 {
		t.Errorf("a presigned address: %d %s, want that they are not served", resp.StatusCode, body)
	}
}

// TestBucketsOfS3ArePagedAndFiltered (S3 API reference, ListBuckets: max-buckets, prefix,
// continuation-token, bucket-region).
func TestBucketsOfS3ArePagedAndFiltered(t *testing.T) {
	w := newWorld(t, kodo.Config{})
	for _, name := range []string{"a1", "a2", "a3"} {
		if err := w.CreateBucket(name); err != nil {
			t.Fatal(err)
		}
	}
	var pages [][]string
	for p := s3.NewListBucketsPaginator(w.s3Client(), &s3.ListBucketsInput{Prefix: aws.String("a"), MaxBuckets: aws.Int32(2)}); p.HasMorePages(); {
		page, err := p.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, b := range page.Buckets {
			names = append(names, aws.ToString(b.Name))
		}
		pages = append(pages, names)
	}
	if len(pages) != 2 || !slices.Equal(pages[0], []string{"a1", "a2"}) || !slices.Equal(pages[1], []string{"a3"}) {
		t.Errorf("%q, want a1 and a2, then a3", pages)
	}
	if got, err := w.s3Client().ListBuckets(t.Context(), &s3.ListBucketsInput{BucketRegion: aws.String("eu-west-1")}); err != nil || len(got.Buckets) != 0 {
		t.Errorf("of another region: %+v, %v, want none", got, err)
	}
}

// TestABucketOfS3IsNamedByThePathOrByTheHost (S3 user guide, "Virtual hosting of buckets").
func TestABucketOfS3IsNamedByThePathOrByTheHost(t *testing.T) {
	w := newWorld(t, kodo.Config{})
	w.put("b/k", "deep")
	w.put("k", "flat")
	for name, tc := range map[string]struct {
		host, target, want string
		status             int
	}{
		"in the path":                {"", "/b/k", "flat", 200},
		"in the host":                {"b.s3.example.com", "/k", "flat", 200},
		"in the host, a key like it": {"B.s3.example.com:9000", "/b/k", "deep", 200},
		"of another host":            {"s3.example.com", "/b/k", "flat", 200},
		"in the host, its list":      {"b.s3.example.com", "/?list-type=2&prefix=b/", "<Key>b/k</Key>", 200},
	} {
		t.Run(name, func(t *testing.T) {
			resp, body := w.s3Raw(http.MethodGet, tc.target, "", sumOfNothing, func(r *http.Request) {
				if tc.host != "" {
					r.Host = tc.host
				}
			})
			if resp.StatusCode != tc.status || !strings.Contains(body, tc.want) {
				t.Errorf("%d %s, want %d %s", resp.StatusCode, body, tc.status, tc.want)
			}
		})
	}
}

// TestARequestOfS3MayBeDatedByEitherHeader (AWS, "Create a signed AWS API request": X-Amz-Date,
// or Date where there is none).
func TestARequestOfS3MayBeDatedByEitherHeader(t *testing.T) {
	w := newWorld(t, kodo.Config{})
	w.put("k", "x")
	now := time.Now().UTC()
	for name, date := range map[string]string{"of HTTP": now.Format(http.TimeFormat), "of AWS": now.Format("20060102T150405Z")} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.S3Endpoint()+"/b/k", nil)
		if err != nil {
			t.Fatal(err)
		}
		host := strings.TrimPrefix(w.S3Endpoint(), "http://")
		req.Header.Set("Date", date)
		req.Header.Set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD")
		scope := now.Format("20060102") + "/" + w.S3Region() + "/s3/aws4_request"
		canonical := "GET\n/b/k\n\ndate:" + date + "\nhost:" + host + "\nx-amz-content-sha256:UNSIGNED-PAYLOAD\n\ndate;host;x-amz-content-sha256\nUNSIGNED-PAYLOAD"
		key := []byte("AWS4" + secretKey)
		for _, part := range append(strings.Split(scope, "/"), fmt.Sprintf("AWS4-HMAC-SHA256\n%s\n%s\n%x", now.Format("20060102T150405Z"), scope, sha256.Sum256([]byte(canonical)))) {
			mac := hmac.New(sha256.New, key)
			mac.Write([]byte(part))
			key = mac.Sum(nil)
		}
		req.Header.Set("Authorization", fmt.Sprintf("AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=date;host;x-amz-content-sha256, Signature=%x", accessKey, scope, key))
		if resp, body := w.send(req); resp.StatusCode != 200 || body != "x" {
			t.Errorf("a date %s: %d %s, want the object", name, resp.StatusCode, body)
		}
	}
}

// TestStatisticsAreOfARegion (Kodo, "statistics": region).
func TestStatisticsAreOfARegion(t *testing.T) {
	w := newWorld(t, kodo.Config{})
	w.put("k", "12345")
	for region, want := range map[string]string{"": "5", "z0": "5", "z1": "0"} {
		if status, body := w.manage("GET", "/v6/space?bucket=b&region="+region+"&begin=20240101000000&end=20240102000000&g=day", ""); status != 200 || !strings.Contains(body, `"datas":[`+want+`]`) {
			t.Errorf("region %q: %d %s, want %s bytes", region, status, body, want)
		}
	}
}
