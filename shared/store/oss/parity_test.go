package oss

import (
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"

	sdk "github.com/aliyun/aliyun-oss-go-sdk/oss"

	"kodoferry/shared/store"
)

// byHand are the requests that the driver writes itself, each beside the way to
// ask the vendor's SDK for the same. What becomes of either is not looked at.
var byHand = map[string]pair{
	"GET":                      {opens(0, -1, ""), gets()},
	"GET of what is unchanged": {opens(0, -1, "ABC"), gets(sdk.IfMatch(`"ABC"`))},
	"GET of a range":           {opens(3, 5, ""), gets(sdk.Range(3, 7), sdk.RangeBehavior("standard"))},
	"GET of the rest":          {opens(3, -1, ""), gets(sdk.NormalizedRange("3-"), sdk.RangeBehavior("standard"))},
	"HEAD":                     {func(t *testing.T, b *Bucket, key string) { _, _ = b.Stat(t.Context(), key) }, heads()},
	"HEAD for no bytes":        {opens(0, 0, "ABC"), heads(sdk.IfMatch(`"ABC"`), sdk.AcceptEncoding("identity"))},
	"PUT":                      puts(8, store.Object{}, store.Put{}),
	"PUT of nothing":           puts(0, store.Object{}, store.Put{}),
	"PUT of a stream":          puts(smallBody+1, store.Object{}, store.Put{}),
	"PUT with it all": puts(8, store.Object{
		Type: "text/plain; charset=utf-8", Class: store.Infrequent, Meta: map[string]string{"owner": "me & you", "two": "a  b"},
		Header: map[string]string{"Cache-Control": "max-age=60", "Content-Disposition": "inline", "Content-Encoding": "gzip", "Content-Language": "zh"},
	}, store.Put{IfAbsent: true, Brief: true},
		sdk.ContentType("text/plain; charset=utf-8"), sdk.ObjectStorageClass(sdk.StorageIA), sdk.Meta("owner", "me & you"), sdk.Meta("two", "a  b"),
		sdk.CacheControl("max-age=60"), sdk.ContentDisposition("inline"), sdk.ContentEncoding("gzip"), sdk.ContentLanguage("zh"),
		sdk.ForbidOverWrite(true), sdk.SetTagging(sdk.Tagging{Tags: []sdk.Tag{{Key: "ferry", Value: "brief"}}})),
	"UploadPart":             putsPart(8),
	"UploadPart of a stream": putsPart(smallBody + 1),
	"ListObjectsV2": {
		func(t *testing.T, b *Bucket, _ string) { _, _ = b.listPage(t.Context(), store.Query{}, "") }, lists(sdk.MaxKeys(1000)),
	},
	"ListObjectsV2 from a key on": {
		func(t *testing.T, b *Bucket, key string) {
			_, _ = b.listPage(t.Context(), store.Query{Prefix: key, After: key + " +"}, "")
		},
		func(b *sdk.Bucket, key string, same ...sdk.Option) {
			lists(sdk.MaxKeys(1000), sdk.Prefix(key), sdk.StartAfter(key+" +"))(b, key, same...)
		},
	},
	"ListObjectsV2, the next page": {
		func(t *testing.T, b *Bucket, key string) {
			_, _ = b.listPage(t.Context(), store.Query{Prefix: key, After: key}, key+"==")
		},
		func(b *sdk.Bucket, key string, same ...sdk.Option) {
			lists(sdk.MaxKeys(1000), sdk.Prefix(key), sdk.ContinuationToken(key+"=="))(b, key, same...)
		},
	},
	"ListObjectsV2 of Check": {func(t *testing.T, b *Bucket, _ string) { _ = b.Check(t.Context()) }, lists(sdk.MaxKeys(1))},
}

// differs is all that tells a request by hand from the SDK's, and why it is so.
var differs = map[string]string{
	"Date":    "x-oss-date alone dates what is sent by hand; where the SDK sends both it is x-oss-date that counts",
	"Expect":  "OSS refuses a stream before it is sent, not amid it; the SDK has no option for that",
	"key":     "what OSS takes for no key is not sent at all",
	"slashes": "the SDK escapes each; by hand those of a key stay that nobody on the way might tidy up",
}

type (
	ours   = func(*testing.T, *Bucket, string)
	theirs = func(*sdk.Bucket, string, ...sdk.Option)
	pair   struct {
		ours   ours
		theirs theirs
	}
)

func opens(off, n int64, hash string) ours {
	return func(t *testing.T, b *Bucket, key string) {
		_, _, _ = b.Open(t.Context(), store.Object{Key: key, Hash: hash}, off, n)
	}
}

// gets asks for the bytes as they are stored: OSS packs text for who takes gzip.
func gets(options ...sdk.Option) theirs {
	return func(b *sdk.Bucket, key string, same ...sdk.Option) {
		_, _ = b.GetObject(key, append(append(same, sdk.AcceptEncoding("identity")), options...)...)
	}
}

func heads(options ...sdk.Option) theirs {
	return func(b *sdk.Bucket, key string, same ...sdk.Option) {
		_, _ = b.GetObjectDetailedMeta(key, append(same, options...)...)
	}
}

func lists(options ...sdk.Option) theirs {
	return func(b *sdk.Bucket, _ string, same ...sdk.Option) {
		_, _ = b.ListObjectsV2(append(same, options...)...)
	}
}

func puts(size int, obj store.Object, how store.Put, options ...sdk.Option) pair {
	return pair{
		func(t *testing.T, b *Bucket, key string) {
			obj.Key, obj.Size = key, int64(size)
			_, _ = b.Put(t.Context(), obj, bytes.NewReader(content(size)), how)
		},
		func(b *sdk.Bucket, key string, same ...sdk.Option) {
			same = append(same, sdk.ContentType(defaultType), sdk.ObjectStorageClass(sdk.StorageStandard), sum(size))
			var body io.Reader // of an empty one the SDK sends chunks
			if size > 0 {
				body = bytes.NewReader(content(size))
			}
			_ = b.PutObject(key, body, append(same, options...)...)
		},
	}
}

func putsPart(size int) pair {
	const upload = "U/1+2="
	return pair{
		func(t *testing.T, b *Bucket, key string) {
			_, _ = b.PutPart(t.Context(), key, upload, 7, bytes.NewReader(content(size)), int64(size))
		},
		func(b *sdk.Bucket, key string, same ...sdk.Option) {
			_, _ = b.UploadPart(sdkUpload(key, upload), bytes.NewReader(content(size)), int64(size), 7, append(same, sum(size))...)
		},
	}
}

func content(size int) []byte { return bytes.Repeat([]byte("0123456789abcdef"), size/16+1)[:size] }

// sum is the Content-MD5 of what is sent from memory.
func sum(size int) sdk.Option {
	if size > smallBody {
		return nil
	}
	m := md5.Sum(content(size))
	return sdk.ContentMD5(base64.StdEncoding.EncodeToString(m[:]))
}

func TestWhatIsSentByHandIsWhatTheVendorsSDKSends(t *testing.T) {
	rec := &recorder{answer: refuse(404, "NoSuchKey", "")}
	b := serve(t, rec.ServeHTTP)
	keys := append(awkward(), "/lead", "\\lead", "照片/😀.jpg", "a/b/c.html", "tail/", "quote\"'<>|\\~", strings.Repeat("/%", maxKey/2)[1:])
	met := map[string]bool{}
	for _, token := range []string{"", "an STS/token+with=signs"} {
		b.credentials = func() Credentials { return Credentials{"LTAItest", testSecret, token} }
		client, err := sdk.New(b.where.url, "LTAItest", testSecret, sdk.SecurityToken(token), sdk.AuthVersion(sdk.AuthV4), sdk.Region("cn-hangzhou"),
			sdk.UserAgent("kodoferry"), sdk.EnableCRC(false), sdk.VerifyObjectStrict(false), sdk.HTTPClient(&http.Client{Transport: b.transport}))
		if err != nil {
			t.Fatal(err)
		}
		vendor := &sdk.Bucket{Client: *client, BucketName: "bucket"}
		for name, by := range byHand {
			t.Run(fmt.Sprintf("%s, token %t", name, token != ""), func(t *testing.T) {
				for i, key := range keys {
					if i > 3 && strings.HasSuffix(name, "of a stream") {
						break // they are long
					}
					rec.forget()
					by.ours(t, b, key)
					if b.CheckKey(key) != nil && !strings.HasPrefix(name, "List") {
						if n := len(rec.all()); n > 0 {
							t.Errorf("%q: got %d requests, want none", key, n)
						}
						met["key"] = true
						continue
					}
					got := rec.one(t)
					rec.forget()
					by.theirs(vendor, key, sdk.SetHeader("X-Oss-Date", got.header.Get("X-Oss-Date")))
					want := rec.one(t)
					for _, name := range []string{"Date", "Expect"} {
						if got.header.Get(name) != want.header.Get(name) {
							met[name] = true
						}
						got.header.Del(name)
						want.header.Del(name)
					}
					if plain := strings.ReplaceAll(want.path, "%2F", "/"); got.path == plain && plain != want.path && escapeKey(key) == key && !untidy(key) {
						met["slashes"], got.path = true, want.path
					}
					if !reflect.DeepEqual(got, want) { // the signatures too: they are of the same second
						t.Fatalf("%q is sent\nby hand    %.900v\nby the SDK %.900v", key, got, want)
					}
				}
			})
		}
	}
	for what := range differs {
		if !met[what] {
			t.Errorf("nothing sent by hand differs in %q", what)
		}
	}
}
