package s3

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"kodoferry/shared/fault"
	"kodoferry/shared/store"
)

// listing is a page with what stands in it.
func listing(parts ...string) string {
	return `<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name>` + strings.Join(parts, "") + `</ListBucketResult>`
}

// contents is an entry of a page.
func contents(key string, more ...string) string {
	return `<Contents><Key>` + key + `</Key><LastModified>2024-05-06T07:08:09.123Z</LastModified><ETag>&quot;` + md5Tag + `&quot;</ETag><Size>10</Size>` + strings.Join(more, "") + `</Contents>`
}

const (
	last    = `<IsTruncated>false</IsTruncated>`
	encoded = `<EncodingType>url</EncodingType>`
)

func says(page string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte(page)) }
}

func TestKeysAreReadInTheFormTheyCameIn(t *testing.T) {
	for name, tc := range map[string]struct {
		page string
		want []string
		kind fault.Kind
	}{
		"encoded":                                {listing(last, encoded, contents("%01"), contents("a+b%2Bc%2F%25"), contents("%E7%85%A7")), []string{"\x01", "a b+c/%", "照"}, ""},
		"as they are, where the page says so":    {listing(last, contents("a%20b"), contents("a+b&amp;"), contents("照片")), []string{"a%20b", "a+b&", "照片"}, ""},
		"a newline that nobody encoded":          {listing(last, contents("a&#10;b")), nil, fault.Invalid},
		"a carriage return that XML turned":      {listing(last, contents("a\rb")), nil, fault.Invalid},
		"what could not be written at all":       {listing(last, contents("a\uFFFDb")), nil, fault.Invalid},
		"more, but no way to it":                 {listing(`<IsTruncated>true</IsTruncated>`, contents("a")), nil, fault.Temporary},
		"neither more nor the end":               {listing(contents("a")), nil, fault.Temporary},
		"a page that is cut off":                 {listing(last, contents("a"))[:300], nil, fault.Temporary},
		"a size that is none":                    {strings.Replace(listing(last, contents("a")), "<Size>10<", "<Size>-1<", 1), nil, fault.Temporary},
		"keys out of order":                      {listing(last, contents("b"), contents("a")), []string{"b"}, fault.Invalid},
		"some other document":                    {"<html></html>", nil, fault.Temporary},
		"a page that leads to itself, with keys": {listing(`<IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>`, contents("a")), []string{"a"}, fault.Temporary},
	} {
		t.Run(name, func(t *testing.T) {
			found, err := drain(t, fake(t, says(tc.page)), store.Range{})
			var keys []string
			for _, o := range found {
				keys = append(keys, o.Key)
			}
			if !slices.Equal(keys, tc.want) || fault.KindOf(err) != tc.kind {
				t.Errorf("%q, %v, want %q, %q", keys, err, tc.want, tc.kind)
			}
		})
	}
}

func TestAListingTellsNoMD5AndWhatIsFrozen(t *testing.T) {
	restored := `<RestoreStatus><IsRestoreInProgress>false</IsRestoreInProgress><RestoreExpiryDate>2037-01-01T00:00:00.000Z</RestoreExpiryDate></RestoreStatus>`
	page := listing(last, encoded,
		contents("a", `<StorageClass>STANDARD</StorageClass>`),
		contents("b", `<StorageClass>GLACIER</StorageClass>`),
		contents("c", `<StorageClass>DEEP_ARCHIVE</StorageClass>`, restored),
		contents("d", `<StorageClass>GLACIER</StorageClass>`, strings.Replace(restored, "false", "true", 1)),
		contents("e", `<StorageClass>GLACIER_IR</StorageClass>`),
		contents("f", `<StorageClass>LINE</StorageClass>`),
		contents("g", `<StorageClass>SNOW_BALL</StorageClass>`),
		contents("thawed", `<StorageClass>GLACIER</StorageClass>`),
		contents("vanished", `<StorageClass>GLACIER</StorageClass>`),
	)
	var asked atomic.Int64
	b := fake(t, func(w http.ResponseWriter, r *http.Request) {
		key := strings.TrimPrefix(r.URL.Path, "/b/")
		switch {
		case r.URL.Query().Has("list-type"):
			if r.Header.Get("X-Amz-Optional-Object-Attributes") != "RestoreStatus" {
				t.Error("the listing does not ask for what is restored")
			}
			says(page)(w, r)
			return
		case key == "vanished":
			refuse(w, r, 404, "NoSuchKey")
			return
		case key == "thawed":
			w.Header().Set("X-Amz-Restore", `ongoing-request="false", expiry-date="Thu, 01 Jan 2037 00:00:00 GMT"`)
		}
		asked.Add(1)
		w.Header().Set("X-Amz-Storage-Class", "GLACIER")
		object(w, r, md5Tag, "0123456789")
	})
	want := map[string]string{"a": "standard", "b": "archive frozen", "c": "deep-archive", "d": "archive frozen", "e": "archive-ir", "f": "ia", "g": "snow_ball", "thawed": "archive", "vanished": "archive"}
	check := func(frozen ...string) {
		t.Helper()
		found, err := drain(t, b, store.Range{})
		if err != nil || len(found) != len(want) {
			t.Fatalf("%d objects, %v, want %d", len(found), err, len(want))
		}
		for _, o := range found {
			got, want := string(o.Class), want[o.Key]
			if o.Frozen {
				got += " frozen"
			}
			if slices.Contains(frozen, o.Key) {
				want += " frozen"
			}
			if got != want || o.MD5 != "" || o.Hash != md5Tag || o.Modified.UnixMilli() != 1714979289123 {
				t.Errorf("%+v, want %s, without MD5", o, want)
			}
		}
	}
	check()
	if n := asked.Load(); n != 2 {
		t.Errorf("%d objects were asked for, want b and thawed", n)
	}
	b.tells = true // AWS says of what is restored that it is, and of nothing else
	check("thawed", "vanished")
	if n := asked.Load(); n != 2 {
		t.Errorf("%d objects were asked for where the listing tells", n-2)
	}
}

func TestAPageIsAskedForAsNarrowlyAsCanBe(t *testing.T) {
	var asked []string
	b := fake(t, func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		asked = append(asked, fmt.Sprintf("%s|%s|%s|%s", q.Get("prefix"), q.Get("start-after"), q.Get("continuation-token"), q.Get("max-keys")))
		if q.Get("continuation-token") == "" {
			says(listing(encoded, `<IsTruncated>true</IsTruncated><NextContinuationToken>a+%2B/=</NextContinuationToken>`))(w, r)
			return
		}
		says(listing(encoded, last, contents("a/x7")))(w, r)
	}, func(c *Config) { c.PageSize = 7 })
	found, more, err := b.FirstPage(t.Context(), store.Range{Prefix: "a/", After: "a/x1", UpTo: "a/x9"})
	if want := []string{"a/x|a/x1||7", "a/x||a+%2B/=|7"}; err != nil || more || len(found) != 1 || !slices.Equal(asked, want) {
		t.Errorf("%+v, %v, %v after %q, want one key after %q", found, more, err, asked, want)
	}
}

func TestAListingOfNoBucketIsNotFound(t *testing.T) {
	_, err := drain(t, fake(t, func(w http.ResponseWriter, r *http.Request) { refuse(w, r, 404, "NoSuchBucket") }), store.Range{Prefix: "p"})
	if fault.KindOf(err) != fault.NotFound || !strings.Contains(err.Error(), `s3.List "p"`) {
		t.Errorf("%v, want NotFound, of the prefix", err)
	}
}
