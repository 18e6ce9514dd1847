package oss_test

import (
	"strings"
	"testing"

	sdk "github.com/aliyun/aliyun-oss-go-sdk/oss"

	"kodoferry/shared/emulator/oss"
)

func TestBuckets(t *testing.T) {
	each(t, func(t *testing.T, version sdk.ClientOption) {
		s := start(t)
		c := connect(t, s, version)
		must(t, c.CreateBucket("bucket-2", sdk.ACL(sdk.ACLPublicRead), sdk.StorageClass(sdk.StorageIA)))
		must(t, c.CreateBucket("bucket-2")) // its owner may say so twice
		_, err := c.Conn.Do("PUT", "Bucket_3", "", nil, nil, nil, 0, nil)
		wantCode(t, "a bad name", err, 400, "InvalidBucketName")
		info, err := c.GetBucketInfo("bucket-2")
		must(t, err)
		if i := info.BucketInfo; i.ACL != "public-read" || i.StorageClass != "IA" || i.Location != "oss-cn-hangzhou" || i.Name != "bucket-2" || i.Owner.ID == "" || i.CreationDate.IsZero() || i.Versioning != "" {
			t.Errorf("info is %+v", i)
		}
		where, err := c.GetBucketLocation("bucket-2")
		must(t, err)
		acl, err := c.GetBucketACL("bucket-2")
		must(t, err)
		if where != "oss-cn-hangzhou" || acl.ACL != "public-read" {
			t.Errorf("location %q, list %q", where, acl.ACL)
		}
		must(t, c.SetBucketACL("bucket-2", sdk.ACLPrivate))
		wantCode(t, "another list", c.SetBucketACL("bucket-2", "default"), 400, "InvalidArgument")
		b, err := c.Bucket("bucket-2")
		must(t, err)
		must(t, b.PutObject("k", strings.NewReader("12345")))
		if o, _ := s.Get("bucket-2", "k"); o.Class != "IA" {
			t.Errorf("an object is %s, want the bucket's IA", o.Class)
		}
		stat, err := c.GetBucketStat("bucket-2")
		must(t, err)
		if stat.Storage != 5 || stat.ObjectCount != 1 {
			t.Errorf("stat is %+v, want 5 bytes in 1", stat)
		}
		list, err := c.ListBuckets(sdk.Prefix("bucket"), sdk.MaxKeys(1))
		must(t, err)
		if len(list.Buckets) != 1 || !list.IsTruncated || list.NextMarker != "bucket-1" {
			t.Errorf("buckets are %+v, want the first of 2", list)
		}
		wantCode(t, "delete of a full one", c.DeleteBucket("bucket-2"), 409, "BucketNotEmpty")
		must(t, b.DeleteObject("k"))
		must(t, c.DeleteBucket("bucket-2"))
		_, err = c.GetBucketInfo("bucket-2")
		wantCode(t, "info of none", err, 404, "NoSuchBucket")
	})
}

func TestOnlyTheAccountCreatesABucketAgain(t *testing.T) {
	s := start(t)
	s.AddCredential(oss.Credential{ID: "STS.1", Secret: "s", Token: "token"})
	must(t, connect(t, s).CreateBucket(bucketName, sdk.ACL(sdk.ACLPublicRead)))
	must(t, connect(t, s).SetBucketACL("bucket-2", sdk.ACLPublicRead))
	if err := s.CreateBucket("bucket-2"); err == nil {
		t.Error("a list for a missing bucket did not create it")
	}
	acl, err := connect(t, s).GetBucketACL(bucketName)
	must(t, err)
	if acl.ACL != "public-read" {
		t.Errorf("the list is %s, want the one it was created again with", acl.ACL)
	}
	guest, err := sdk.New(s.Endpoint(), "STS.1", "s", sdk.SecurityToken("token"))
	must(t, err)
	wantCode(t, "create again with a token", guest.CreateBucket(bucketName), 409, "BucketAlreadyExists")
}

func TestConfigurationsAreKept(t *testing.T) {
	s := start(t)
	c := connect(t, s)
	_, err := c.GetBucketLifecycle(bucketName)
	wantCode(t, "no lifecycle", err, 404, "NoSuchLifecycle")
	logging, err := c.GetBucketLogging(bucketName)
	must(t, err)
	referer, err := c.GetBucketReferer(bucketName)
	must(t, err)
	payer, err := c.GetBucketRequestPayment(bucketName)
	must(t, err)
	if logging.LoggingEnabled.TargetBucket != "" || !referer.AllowEmptyReferer || payer.Payer != "BucketOwner" {
		t.Errorf("without any, logging is %+v, referer %+v, payer %+v, want what a new bucket has", logging, referer, payer)
	}
	_, err = c.GetBucketWorm(bucketName)
	wantCode(t, "no worm", err, 404, "NoSuchWORMConfiguration")
	must(t, c.SetBucketLifecycle(bucketName, []sdk.LifecycleRule{sdk.BuildLifecycleRuleByDays("r", "runs/", true, 30)}))
	l, err := c.GetBucketLifecycle(bucketName)
	must(t, err)
	if len(l.Rules) != 1 || l.Rules[0].Prefix != "runs/" || l.Rules[0].Expiration.Days != 30 {
		t.Errorf("lifecycle is %+v, want one rule", l.Rules)
	}
	must(t, c.DeleteBucketLifecycle(bucketName))
	_, err = c.GetBucketLifecycle(bucketName)
	wantCode(t, "deleted lifecycle", err, 404, "NoSuchLifecycle")
}

func TestWhatIsNotThereIsSaidSo(t *testing.T) {
	s := start(t)
	c := connect(t, s)
	put(t, s, "k", "stays")
	for name, tc := range map[string]struct {
		method, key, param string
		status             int
		code               string
	}{
		"a retention":               {"PUT", "k", "retention", 501, "NotImplemented"},
		"a symlink":                 {"PUT", "k", "symlink", 501, "NotImplemented"},
		"a block of public access":  {"GET", "", "publicAccessBlock", 501, "NotImplemented"},
		"an asynchronous fetch":     {"POST", "", "asyncFetch", 501, "NotImplemented"},
		"a DELETE of a list":        {"DELETE", "k", "acl", 405, "MethodNotAllowed"},
		"a PUT of uploads":          {"PUT", "k", "uploads", 405, "MethodNotAllowed"},
		"a part of no upload":       {"PUT", "k", "partNumber", 405, "MethodNotAllowed"},
		"a DELETE of a location":    {"DELETE", "", "location", 405, "MethodNotAllowed"},
		"a POST of nothing special": {"POST", "k", "uploadx", 405, "MethodNotAllowed"},
	} {
		_, err := c.Conn.Do(tc.method, bucketName, tc.key, map[string]any{tc.param: nil}, nil, nil, 0, nil)
		wantCode(t, name, err, tc.status, tc.code)
	}
	if o, _ := s.Get(bucketName, "k"); string(o.Body) != "stays" {
		t.Errorf("afterwards the object holds %q", o.Body)
	}
}

func TestDeleteManyIsChecked(t *testing.T) {
	object := "<Object><Key>k</Key></Object>"
	for name, tc := range map[string]struct {
		body   string
		md5    string // "" leaves it out
		status int
		code   string
	}{
		"no MD5":              {"<Delete>" + object + "</Delete>", "", 400, "MissingArgument"},
		"the MD5 of another":  {"<Delete>" + object + "</Delete>", md5Header(nil), 400, "InvalidDigest"},
		"no body":             {"", md5Header(nil), 400, "MalformedXML"},
		"no object":           {"<Delete></Delete>", "own", 400, "MalformedXML"},
		"another root":        {"<Remove>" + object + "</Remove>", "own", 400, "MalformedXML"},
		"a tag left open":     {"<Delete>" + object, "own", 400, "MalformedXML"},
		"a key without name":  {"<Delete><Object></Object></Delete>", "own", 400, "InvalidObjectName"},
		"1,001 objects":       {"<Delete>" + strings.Repeat(object, 1001) + "</Delete>", "own", 400, "MalformedXML"},
		"text behind the end": {"<Delete>" + object + "</Delete>x", "own", 400, "MalformedXML"},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			put(t, s, "k", "x")
			headers := map[string]string{}
			if tc.md5 != "" {
				headers["Content-MD5"] = strings.Replace(tc.md5, "own", md5Header([]byte(tc.body)), 1)
			}
			_, err := connect(t, s).Conn.Do("POST", bucketName, "", map[string]any{"delete": nil}, headers, strings.NewReader(tc.body), 0, nil)
			wantCode(t, "delete", err, tc.status, tc.code)
			if len(s.Keys(bucketName)) != 1 {
				t.Error("the object is gone")
			}
		})
	}
	s := start(t)
	put(t, s, "a", "x")
	put(t, s, "b\x02", "x")
	put(t, s, "c", "x")
	b := open(t, s)
	loud, err := b.DeleteObjects([]string{"a", "b\x02", "missing"}, sdk.DeleteObjectsQuiet(false))
	must(t, err)
	quiet, err := b.DeleteObjects([]string{"c"}, sdk.DeleteObjectsQuiet(true))
	must(t, err)
	if len(loud.DeletedObjects) != 3 || loud.DeletedObjects[1] != "b\x02" || len(quiet.DeletedObjects) != 0 || len(s.Keys(bucketName)) != 0 {
		t.Errorf("deleted %q, then %q, left %q", loud.DeletedObjects, quiet.DeletedObjects, s.Keys(bucketName))
	}
}
