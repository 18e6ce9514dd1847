package s3

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"kodoferry/shared/emulator/odd"
	"kodoferry/shared/emulator/opentest"
	"kodoferry/shared/fault"
	"kodoferry/shared/store"
)

// misbehave is a bucket whose service answers with whatever bytes.
func misbehave(t *testing.T, serve func(w *odd.Wire, r *http.Request)) *Bucket {
	t.Helper()
	return opentest.Bucket(t, Open, Config{Bucket: "b", Region: "us-east-1", Endpoint: odd.Serve(t, serve).URL, Insecure: true, Credentials: keys, Variables: "ID and SECRET"})
}

func TestASecondPageThatIsNoneEndsNoListing(t *testing.T) {
	first := listing(`<IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>`, contents("a"))
	for name, answer := range map[string]string{
		"nothing":             odd.Answer(200, ""),
		"JSON":                odd.Answer(200, "{}"),
		"HTML":                odd.Answer(200, "<html><body>log in</body></html>"),
		"an error":            odd.Answer(200, "<Error><Code>InternalError</Code></Error>"),
		"an empty document":   odd.Answer(200, "<ListBucketResult/>"),
		"another document":    odd.Answer(200, "<ListAllMyBucketsResult><IsTruncated>false</IsTruncated></ListAllMyBucketsResult>"),
		"cut short":           odd.Answer(200, listing(last, contents("b"))[:200]),
		"cut on the wire":     odd.Head(200, "Content-Length: 900") + listing(last),
		"an entry of nothing": odd.Answer(200, listing(last, "<Contents/>")),
		"no key":              odd.Answer(200, listing(last, contents(""))),
		"no size":             odd.Answer(200, strings.Replace(listing(last, contents("b")), "<Size>10</Size>", "", 1)),
		"a size of text":      odd.Answer(200, strings.Replace(listing(last, contents("b")), ">10<", ">ten<", 1)),
	} {
		t.Run(name, func(t *testing.T) {
			b := misbehave(t, func(w *odd.Wire, r *http.Request) {
				if r.URL.Query().Get("continuation-token") == "" {
					w.Send(odd.Answer(200, first))
					return
				}
				w.Send(answer)
				w.Hangup()
			})
			found, err := drain(t, b, store.Range{})
			if fault.KindOf(err) != fault.Temporary || len(found) != 1 {
				t.Errorf("got %+v, %v, want one object and a Temporary error", found, err)
			}
		})
	}
}

// TestAPageThatSaysItEncodesAndDoesNot has a service that knows its objects by
// the names in have alone.
func TestAPageThatSaysItEncodesAndDoesNot(t *testing.T) {
	for name, tc := range map[string]struct {
		pages [][]string // as they stand in the pages
		have  []string
	}{
		"a space":                                 {[][]string{{"a b", "c+d", "e%20f"}}, []string{"a b", "c+d", "e%20f"}},
		"characters beyond ASCII":                 {[][]string{{"c+d", "照片"}}, []string{"c+d", "照片"}},
		"a percent sign that encodes nothing":     {[][]string{{"100%", "c+d"}}, []string{"100%", "c+d"}},
		"it shows in an earlier page":             {[][]string{{"a b"}, {"c+d", "e%2Ff"}}, []string{"a b", "c+d", "e%2Ff"}},
		"a plus alone":                            {[][]string{{"a", "c+d"}}, []string{"a", "c+d"}},
		"escapes alone":                           {[][]string{{"a%2Fb"}, {"c%2Bd"}}, []string{"a%2Fb", "c%2Bd"}},
		"but one that does is taken at its word":  {[][]string{{"a+b", "c%2Bd"}, {"%E7%85%A7+"}}, []string{"a b", "c+d", "照 "}},
		"and so is one whose object is gone soon": {[][]string{{"a+b"}, {"c%2Bd"}}, []string{"c+d"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := fake(t, func(w http.ResponseWriter, r *http.Request) {
				q := r.URL.Query()
				if !q.Has("list-type") {
					if !slices.Contains(tc.have, strings.TrimPrefix(r.URL.Path, "/b/")) {
						refuse(w, r, 404, "NoSuchKey")
						return
					}
					object(w, r, md5Tag, "0123456789")
					return
				}
				i, end := 0, last
				_, _ = fmt.Sscan(q.Get("continuation-token"), &i)
				if i+1 < len(tc.pages) {
					end = fmt.Sprintf("<IsTruncated>true</IsTruncated><NextContinuationToken>%d</NextContinuationToken>", i+1)
				}
				parts := []string{encoded, end}
				if q.Get("start-after") == "" {
					for _, k := range tc.pages[i] {
						parts = append(parts, contents(k))
					}
				} else {
					parts = []string{encoded, last}
				}
				says(listing(parts...))(w, r)
			})
			found, err := drain(t, b, store.Range{})
			var got []string
			for _, o := range found {
				got = append(got, o.Key)
			}
			want := tc.have
			if len(want) < len(got) {
				want = append([]string{"a b"}, want...)
			}
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("got %q, %v, want %q", got, err, want)
			}
		})
	}
}

func TestCheckTakesAServiceThatDoesNotEncode(t *testing.T) {
	b := fake(t, says(listing(last, encoded, "<StartAfter>"+probe+"</StartAfter>")))
	if err := b.Check(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestAnOddDateIsTroubleOfItsObjectAlone(t *testing.T) {
	for date, want := range map[string]string{
		"Mon, 06 May 2024 07:08:09 GMT": "2024-05-06T07:08:09Z", "2024-05-06 07:08:09": "2024-05-06T07:08:09Z", "2024-05-06T07:08:09+0800": "2024-05-05T23:08:09Z",
		"": "", "yesterday": "", "1715000000": "", "0001-01-01T00:00:00Z": "", "9999-12-31T23:59:59-01:00": "",
	} {
		t.Run(date, func(t *testing.T) {
			page := listing(last, contents("a"), strings.Replace(contents("b"), "2024-05-06T07:08:09.123Z", date, 1), contents("c"))
			found, err := drain(t, fake(t, says(page)), store.Range{})
			if err != nil || len(found) != 3 || len(found[0].Warnings)+len(found[2].Warnings) > 0 {
				t.Fatalf("got %+v, %v, want three objects, one odd", found, err)
			}
			got := ""
			if at := found[1].Modified; !at.IsZero() {
				got = at.Format(time.RFC3339)
			}
			if got != want || (want == "") != (len(found[1].Warnings) == 1) {
				t.Errorf("got %s with %q, want %s", got, found[1].Warnings, want)
			}
		})
	}
}

// TestWhatAnAnswerLeavesOutIsAsListed reads an object, and a range of it.
func TestWhatAnAnswerLeavesOutIsAsListed(t *testing.T) {
	at := time.Unix(1_700_000_000, 0).UTC()
	listed := store.Object{Key: "k", Size: 10, Hash: md5Tag, Modified: at}
	const chunks = "4\r\n0123\r\n6\r\n456789\r\n0\r\n\r\n"
	etag := `ETag: "` + md5Tag + `"`
	for name, tc := range map[string]struct {
		asked  store.Object
		off, n int64
		answer string
		want   string
		kind   fault.Kind
	}{
		"no Last-Modified":               {listed, 0, -1, odd.Answer(200, "0123456789", etag), "0123456789", ""},
		"one that cannot be read":        {listed, 0, -1, odd.Answer(200, "0123456789", etag, "Last-Modified: today"), "0123456789", ""},
		"no length":                      {listed, 0, -1, odd.Head(200, etag, "Transfer-Encoding: chunked") + chunks, "0123456789", ""},
		"no length, until it hangs up":   {listed, 0, -1, odd.Head(200, etag, "Connection: close") + "0123456789", "0123456789", ""},
		"no length, and it hangs up":     {listed, 0, -1, odd.Head(200, etag, "Connection: close") + "01234", "", fault.Temporary},
		"no ETag":                        {listed, 0, -1, odd.Answer(200, "0123456789"), "0123456789", ""},
		"no ETag and another length":     {listed, 0, -1, odd.Answer(200, "<html></html>"), "", fault.Temporary},
		"a range, Bytes":                 {listed, 2, 3, odd.Answer(206, "234", etag, "Content-Range: Bytes 2-4/10"), "234", ""},
		"a range of nobody knows what":   {listed, 2, 3, odd.Answer(206, "234", etag, "Content-Range: bytes 2-4/*"), "234", ""},
		"a range without Content-Range":  {listed, 2, 3, odd.Answer(206, "234", etag), "", fault.Corrupt},
		"another status of success":      {listed, 0, -1, odd.Answer(203, "0123456789", etag), "", fault.Temporary},
		"nothing known, and no length":   {store.Object{Key: "k"}, 0, -1, odd.Head(200, "Transfer-Encoding: chunked") + chunks, "0123456789", ""},
		"nothing known, until it closes": {store.Object{Key: "k"}, 0, -1, odd.Head(200, "Connection: close") + "0123456789", "", fault.Temporary},
	} {
		t.Run(name, func(t *testing.T) {
			b := misbehave(t, func(w *odd.Wire, r *http.Request) {
				w.Send(tc.answer)
				w.Hangup()
			})
			found, body, err := b.Open(t.Context(), tc.asked, tc.off, tc.n)
			got := ""
			if err == nil {
				var data []byte
				data, err = io.ReadAll(body)
				_ = body.Close()
				got = string(data)
			}
			if fault.KindOf(err) != tc.kind || err == nil && (got != tc.want || !found.Modified.Equal(tc.asked.Modified)) {
				t.Errorf("got %q of %+v, %v, want %q, %q", got, found, err, tc.want, tc.kind)
			}
		})
	}
}

func TestAHeadThatNamesNoSizeIsAskedOtherwise(t *testing.T) {
	b := misbehave(t, func(w *odd.Wire, r *http.Request) {
		if r.Method == http.MethodHead {
			w.Send(odd.Head(200, `ETag: "e"`, "Content-Encoding: br"))
			return
		}
		w.Send(odd.Answer(206, "0", `ETag: "e"`, "Content-Range: bytes 0-0/10", "Content-Encoding: br"))
	})
	if o, err := b.Stat(t.Context(), "k"); err != nil || o.Size != 10 || o.Hash != "e" || o.Header["Content-Encoding"] != "br" || len(o.Warnings) != 1 {
		t.Errorf("got %+v, %v, want 10 bytes, and a word on the date", o, err)
	}
}

func TestTheCodingOfAnUploadIsNotKept(t *testing.T) {
	for v, want := range map[string]string{"aws-chunked": "", "aws-chunked,gzip": "gzip", "gzip, aws-chunked": "gzip", "br": "br", "gzip,br": "gzip,br", "": ""} {
		b := fake(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", v)
			object(w, r, md5Tag, "0123456789")
		})
		if o, err := b.Stat(t.Context(), "k"); err != nil || o.Header["Content-Encoding"] != want {
			t.Errorf("%q is kept as %q, %v, want %q", v, o.Header["Content-Encoding"], err, want)
		}
	}
}

func TestMetadataThatDiffersByCaseIsNotLostInSilence(t *testing.T) {
	b := misbehave(t, func(w *odd.Wire, r *http.Request) {
		w.Send(odd.Head(200, `ETag: "e"`, "Content-Length: 3", "Last-Modified: Tue, 14 Nov 2023 22:13:20 GMT", "x-amz-meta-Owner: a", "x-amz-meta-owner: b", "x-amz-meta-same: c", "X-Amz-Meta-Same: c"))
	})
	if o, err := b.Stat(t.Context(), "k"); err != nil || len(o.Warnings) != 1 || !strings.Contains(o.Warnings[0], `"owner"`) {
		t.Errorf("got %+v, %v, want a word on owner alone", o, err)
	}
}

func TestMetadataThatHTTPRefusesIsKept(t *testing.T) {
	b := misbehave(t, func(w *odd.Wire, r *http.Request) {
		lines := []string{`ETag: "` + md5Tag + `"`, "Last-Modified: Tue, 14 Nov 2023 22:13:20 GMT", "X-Amz-Meta-ns/Width: 1", "x-amz-meta-my name: 2", "x-amz-meta-c: a\x01b", "no colon"}
		if r.Method == http.MethodHead {
			w.Send(odd.Head(200, append(lines, "Content-Length: 10")...))
			return
		}
		w.Send(odd.Answer(200, "0123456789", lines...))
	})
	want := map[string]string{"ns/width": "1", "my name": "2", "c": "a\x01b"}
	o, err := b.Stat(t.Context(), "k")
	if err != nil || !maps.Equal(o.Meta, want) || len(o.Warnings) != 3 {
		t.Errorf("Stat = %+v, %v, want %v and three warnings", o, err, want)
	}
	o, body, err := b.Open(t.Context(), o, 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(body)
	_ = body.Close()
	if err != nil || string(data) != "0123456789" || !maps.Equal(o.Meta, want) {
		t.Errorf("Open = %q of %+v, %v, want all of it and %v", data, o, err, want)
	}
}

func TestOneObjectThatIsRefusedRefusesNoRun(t *testing.T) {
	for name, tc := range map[string]struct {
		status  int
		methods string
		keys    []string // none: all
		kind    fault.Kind
	}{
		"none is refused":         {200, "", nil, ""},
		"the first is, with 403":  {403, "HEAD GET", []string{"k00"}, ""},
		"the first is, with 405":  {405, "HEAD GET", []string{"k00"}, ""},
		"every HEAD is, with 405": {405, "HEAD", nil, ""},
		"every HEAD is, with 501": {501, "HEAD", nil, ""},
		"all are":                 {403, "HEAD GET", nil, fault.Denied},
	} {
		t.Run(name, func(t *testing.T) {
			parts := []string{last, encoded, "<StartAfter>+%2B</StartAfter>"}
			for i := range 40 {
				parts = append(parts, contents(fmt.Sprintf("k%02d", i)))
			}
			b := fake(t, func(w http.ResponseWriter, r *http.Request) {
				switch {
				case r.URL.Query().Has("list-type"):
					says(listing(parts...))(w, r)
				case strings.Contains(tc.methods, r.Method) && (tc.keys == nil || slices.Contains(tc.keys, strings.TrimPrefix(r.URL.Path, "/b/"))):
					refuse(w, r, tc.status, "AccessDenied")
				default:
					object(w, r, md5Tag, "0123456789")
				}
			})
			if err := b.Check(t.Context()); fault.KindOf(err) != tc.kind || err != nil && !strings.Contains(err.Error(), `"k00"`) {
				t.Errorf("got %v, want kind %q, and the key where it is refused", err, tc.kind)
			}
		})
	}
}

func TestARefusalThatCameCompressedIsRead(t *testing.T) {
	var packed strings.Builder
	z := gzip.NewWriter(&packed)
	_, err := io.WriteString(z, "<Error><Code>NoSuchKey</Code><Message>it is gone</Message></Error>")
	if err := errors.Join(err, z.Close()); err != nil {
		t.Fatal(err)
	}
	b := misbehave(t, func(w *odd.Wire, r *http.Request) {
		if r.Method == http.MethodHead {
			w.Send(odd.Head(404))
			w.Hangup()
			return
		}
		w.Send(odd.Answer(404, packed.String(), "Content-Encoding: gzip"))
	})
	if _, err := b.Stat(t.Context(), "k"); fault.KindOf(err) != fault.NotFound || !strings.Contains(err.Error(), "it is gone") {
		t.Errorf("got %v, want it NotFound, as the service says", err)
	}
}
