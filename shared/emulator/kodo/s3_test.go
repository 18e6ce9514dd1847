package kodo_test

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"kodoferry/shared/emulator/chaos"
	"kodoferry/shared/emulator/kodo"
)

// s3Client is AWS's own client, which tries each request once.
func (w *world) s3Client(set ...func(*s3.Options)) *s3.Client {
	o := s3.Options{
		BaseEndpoint: aws.String(w.S3Endpoint()), UsePathStyle: true, Region: w.S3Region(), RetryMaxAttempts: 1,
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenRequired, ResponseChecksumValidation: aws.ResponseChecksumValidationWhenRequired,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: accessKey, SecretAccessKey: secretKey}, nil
		}),
	}
	for _, f := range set {
		f(&o)
	}
	return s3.New(o)
}

// codeOf is the code of an error as S3 names it.
func codeOf(err error) string {
	var e smithy.APIError
	if errors.As(err, &e) {
		return e.ErrorCode()
	}
	return fmt.Sprint(err)
}

func TestAWSsClientReadsThroughTheS3Interface(t *testing.T) {
	w := newWorld(t, kodo.Config{})
	at := time.Date(2024, 5, 6, 7, 8, 9, 123_456_700, time.UTC)
	hash, err := w.Put("b", kodo.Object{
		Key: "照片/a b+c%2F.jpg", Body: []byte("0123456789"), MimeType: "image/jpeg", Type: 1, PutTime: at,
		Meta: map[string]string{"owner": "me", "!Cache-Control": "max-age=60", "!Content-Encoding": "identity"},
	})
	if err != nil {
		t.Fatal(err)
	}
	c, key := w.s3Client(), aws.String("照片/a b+c%2F.jpg")
	got, err := c.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String("b"), Key: key, Range: aws.String("bytes=2-4"), IfMatch: aws.String(`"` + hash + `"`)})
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(got.Body)
	if err != nil || string(body) != "234" || aws.ToString(got.ETag) != `"`+hash+`"` || aws.ToString(got.ContentRange) != "bytes 2-4/10" {
		t.Errorf("GetObject = %q, %+v, %v", body, got, err)
	}
	head, err := c.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: aws.String("b"), Key: key})
	if err != nil {
		t.Fatal(err)
	}
	if aws.ToInt64(head.ContentLength) != 10 || aws.ToString(head.ContentType) != "image/jpeg" || head.StorageClass != "LINE" || head.Metadata["owner"] != "me" ||
		aws.ToString(head.CacheControl) != "max-age=60" || !head.LastModified.Equal(at.Truncate(time.Second)) {
		t.Errorf("HeadObject = %+v", head)
	}
	list, err := c.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: aws.String("b"), EncodingType: types.EncodingTypeUrl})
	if err != nil || len(list.Contents) != 1 {
		t.Fatalf("ListObjectsV2 = %+v, %v", list, err)
	}
	if o := list.Contents[0]; aws.ToString(o.Key) != "%E7%85%A7%E7%89%87/a+b%2Bc%252F.jpg" || !o.LastModified.Equal(at.Truncate(time.Millisecond)) || o.StorageClass != "LINE" || aws.ToInt64(o.Size) != 10 {
		t.Errorf("ListObjectsV2 lists %+v", o)
	}
	buckets, err := c.ListBuckets(t.Context(), &s3.ListBucketsInput{})
	where, lerr := c.GetBucketLocation(t.Context(), &s3.GetBucketLocationInput{Bucket: aws.String("b")})
	_, herr := c.HeadBucket(t.Context(), &s3.HeadBucketInput{Bucket: aws.String("b")})
	if err := errors.Join(err, lerr, herr); err != nil || len(buckets.Buckets) != 1 || where.LocationConstraint != "cn-east-1" {
		t.Errorf("%v: buckets %+v, location %+v", err, buckets, where)
	}
}

func TestBothListingsOfS3Page(t *testing.T) {
	w := newWorld(t, kodo.Config{})
	var want []string
	for i := range 2300 {
		want = append(want, fmt.Sprintf("%02d/%04d", i/100, i))
		w.put(want[i], "x")
	}
	c := w.s3Client()
	var got []string
	for p := s3.NewListObjectsV2Paginator(c, &s3.ListObjectsV2Input{Bucket: aws.String("b"), StartAfter: aws.String("00/0004+")}); p.HasMorePages(); {
		page, err := p.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range page.Contents {
			got = append(got, aws.ToString(o.Key))
		}
	}
	if !slices.Equal(got, want[5:]) {
		t.Errorf("version 2 lists %d keys, want %d", len(got), len(want)-5)
	}
	got = nil
	for marker, more := "", true; more; {
		page, err := c.ListObjects(t.Context(), &s3.ListObjectsInput{Bucket: aws.String("b"), Marker: aws.String(marker), MaxKeys: aws.Int32(700)})
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range page.Contents {
			marker = aws.ToString(o.Key)
			got = append(got, marker)
		}
		more = aws.ToBool(page.IsTruncated)
	}
	if !slices.Equal(got, want) {
		t.Errorf("version 1 lists %d keys, want %d", len(got), len(want))
	}
	var dirs []string
	for p := s3.NewListObjectsV2Paginator(c, &s3.ListObjectsV2Input{Bucket: aws.String("b"), Delimiter: aws.String("/"), MaxKeys: aws.Int32(5)}); p.HasMorePages(); {
		page, err := p.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range page.CommonPrefixes {
			dirs = append(dirs, aws.ToString(d.Prefix))
		}
	}
	if len(dirs) != 23 || dirs[0] != "00/" || dirs[22] != "22/" {
		t.Errorf("common prefixes %q, want 00/ to 22/", dirs)
	}
}

func TestS3RefusesAsS3Does(t *testing.T) {
	w := newWorld(t, kodo.Config{})
	w.put("k", "0123456789")
	for _, o := range []kodo.Object{{Key: "frozen", Type: 2}, {Key: "disabled", Status: 1}} {
		if _, err := w.Put("b", o); err != nil {
			t.Fatal(err)
		}
	}
	wrong := func(id, secret string) func(*s3.Options) {
		return func(o *s3.Options) {
			o.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
				return aws.Credentials{AccessKeyID: id, SecretAccessKey: secret}, nil
			})
		}
	}
	get := func(bucket, key string) *s3.GetObjectInput {
		return &s3.GetObjectInput{Bucket: aws.String(bucket), Key: aws.String(key)}
	}
	for name, tc := range map[string]struct {
		with func(*s3.Options)
		in   *s3.GetObjectInput
		want string
	}{
		"no such key":         {nil, get("b", "none"), "NoSuchKey"},
		"no such bucket":      {nil, get("none", "k"), "NoSuchBucket"},
		"an archived object":  {nil, get("b", "frozen"), "InvalidObjectState"},
		"a disabled object":   {nil, get("b", "disabled"), "AccessDenied"},
		"another access key":  {wrong("stranger", secretKey), get("b", "k"), "InvalidAccessKeyId"},
		"another secret":      {wrong(accessKey, "wrong"), get("b", "k"), "SignatureDoesNotMatch"},
		"another region":      {func(o *s3.Options) { o.Region = "eu-west-1" }, get("b", "k"), "AuthorizationHeaderMalformed"},
		"another version":     {nil, &s3.GetObjectInput{Bucket: aws.String("b"), Key: aws.String("k"), IfMatch: aws.String(`"other"`)}, "PreconditionFailed"},
		"a range behind it":   {nil, &s3.GetObjectInput{Bucket: aws.String("b"), Key: aws.String("k"), Range: aws.String("bytes=10-")}, "InvalidRange"},
		"what it does not do": {nil, &s3.GetObjectInput{Bucket: aws.String("b"), Key: aws.String("k"), VersionId: aws.String("1")}, "NotImplemented"},
		"all as it should be": {nil, get("b", "k"), "<nil>"},
	} {
		t.Run(name, func(t *testing.T) {
			with := func(*s3.Options) {}
			if tc.with != nil {
				with = tc.with
			}
			if _, err := w.s3Client(with).GetObject(t.Context(), tc.in); codeOf(err) != tc.want {
				t.Errorf("%v, want %s", err, tc.want)
			}
		})
	}
	if resp, body := w.do(http.MethodGet, w.S3Endpoint()+"/b/k", ""); resp.StatusCode != 403 || !strings.Contains(body, "<Code>AccessDenied</Code>") {
		t.Errorf("without a signature: %d %s", resp.StatusCode, body)
	}
	if _, err := w.s3Client().PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("b"), Key: aws.String("new")}); err == nil {
		t.Error("it took a PUT")
	}
}

func TestS3NamesAndETagsAreWhatTheConfigSays(t *testing.T) {
	w := newWorld(t, kodo.Config{S3MD5: true, Region: "z2"})
	whole, parts := text(9<<20), []int64{4 << 20, 5 << 20}
	for key, p := range map[string][]int64{"whole": nil, "parts": parts} {
		if _, err := w.Put("b", kodo.Object{Key: key, Body: whole, Parts: p}); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.CreateBucket("other"), w.SetS3Name("b", "b-s3")); err != nil {
		t.Fatal(err)
	}
	if w.SetS3Name("other", "b-s3") == nil || w.CreateBucket("b-s3") == nil {
		t.Error("two buckets have one name at S3")
	}
	c := w.s3Client()
	if _, err := c.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: aws.String("b"), Key: aws.String("whole")}); err == nil {
		t.Error("the bucket still has its own name at S3")
	}
	one, two := md5.Sum(whole[:4<<20]), md5.Sum(whole[4<<20:])
	sum, joined := md5.Sum(whole), md5.Sum(append(one[:], two[:]...))
	for key, want := range map[string]string{"whole": hex.EncodeToString(sum[:]), "parts": hex.EncodeToString(joined[:]) + "-2"} {
		got, err := c.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: aws.String("b-s3"), Key: aws.String(key)})
		if err != nil || aws.ToString(got.ETag) != `"`+want+`"` {
			t.Errorf("%s: %+v, %v, want ETag %s", key, got, err, want)
		}
	}
	if w.S3Region() != "cn-south-1" {
		t.Errorf("the region is %s", w.S3Region())
	}
}

func TestFaultsReachTheS3InterfaceInItsOwnWords(t *testing.T) {
	w := newWorld(t, kodo.Config{})
	body := bytes.Repeat([]byte("x"), 1000)
	if _, err := w.Put("b", kodo.Object{Key: "k", Body: body}); err != nil {
		t.Fatal(err)
	}
	c, in := w.s3Client(), &s3.GetObjectInput{Bucket: aws.String("b"), Key: aws.String("k")}
	for kind, want := range map[chaos.Kind]string{chaos.Throttle: "SlowDown", chaos.Status: "InternalError"} {
		w.Desk().Inject(chaos.Rule{Op: "s3-get", Kind: kind, Rate: 1})
		if _, err := c.GetObject(t.Context(), in); codeOf(err) != want {
			t.Errorf("%s: %v, want %s", kind, err, want)
		}
	}
	w.Desk().Inject(chaos.Rule{Op: "s3-get", Kind: chaos.Flip, Rate: 1})
	got, err := c.GetObject(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	if read, err := io.ReadAll(got.Body); err != nil || len(read) != len(body) || bytes.Equal(read, body) {
		t.Errorf("%d bytes came, as they are stored: %v, %v", len(read), bytes.Equal(read, body), err)
	}
	w.Desk().Inject(chaos.Rule{Op: "s3-list", Kind: chaos.EmptyPage, Rate: 1, Limit: 2})
	keys, pages := 0, 0
	for p := s3.NewListObjectsV2Paginator(c, &s3.ListObjectsV2Input{Bucket: aws.String("b")}); p.HasMorePages(); pages++ {
		page, err := p.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		keys += len(page.Contents)
	}
	if keys != 1 || pages != 3 {
		t.Errorf("%d keys on %d pages, want 1 on 3, two of them empty", keys, pages)
	}
	if n := w.Desk().Counts(); n["s3-list"] != 3 || n["s3-get"] != 3 {
		t.Errorf("counted %v", n)
	}
}
