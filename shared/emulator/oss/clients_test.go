package oss_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	sdk "github.com/aliyun/aliyun-oss-go-sdk/oss"

	"kodoferry/shared/emulator/oss"
)

// ask sends one request, signed by the vendor's SDK v1, and returns status, code and body.
func ask(t *testing.T, s *oss.Server, method, bucket, key string, params map[string]any, headers map[string]string, body string) (int, string, string) {
	t.Helper()
	resp, err := connect(t, s).Conn.Do(method, bucket, key, params, headers, strings.NewReader(body), 0, nil)
	if e, ok := errors.AsType[sdk.ServiceError](err); ok {
		return e.StatusCode, e.Code + " " + e.Ec, ""
	}
	must(t, err)
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	must(t, err)
	return resp.StatusCode, "", string(b)
}

// TestAnUploadOfNoPartsIsAnEmptyObject: CompleteMultipartUpload with a list of no parts
// succeeds, as the vendor's SDK tests assert, and as its writers end an empty file.
func TestAnUploadOfNoPartsIsAnEmptyObject(t *testing.T) {
	for name, tc := range map[string]struct {
		headers map[string]string
		body    string
		status  int
	}{
		"by an empty list":      {nil, "<CompleteMultipartUpload></CompleteMultipartUpload>", 200},
		"by an element alone":   {nil, "<CompleteMultipartUpload/>", 200},
		"of all there are":      {map[string]string{"x-oss-complete-all": "yes"}, "", 200},
		"without any body":      {nil, "", 400},
		"by a list of else":     {nil, "<Parts/>", 400},
		"by a list and by none": {map[string]string{"x-oss-complete-all": "no"}, "<CompleteMultipartUpload/>", 400},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			up, err := open(t, s).InitiateMultipartUpload("k", sdk.Meta("m", "1"))
			must(t, err)
			status, code, _ := ask(t, s, "POST", bucketName, "k", map[string]any{"uploadId": up.UploadID}, tc.headers, tc.body)
			o, ok := s.Get(bucketName, "k")
			if status != tc.status || ok != (status == 200) {
				t.Fatalf("%d %s, stored %v, want %d", status, code, ok, tc.status)
			}
			if ok && (o.Size != 0 || o.CRC64 != 0 || o.Type != "Multipart" || o.Meta["m"] != "1" || s.Uploads(bucketName) != 0) {
				t.Errorf("%+v, want an empty object of the upload, which has ended", o)
			}
		})
	}
}

// TestABucketIsMissedBeforeAKeyIsRefused: NoSuchBucket is said of a missing bucket, whatever
// the key (alibabacloud-oss-go-sdk-v2 v1.6.1, client_integration_object_basic_test.go).
func TestABucketIsMissedBeforeAKeyIsRefused(t *testing.T) {
	s := start(t)
	put(t, s, "k", "x")
	up, err := open(t, s).InitiateMultipartUpload("big")
	must(t, err)
	for name, bad := range map[string]string{"a slash first": "/a", "a backslash first": "\\a", "too long": strings.Repeat("k", 1024)} {
		escaped := "/gone/" + strings.ReplaceAll(strings.ReplaceAll(bad, "\\", "%5C"), "/", "%2F")
		for op, tc := range map[string]struct {
			method, bucket, key string
			params              map[string]any
			headers             map[string]string
		}{
			"PUT":              {"PUT", "gone", bad, nil, nil},
			"GET":              {"GET", "gone", bad, nil, nil},
			"DELETE":           {"DELETE", "gone", bad, nil, nil},
			"an upload":        {"POST", "gone", bad, map[string]any{"uploads": nil}, nil},
			"tags":             {"GET", "gone", bad, map[string]any{"tagging": nil}, nil},
			"a copy from it":   {"PUT", bucketName, "to", nil, map[string]string{"x-oss-copy-source": escaped}},
			"a part copied":    {"PUT", bucketName, "big", map[string]any{"uploadId": up.UploadID, "partNumber": "1"}, map[string]string{"x-oss-copy-source": escaped}},
			"a copy within it": {"PUT", "gone", "to", nil, map[string]string{"x-oss-copy-source": escaped}},
		} {
			if status, code, _ := ask(t, s, tc.method, tc.bucket, tc.key, tc.params, tc.headers, ""); status != 404 || code != "NoSuchBucket 0015-00000101" {
				t.Errorf("%s of a key with %s: %d %s, want 404 NoSuchBucket", op, name, status, code)
			}
		}
	}
}

// TestACopySaysWhichVersionItTook: CopyObject and UploadPartCopy answer with
// x-oss-copy-source-version-id where the source's bucket was ever versioned, the null version
// included (SDK v2 v1.6.1: CopyObjectResult and UploadPartCopyResult, SourceVersionId;
// client_integration_object_basic_test.go, TestCopyObject).
func TestACopySaysWhichVersionItTook(t *testing.T) {
	s := start(t)
	must(t, s.CreateBucket("plain"))
	must(t, s.Put("plain", oss.Object{Key: "k", Body: []byte("x")}))
	put(t, s, "k", "null")
	must(t, connect(t, s).SetBucketVersioning(bucketName, sdk.VersioningConfig{Status: "Enabled"}))
	put(t, s, "old", "kept")
	var h http.Header
	must(t, open(t, s).PutObject("k", strings.NewReader("new"), sdk.GetResponseHeader(&h)))
	version := sdk.GetVersionId(h)
	up, err := open(t, s).InitiateMultipartUpload("big")
	must(t, err)
	for name, tc := range map[string]struct{ source, want, body string }{
		"the newest":           {"/" + bucketName + "/k", version, "new"},
		"one by its id":        {"/" + bucketName + "/k?versionId=" + version, version, "new"},
		"the null version":     {"/" + bucketName + "/k?versionId=null", "null", "null"},
		"an id percent-coded":  {"/" + bucketName + "/k?versionId=%6eull", "null", "null"},
		"of an unversioned":    {"/plain/k", "", "x"},
		"without a slash":      {bucketName + "/k?versionId=null", "null", "null"},
		"a blank as + written": {"/plain/k", "", "x"},
	} {
		t.Run(name, func(t *testing.T) {
			resp, err := connect(t, s).Conn.Do("PUT", bucketName, "to", nil, map[string]string{"x-oss-copy-source": tc.source}, nil, 0, nil)
			must(t, err)
			_ = resp.Body.Close()
			o, _ := s.Get(bucketName, "to")
			if got := resp.Headers.Get("X-Oss-Copy-Source-Version-Id"); got != tc.want || string(o.Body) != tc.body {
				t.Errorf("copied %q, said version %q, want %q of %q", o.Body, got, tc.body, tc.want)
			}
			resp, err = connect(t, s).Conn.Do("PUT", bucketName, "big", map[string]any{"uploadId": up.UploadID, "partNumber": "1"}, map[string]string{"x-oss-copy-source": tc.source}, nil, 0, nil)
			must(t, err)
			_ = resp.Body.Close()
			if got := resp.Headers.Get("X-Oss-Copy-Source-Version-Id"); got != tc.want || resp.Headers.Get("Etag") == "" {
				t.Errorf("a part copied, said version %q, want %q", got, tc.want)
			}
		})
	}
}

// TestTagsOfABucket: DeleteBucketTags takes away those of the keys it names, or all (SDK v2
// v1.6.1, client_integration_bucket_tags_test.go: Tagging "key1,key3"); ListBuckets finds
// buckets by tag-key, tag-value and tagging (SDK v1, TestListBucketsTagging; SDK v2,
// ListBucketsRequest).
func TestTagsOfABucket(t *testing.T) {
	s := start(t)
	c := connect(t, s)
	must(t, s.CreateBucket("bucket-2"))
	must(t, s.CreateBucket("bucket-3"))
	tagged := func(pairs ...string) sdk.Tagging {
		var x sdk.Tagging
		for i := 0; i < len(pairs); i += 2 {
			x.Tags = append(x.Tags, sdk.Tag{Key: pairs[i], Value: pairs[i+1]})
		}
		return x
	}
	must(t, c.SetBucketTagging(bucketName, tagged("k1", "v1", "k2", "a&b", "k3", "v3")))
	must(t, c.SetBucketTagging("bucket-2", tagged("k1", "other", "k2", "a&b")))
	for name, tc := range map[string]struct {
		params map[string]any
		want   string
		status int
	}{
		"all":                     {nil, "bucket-1 bucket-2 bucket-3", 200},
		"a key":                   {map[string]any{"tag-key": "k1"}, "bucket-1 bucket-2", 200},
		"a key that one has":      {map[string]any{"tag-key": "k3"}, "bucket-1", 200},
		"a key that none has":     {map[string]any{"tag-key": "k4"}, "", 200},
		"a key and its value":     {map[string]any{"tag-key": "k1", "tag-value": "other"}, "bucket-2", 200},
		"a pair":                  {map[string]any{"tagging": `"k2":"a&b"`}, "bucket-1 bucket-2", 200},
		"two pairs":               {map[string]any{"tagging": `"k1":"v1","k2":"a&b"`}, "bucket-1", 200},
		"a pair and a prefix":     {map[string]any{"tagging": `"k2":"a&b"`, "prefix": "bucket-2"}, "bucket-2", 200},
		"a value without its key": {map[string]any{"tag-value": "v1"}, "", 400},
		"a key and pairs":         {map[string]any{"tag-key": "k1", "tagging": `"k2":"v2"`}, "", 400},
		"no pairs":                {map[string]any{"tagging": "k2=v2"}, "", 400},
	} {
		t.Run(name, func(t *testing.T) {
			status, code, body := ask(t, s, "GET", "", "", tc.params, nil, "")
			var names []string
			for _, part := range strings.Split(body, "<Name>")[min(1, strings.Count(body, "<Name>")):] {
				if at := strings.Index(part, "</Name>"); at >= 0 {
					names = append(names, part[:at])
				}
			}
			if got := strings.Join(names, " "); status != tc.status || got != tc.want {
				t.Errorf("%d %s: %q, want %d %q", status, code, got, tc.status, tc.want)
			}
		})
	}
	left := func() string {
		got, err := c.GetBucketTagging(bucketName)
		must(t, err)
		var text []string
		for _, tag := range got.Tags {
			text = append(text, tag.Key+"="+tag.Value)
		}
		return strings.Join(text, " ")
	}
	for _, step := range []struct {
		params map[string]any
		want   string
	}{
		{map[string]any{"tagging": "k9"}, "k1=v1 k2=a&b k3=v3"},
		{map[string]any{"tagging": "k1,k3"}, "k2=a&b"},
		{map[string]any{"tagging": nil}, ""},
	} {
		if status, code, _ := ask(t, s, "DELETE", bucketName, "", step.params, nil, ""); status != 204 || left() != step.want {
			t.Errorf("DELETE %v: %d %s, left %q, want %q", step.params, status, code, left(), step.want)
		}
	}
	var many []string
	for i := range 21 {
		many = append(many, fmt.Sprint("k", i), "v")
	}
	for name, bad := range map[string]sdk.Tagging{"21 of them": tagged(many...), "a key twice": tagged("k", "1", "k", "2"), "a key of Aliyun's": tagged("aliyun-k", "v"), "no key": tagged("", "v")} {
		wantCode(t, name, c.SetBucketTagging(bucketName, bad), 400, "InvalidTag")
	}
}

// TestAnACLAtComplete: x-oss-object-acl is a header of CompleteMultipartUpload (SDK v2
// v1.6.1, CompleteMultipartUploadRequest; client_integration_object_extension_test.go: "Acl
// has no Initiate equivalent and is applied at Complete").
func TestAnACLAtComplete(t *testing.T) {
	for name, tc := range map[string]struct {
		begin, complete, want string
		status                int
	}{
		"at complete":             {"", "public-read", "public-read", 200},
		"at complete, in its own": {"", "private", "private", 200},
		"at both":                 {"private", "public-read", "public-read", 200},
		"at neither":              {"", "", "default", 200},
		"one there is none of":    {"", "mine", "", 400},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			b := open(t, s)
			var options []sdk.Option
			if tc.begin != "" {
				options = append(options, sdk.ObjectACL(sdk.ACLType(tc.begin)))
			}
			up, err := b.InitiateMultipartUpload("k", options...)
			must(t, err)
			p, err := b.UploadPart(up, strings.NewReader("x"), 1, 1)
			must(t, err)
			options = nil
			if tc.complete != "" {
				options = append(options, sdk.ObjectACL(sdk.ACLType(tc.complete)))
			}
			_, err = b.CompleteMultipartUpload(up, []sdk.UploadPart{p}, options...)
			if tc.status != 200 {
				wantCode(t, "complete", err, tc.status, "InvalidArgument")
				return
			}
			must(t, err)
			if o, _ := s.Get(bucketName, "k"); o.ACL != tc.want {
				t.Errorf("its list is %q, want %q", o.ACL, tc.want)
			}
		})
	}
}

// TestUploadsThatAreNotThereHaveACodeOfEachOperation (SDK v2 v1.6.1,
// client_integration_object_multipart_test.go).
func TestUploadsThatAreNotThereHaveACodeOfEachOperation(t *testing.T) {
	s := start(t)
	put(t, s, "k", "x")
	part := map[string]any{"uploadId": "none", "partNumber": "1"}
	for name, tc := range map[string]struct {
		method  string
		params  map[string]any
		headers map[string]string
		ec      string
	}{
		"UploadPart":           {"PUT", part, nil, "0042-00000104"},
		"UploadPartCopy":       {"PUT", part, map[string]string{"x-oss-copy-source": "/" + bucketName + "/k"}, "0042-00000311"},
		"AbortMultipartUpload": {"DELETE", map[string]any{"uploadId": "none"}, nil, "0042-00000002"},
	} {
		if status, code, _ := ask(t, s, tc.method, bucketName, "k", tc.params, tc.headers, "x"); status != 404 || code != "NoSuchUpload "+tc.ec {
			t.Errorf("%s: %d %s, want 404 NoSuchUpload %s", name, status, code, tc.ec)
		}
	}
}

// TestWhatNothingReadsIsNotImplemented: every sub-resource that the vendor's SDKs sign (v1
// v3.0.2, signKeyList; v2 v1.6.1, the SubResource of each operation) is an operation here, or
// refused. Taken for its plain neighbour, a PUT would replace the object, a GET read it.
func TestWhatNothingReadsIsNotImplemented(t *testing.T) {
	s := start(t)
	put(t, s, "k", "x")
	subresources := strings.Fields(`img style styleName replicationProgress replicationLocation cname comp qos live status vod symlink
		x-oss-process x-oss-async-process udf udfName udfImage udfId udfImageDesc udfApplication udfApplicationLog callback qosInfo sequential
		asyncFetch wormId wormExtend withHashContext x-oss-enable-md5 x-oss-enable-sha1 x-oss-enable-sha256 x-oss-hash-ctx x-oss-md5-ctx
		regionList cloudboxes x-oss-ac-source-ip x-oss-ac-subnet-mask x-oss-ac-vpc-id x-oss-ac-forward-allow metaQuery resourceGroup rtc responseHeader
		accessPoint accessPointConfigForObjectProcess accessPointForObjectProcess accessPointPolicy accessPointPolicyForObjectProcess
		bucketArchiveDirectRead dataPipeline httpsConfig legalHold metadataConfiguration metadataInventoryTable metadataJournalTable objectWorm
		overwriteConfig policyStatus publicAccessBlock quota redundancyTransition retention seal userDefinedLogFieldsConfig`)
	headers := []string{"x-oss-callback", "x-oss-symlink-target", "x-oss-resource-group-id"}
	for _, at := range []struct{ method, bucket, key string }{{"GET", "", ""}, {"GET", bucketName, ""}, {"GET", bucketName, "k"}, {"HEAD", bucketName, "k"}, {"PUT", bucketName, "k"}, {"POST", bucketName, "k"}, {"DELETE", bucketName, "k"}} {
		for _, name := range subresources {
			if status, code, _ := ask(t, s, at.method, at.bucket, at.key, map[string]any{name: nil}, nil, ""); status != 501 {
				t.Errorf("%s /%s/%s?%s: %d %s, want 501", at.method, at.bucket, at.key, name, status, code)
			}
		}
		for _, name := range headers {
			if status, code, _ := ask(t, s, at.method, at.bucket, at.key, nil, map[string]string{name: "eHg="}, ""); status != 501 {
				t.Errorf("%s /%s/%s with %s: %d %s, want 501", at.method, at.bucket, at.key, name, status, code)
			}
		}
	}
	if o, ok := s.Get(bucketName, "k"); !ok || string(o.Body) != "x" {
		t.Errorf("the object is %+v, %v, want it as it was", o, ok)
	}
}

// TestParametersOutOfTheirRangeAreRefused (OSS API reference: PutObject's
// x-oss-server-side-encryption; "Single-connection bandwidth throttling"; AppendObject, which
// says of versionId that writes have none; CreateBucketConfiguration's DataRedundancyType).
func TestParametersOutOfTheirRangeAreRefused(t *testing.T) {
	s := start(t)
	put(t, s, "k", "x")
	up, err := open(t, s).InitiateMultipartUpload("big")
	must(t, err)
	upload := map[string]any{"uploadId": up.UploadID, "partNumber": "1"}
	versioned := maps.Clone(upload)
	versioned["versionId"] = "null"
	for name, tc := range map[string]struct {
		method, bucket, key string
		params              map[string]any
		headers             map[string]string
		body                string
		status              int
		code                string
	}{
		"an encryption of ours":       {"PUT", bucketName, "new", nil, map[string]string{"x-oss-server-side-encryption": "ROT13"}, "x", 400, "InvalidEncryptionAlgorithmError"},
		"an upload of it":             {"POST", bucketName, "new", map[string]any{"uploads": nil}, map[string]string{"X-OSS-Server-Side-Encryption": "ROT13"}, "", 400, "InvalidEncryptionAlgorithmError"},
		"a limit too low":             {"PUT", bucketName, "new", nil, map[string]string{"x-oss-traffic-limit": "245759"}, "x", 400, "InvalidArgument"},
		"a limit too high":            {"GET", bucketName, "k", map[string]any{"x-oss-traffic-limit": "838860801"}, nil, "", 400, "InvalidArgument"},
		"a limit that is no number":   {"PUT", bucketName, "big", upload, map[string]string{"x-oss-traffic-limit": "fast"}, "x", 400, "InvalidArgument"},
		"a limit":                     {"GET", bucketName, "k", map[string]any{"x-oss-traffic-limit": "245760"}, nil, "", 200, ""},
		"PUT of a version":            {"PUT", bucketName, "new", map[string]any{"versionId": "null"}, nil, "x", 400, "InvalidArgument"},
		"a part of a version":         {"PUT", bucketName, "big", versioned, nil, "x", 400, "InvalidArgument"},
		"a copy to a version":         {"PUT", bucketName, "new", map[string]any{"versionId": "null"}, map[string]string{"x-oss-copy-source": "/" + bucketName + "/k"}, "", 400, "InvalidArgument"},
		"a bucket of no redundancy":   {"PUT", "bucket-2", "", nil, nil, "<CreateBucketConfiguration><DataRedundancyType>RAID</DataRedundancyType></CreateBucketConfiguration>", 400, "MalformedXML"},
		"an inventory without its id": {"PUT", bucketName, "", map[string]any{"inventory": nil}, nil, "<InventoryConfiguration/>", 501, "NotImplemented"},
	} {
		t.Run(name, func(t *testing.T) {
			status, code, _ := ask(t, s, tc.method, tc.bucket, tc.key, tc.params, tc.headers, tc.body)
			if got, _, _ := strings.Cut(code, " "); status != tc.status || got != tc.code {
				t.Errorf("%d %s, want %d %s", status, code, tc.status, tc.code)
			}
		})
	}
	if keys := s.Keys(bucketName); !slices.Equal(keys, []string{"k"}) {
		t.Errorf("stored %q, want k alone", keys)
	}
}

// TestABucketHasSeveralInventories (SDK v2 v1.6.1, api_op_bucket_inventory.go: inventoryId is
// required but of the list), and tells of its redundancy (GetBucketInfo).
func TestABucketHasSeveralInventories(t *testing.T) {
	s := start(t)
	do := func(method, id, body string) (int, string) {
		status, code, got := ask(t, s, method, bucketName, "", map[string]any{"inventory": nil, "inventoryId": id}, nil, body)
		return status, code + got
	}
	for _, id := range []string{"a", "b"} {
		if status, said := do("PUT", id, "<InventoryConfiguration><Id>"+id+"</Id></InventoryConfiguration>"); status != 200 {
			t.Fatalf("PUT %s: %d %s", id, status, said)
		}
	}
	if status, said := do("DELETE", "b", ""); status != 204 {
		t.Errorf("DELETE: %d %s", status, said)
	}
	if status, said := do("GET", "a", ""); status != 200 || !strings.Contains(said, "<Id>a</Id>") {
		t.Errorf("GET a: %d %s, want it as it came", status, said)
	}
	if status, said := do("GET", "b", ""); status != 404 || !strings.Contains(said, "NoSuchInventory") {
		t.Errorf("GET b: %d %s, want that it is gone", status, said)
	}
	must(t, connect(t, s).CreateBucket("bucket-2", sdk.RedundancyType(sdk.RedundancyZRS)))
	info, err := connect(t, s).GetBucketInfo("bucket-2")
	must(t, err)
	if info.BucketInfo.RedundancyType != string(sdk.RedundancyZRS) {
		t.Errorf("redundancy %q, want ZRS", info.BucketInfo.RedundancyType)
	}
}

// TestAFormThatAsksForACallbackIsNotImplemented (OSS API reference, PostObject: callback).
func TestAFormThatAsksForACallbackIsNotImplemented(t *testing.T) {
	s := start(t)
	must(t, s.SetACL(bucketName, "public-read-write"))
	body := bytes.NewBufferString("--b\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\nk\r\n--b\r\nContent-Disposition: form-data; name=\"callback\"\r\n\r\neHg=\r\n--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\nx\r\n--b--\r\n")
	resp, err := http.Post(s.Endpoint()+"/"+bucketName, "multipart/form-data; boundary=b", body)
	must(t, err)
	defer func() { _ = resp.Body.Close() }()
	if _, ok := s.Get(bucketName, "k"); resp.StatusCode != 501 || ok {
		t.Errorf("%d, stored %v, want 501", resp.StatusCode, ok)
	}
}
