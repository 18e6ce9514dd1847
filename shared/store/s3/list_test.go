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
		"a newline that nobody encoded":          {listing(last, contents("a&#10;b")), []string{"a\nb"}, ""},
		"a carriage return that XML would turn":  {listing(last, contents("a\rb")), []string{"a\rb"}, ""},
		"references to what XML does not take":   {listing(last, contents("a&#x3;b"), contents("a&#003;c"), contents("a&#X0003;d&amp;&#x26;#3;"), contents("a&#xB;")), []string{"a\x03b", "a\x03c", "a\x03d&&#3;", "a\x0b"}, ""},
		"the same, of seven bytes":               {listing(last, contents("a&#x003;")), []string{"a\x03"}, ""},
		"what XML does not take, as it is":       {listing(last, contents("a\x01\x1f"), contents("a\uFFFEb"), contents("a\uFFFFb")), []string{"a\x01\x1f", "a\uFFFEb", "a\uFFFFb"}, ""},
		"what marks such characters":             {listing(last, contents("\x03\uF8FF3\uF8FF"), contents("&#xf8ff;"), contents("\uF8FF\uF8FF")), []string{"\x03\uF8FF3\uF8FF", "\uF8FF", "\uF8FF\uF8FF"}, ""},
		"one that alone was left unencoded":      {listing(last, encoded, contents("a%2F&#x3;+%2B"), contents("a%2Fb"), contents("a%2Fc+d")), []string{"a/\x03 +", "a/b", "a/c d"}, ""},
		"a carriage return by reference":         {listing(last, contents("a&#xD;b"), contents("a&#13;c")), []string{"a\rb", "a\rc"}, ""},
		"the same, encoded":                      {listing(last, encoded, contents("a%0Db"), contents("a&#xD;c")), []string{"a\rb", "a\rc"}, ""},
		"lines that end in two characters":       {strings.ReplaceAll(listing("\r\n<IsTruncated>\r\nfalse</IsTruncated>\r\n"), "\r\nfalse", "false") + "\r\n", nil, ""},
		"a size beside such a key":               {strings.Replace(listing(last, contents("a&#x3;")), "<Size>10<", "<Size>10\r\n<", 1), []string{"a\x03"}, ""},
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

// TestOneKeyThatCameAsItIsSpoilsNoOther has a service that says it encodes keys, leaves single
// ones alone, and knows its objects by the names in have alone.
func TestOneKeyThatCameAsItIsSpoilsNoOther(t *testing.T) {
	page := listing(last, encoded, contents("a b"), contents("a%2Fb"), contents("a^z"), contents("c+d"))
	for name, tc := range map[string]struct{ have, want []string }{
		"it encodes":             {[]string{"a/b"}, []string{"a b", "a/b", "a^z", "c d"}},
		"it encodes nothing":     {[]string{"a%2Fb"}, []string{"a b", "a%2Fb", "a^z", "c+d"}},
		"nobody says what it is": {nil, []string{"a b", "a%2Fb", "a^z", "c+d"}},
	} {
		t.Run(name, func(t *testing.T) {
			heads := 0
			b := fake(t, func(w http.ResponseWriter, r *http.Request) {
				switch key := strings.TrimPrefix(r.URL.Path, "/b/"); {
				case r.URL.Query().Has("list-type"):
					says(page)(w, r)
				case slices.Contains(tc.have, key):
					heads++
					object(w, r, md5Tag, "0123456789")
				default:
					heads++
					refuse(w, r, 404, "NoSuchKey")
				}
			})
			first, _, err := b.FirstPage(t.Context(), store.Range{})
			var got []string
			for _, o := range first {
				got = append(got, o.Key)
			}
			if !slices.Equal(got, tc.want) || err != nil || heads > 4 {
				t.Errorf("%q, %v, by %d HEADs, want %q by four at most", got, err, heads, tc.want)
			}
		})
	}
}

// TestAKeyThatMayStandForAnotherIsTroubleOfItsEntryAlone has a service that writes U+FFFD in
// the place of what XML does not carry, and knows its objects by the names in have alone.
func TestAKeyThatMayStandForAnotherIsTroubleOfItsEntryAlone(t *testing.T) {
	more := `<IsTruncated>true</IsTruncated><NextContinuationToken>1</NextContinuationToken>`
	for name, tc := range map[string]struct {
		pages [][]string
		have  []string
		want  []string // "?" behind what is ambiguous
	}{
		"it is the object's own":       {[][]string{{"a", "a\uFFFDb", "c"}}, []string{"a\uFFFDb"}, []string{"a", "a\uFFFDb", "c"}},
		"it stands where it belongs":   {[][]string{{"a", "a\uFFFDb", "c"}}, nil, []string{"a", "a\uFFFDb?", "c"}},
		"bytes that are no UTF-8":      {[][]string{{"a", "a\xffb", "c"}}, nil, []string{"a", "a\uFFFDb?", "c"}},
		"it stands before":             {[][]string{{"a", "a\uFFFDb", "ab"}}, nil, []string{"a", "a\x00?", "ab"}},
		"several for one":              {[][]string{{"a\uFFFD", "a\uFFFD", "a\uFFFD", "b"}}, nil, []string{"a\uFFFD?", "a\uFFFD\x00?", "a\uFFFD\x00\x00?", "b"}},
		"several before":               {[][]string{{"a", "a\uFFFD", "a\uFFFD", "ab"}}, nil, []string{"a", "a\x00?", "a\x00\x00?", "ab"}},
		"at the end of a page":         {[][]string{{"a", "a\uFFFDb"}, {"ab"}}, nil, []string{"a", "a\x00?", "ab"}},
		"at the end of them all":       {[][]string{{"a"}, {"ab", "a\uFFFDb"}}, nil, []string{"a", "ab", "a\uFFFDb?"}},
		"at the end, one of them ours": {[][]string{{"a\uFFFD", "a\uFFFDb"}}, []string{"a\uFFFDb"}, []string{"a\uFFFD?", "a\uFFFDb"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := fake(t, func(w http.ResponseWriter, r *http.Request) {
				q := r.URL.Query()
				switch key := strings.TrimPrefix(r.URL.Path, "/b/"); {
				case !q.Has("list-type") && slices.Contains(tc.have, key):
					object(w, r, md5Tag, "0123456789")
				case !q.Has("list-type"):
					refuse(w, r, 404, "NoSuchKey")
				case q.Has("start-after"):
					says(listing(last))(w, r)
				default:
					parts, page := []string{last}, 0
					_, _ = fmt.Sscan(q.Get("continuation-token"), &page)
					if page+1 < len(tc.pages) {
						parts[0] = more
					}
					for _, key := range tc.pages[page] {
						parts = append(parts, contents(key))
					}
					says(listing(parts...))(w, r)
				}
			})
			found, err := drain(t, b, store.Range{})
			var got []string
			for _, o := range found {
				if o.Ambiguous != "" {
					o.Key += "?"
				}
				got = append(got, o.Key)
			}
			if err != nil || !slices.Equal(got, tc.want) {
				t.Errorf("%q, %v, want %q", got, err, tc.want)
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

func TestARefusalMayNameAKeyThatXMLCannotCarry(t *testing.T) {
	b := fake(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(404)
		if r.Method != http.MethodHead {
			_, _ = w.Write([]byte("<Error><Code>NoSuchKey</Code><Message>no a&#x3;b</Message><Key>a&#x3;b\x01</Key></Error>"))
		}
	})
	if _, _, err := b.Open(t.Context(), store.Object{Key: "a\x03b\x01"}, 0, -1); fault.KindOf(err) != fault.NotFound {
		t.Errorf("Open: %v, want NotFound", err)
	}
	if _, err := b.Stat(t.Context(), "a\x03b\x01"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("Stat: %v, want NotFound", err)
	}
}

func TestWhatAListingDoesNotTellIsSaid(t *testing.T) {
	for endpoint, want := range map[string]int{"s3.eu-west-1.amazonaws.com": 1, "s3-cn-east-1.qiniucs.com": 2, "https://S3-cn-east-1.QiniuCS.com:443": 2} {
		b, err := Open(Config{Bucket: "b", Region: "r", Endpoint: endpoint, Credentials: keys})
		if err != nil {
			t.Fatal(err)
		}
		if got := b.Terms().Untold; len(got) != want {
			t.Errorf("at %s: %q, want %d sentences", endpoint, got, want)
		}
	}
}
