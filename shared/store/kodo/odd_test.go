package kodo

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"kodoferry/shared/emulator/odd"
	"kodoferry/shared/emulator/opentest"
	"kodoferry/shared/fault"
	"kodoferry/shared/store"
)

// misbehave is a bucket whose API and download host answer with these bytes.
func misbehave(t testing.TB, serve func(w *odd.Wire, r *http.Request)) (*odd.Server, *Bucket) {
	t.Helper()
	s := odd.Serve(t, serve)
	return s, opentest.Bucket(t, Open, Config{Bucket: "b", Endpoint: s.URL, Domain: s.URL, Insecure: true, AccessKey: "ak", SecretKey: "sk"})
}

// notDocuments are answers of status 200 that are no document of Kodo's.
var notDocuments = map[string]string{
	"an empty object":     odd.Answer(200, `{}`),
	"nothing":             odd.Answer(200, ``),
	"null":                odd.Answer(200, `null`),
	"a list of numbers":   odd.Answer(200, `[1]`),
	"a text":              odd.Answer(200, `"ok"`),
	"HTML":                odd.Answer(200, `<html><body>log in</body></html>`, "Content-Type: text/html"),
	"an error":            odd.Answer(200, `{"error":"no such thing","items":[],"hosts":[],"times":[],"datas":[],"fsize":1,"hash":"h"}`),
	"an error with data":  odd.Answer(200, `{"code":599,"error":"busy","marker":"","items":null,"hosts":[{"rs":{},"rsf":{}}],"times":[1],"datas":[1],"fsize":1,"putTime":17000000000000000}`),
	"cut short":           odd.Answer(200, `{"items":[{"key":"a","fsi`),
	"cut on the wire":     odd.Head(200, "Content-Length: 400") + `{"items":[`,
	"of wrong types":      odd.Answer(200, `{"items":{},"hosts":{},"times":"1","datas":1,"fsize":"1","hash":"h"}`),
	"gzip that is broken": odd.Answer(200, "\x1f\x8b\x08garbage", "Content-Encoding: gzip"),
	"packed unheard of":   odd.Answer(200, `{"items":[]}`, "Content-Encoding: br"),
}

func TestAnAnswerThatIsNotTheDocumentSaysNothing(t *testing.T) {
	asks := map[string]func(*testing.T, *Bucket) error{
		"list":   func(t *testing.T, b *Bucket) error { _, err := drain(t, b, store.Range{}); return err },
		"stat":   func(t *testing.T, b *Bucket) error { _, err := b.Stat(t.Context(), "k"); return err },
		"usage":  func(t *testing.T, b *Bucket) error { _, err := b.Usage(t.Context()); return err },
		"rules":  func(t *testing.T, b *Bucket) error { _, err := b.Rules(t.Context()); return err },
		"region": func(t *testing.T, b *Bucket) error { _, err := b.query(t.Context(), 0); return err },
		"thaw": func(t *testing.T, b *Bucket) error {
			return b.askSome(t.Context(), []store.Object{{Key: "a"}}, []int{0})
		},
	}
	more := map[string]string{
		"list, an item without a size": odd.Answer(200, `{"items":[{"key":"a"}]}`),
		"list, a marker of a number":   odd.Answer(200, `{"marker":1,"items":[]}`),
		"stat, a hash alone":           odd.Answer(200, `{"hash":"h"}`),
		"stat, a size alone":           odd.Answer(200, `{"fsize":0}`),
		"region, one without hosts":    odd.Answer(200, `{"hosts":[{}]}`),
		"region, null":                 odd.Answer(200, `{"hosts":null}`),
		"usage, one figure too few":    odd.Answer(200, `{"times":[1,2],"datas":[1]}`),
		"rules, one without a name":    odd.Answer(200, `[{}]`),
		"thaw, an answer of nothing":   odd.Answer(200, `[{}]`),
		"thaw, success without data":   odd.Answer(200, `[{"code":200}]`),
		"thaw, success and an error":   odd.Answer(200, `[{"code":200,"data":{"error":"no"}}]`),
	}
	for name, ask := range asks {
		for of, answer := range notDocuments {
			if !(name == "rules" && of == "null") { // none
				more[name+", "+of] = answer
			}
		}
		_ = ask
	}
	for name, answer := range more {
		t.Run(name, func(t *testing.T) {
			_, b := misbehave(t, func(w *odd.Wire, r *http.Request) {
				w.Send(answer)
				w.Hangup()
			})
			ask, _, _ := strings.Cut(name, ",")
			if err := asks[ask](t, b); fault.KindOf(err) != fault.Temporary {
				t.Errorf("got %v, want it Temporary", err)
			}
		})
	}
}

func TestASecondPageThatIsNoneEndsNoListing(t *testing.T) {
	for name, answer := range notDocuments {
		t.Run(name, func(t *testing.T) {
			_, b := misbehave(t, func(w *odd.Wire, r *http.Request) {
				if r.URL.Query().Get("marker") == "" {
					w.Send(odd.Answer(200, string(pageJSON("m", itemJSON("a")))))
					return
				}
				w.Send(answer)
				w.Hangup()
			})
			keys, err := drain(t, b, store.Range{})
			if fault.KindOf(err) != fault.Temporary || !slices.Equal(keys, []string{"a"}) {
				t.Errorf("got %q, %v, want a and a Temporary error", keys, err)
			}
		})
	}
}

func TestAPageIsUnpackedThatNobodyAskedToPack(t *testing.T) {
	packed := gzipped(t, pageJSON("", itemJSON("a")))
	for name, lines := range map[string][]string{"and says so": {"Content-Encoding: gzip"}, "and does not say so": nil} {
		t.Run(name, func(t *testing.T) {
			_, b := misbehave(t, func(w *odd.Wire, r *http.Request) {
				if r.URL.Query().Get("marker") == "" {
					w.Send(odd.Answer(200, packed, lines...))
					return
				}
				w.Send(odd.Answer(200, gzipped(t, pageJSON("")), lines...))
			})
			if keys, err := drain(t, b, store.Range{}); err != nil || !slices.Equal(keys, []string{"a"}) {
				t.Errorf("got %q, %v, want a", keys, err)
			}
		})
	}
}

// TestOddFieldsAreTroubleOfTheirObjectAlone has an odd object between two good ones.
func TestOddFieldsAreTroubleOfTheirObjectAlone(t *testing.T) {
	for name, tc := range map[string]struct {
		from, to, says string
		dated          bool
	}{
		"a time at the end of all":      {"15895275540000001", "9223372036854775807", "putTime 9223372036854775807", false},
		"a time beyond it":              {"15895275540000001", "92233720368547758070", "putTime 92233720368547758070", false},
		"a time before 1970":            {"15895275540000001", "-15895275540000001", "putTime -", false},
		"no time":                       {`"putTime":15895275540000001,`, "", "putTime 0", false},
		"the time 0":                    {"15895275540000001", "0", "putTime 0", false},
		"a time in seconds":             {"15895275540000001", "1589527554", "putTime 1589527554", false},
		"a time in milliseconds":        {"15895275540000001", "1589527554000", "putTime 1589527554000", false},
		"a time in nanoseconds":         {"15895275540000001", "1589527554000000100", "putTime 1589527554000000100", false},
		"a time of text":                {"15895275540000001", `"2020-05-15"`, `putTime "2020-05-15"`, false},
		"a time with a fraction":        {"15895275540000001", "1589527554.5", "putTime 1589527554.5", false},
		"a time that is an object":      {"15895275540000001", `{"$date":1}`, "putTime {", false},
		"a class that is new":           {`"type":0`, `"type":9`, "type 9", true},
		"metadata that differs by case": {`"type":0`, `"type":0,"x-qn-meta":{"Owner":"a","owner":"b"}`, `"owner"`, true},
		"headers that differ by case":   {`"type":0`, `"type":0,"x-qn-meta":{"!cache-control":"a","!Cache-Control":"b"}`, `"Cache-Control"`, true},
		"metadata that says the same":   {`"type":0`, `"type":0,"x-qn-meta":{"Owner":"a","owner":"a"}`, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			page := pageJSON("", itemJSON("a"), strings.Replace(itemJSON("b"), tc.from, tc.to, 1), itemJSON("c"))
			b := fake(t, pages(map[string][]byte{"": page}))
			var all []store.Object
			for o, err := range b.List(t.Context(), store.Range{}) {
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, o)
			}
			if len(all) != 3 || len(all[0].Warnings)+len(all[2].Warnings) > 0 {
				t.Fatalf("got %+v, want three objects, one odd", all)
			}
			warnings := fmt.Sprint(all[1].Warnings)
			if (tc.says == "") != (len(all[1].Warnings) == 0) || !strings.Contains(warnings, tc.says) || tc.dated == all[1].Modified.IsZero() {
				t.Errorf("got %s, dated %s, want it to say %s", warnings, all[1].Modified, tc.says)
			}
			if _, err := all[1].Modified.MarshalText(); err != nil {
				t.Errorf("%s cannot be written: %v", all[1].Modified, err)
			}
		})
	}
}

func TestAnEarlyEndIsNoticed(t *testing.T) {
	all := []string{"a", "b", "c", "d"}
	_, b := misbehave(t, func(w *odd.Wire, r *http.Request) {
		i := 0
		for i < len(all) && r.URL.Query().Get("marker") >= startMarker(all[i]) && r.URL.Query().Get("marker") != "" {
			i++
		}
		var items []string
		for _, k := range all[i:min(i+2, len(all))] {
			items = append(items, itemJSON(k))
		}
		w.Send(odd.Answer(200, string(pageJSON("", items...)))) // never a marker
	})
	if keys, err := drain(t, b, store.Range{}); err != nil || !slices.Equal(keys, all) {
		t.Errorf("got %q, %v, want %q", keys, err, all)
	}
}

func gzipped(t testing.TB, data []byte) string {
	t.Helper()
	var out strings.Builder
	w := gzip.NewWriter(&out)
	_, err := w.Write(data)
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestAKeyThatIsNoTextIsToldAsThat(t *testing.T) {
	for name, key := range map[string]string{"bytes that are not UTF-8": "\"\xff\xfe\"", "half a pair of surrogates": `"\ud83d"`} {
		t.Run(name, func(t *testing.T) {
			b := fake(t, pages(map[string][]byte{"": []byte(strings.Replace(string(pageJSON("", itemJSON("k"))), `"k"`, key, 1))}))
			_, err := drain(t, b, store.Range{})
			check := b.Check(t.Context())
			for _, err := range []error{err, check} {
				if err == nil || !strings.Contains(err.Error(), "not UTF-8") || strings.Contains(err.Error(), "not Kodo") {
					t.Errorf("got %v, want it to say that a key is not UTF-8", err)
				}
			}
		})
	}
}

// TestAHeadThatNetHTTPRefusesDoesNotKeepAnObject reads all of an object, a range,
// and asks for its head.
func TestAHeadThatNetHTTPRefusesDoesNotKeepAnObject(t *testing.T) {
	for name, line := range map[string]string{
		"a slash in a name of metadata": "X-Qn-Meta-v1.ns/width: 1", "a name beyond ASCII": "X-Qn-Meta-größe: 1", "no colon": "what is this",
		"a zero byte in a value": "X-Qn-Meta-a: 1\x002", "a header of nobody's": "(comment): x", "a type with a control character": "Content-Type: image/\x01png",
	} {
		t.Run(name, func(t *testing.T) {
			hash := `ETag: "FhHNuuv8GdpLpXHEvXJDUlJxtVCW"`
			_, b := misbehave(t, func(w *odd.Wire, r *http.Request) {
				switch {
				case r.Method == http.MethodHead:
					w.Send(odd.Head(200, line, hash, "Content-Length: 10"))
				case r.Header.Get("Range") != "":
					w.Send(odd.Answer(206, "234", line, hash, "Content-Range: Bytes 2-4/10"))
				default:
					w.Send(odd.Answer(200, "0123456789", hash, line))
				}
			})
			asked := store.Object{Key: "k", Size: 10, Hash: "FhHNuuv8GdpLpXHEvXJDUlJxtVCW"}
			for _, part := range []struct {
				off, n int64
				want   string
			}{{0, -1, "0123456789"}, {2, 3, "234"}, {0, 0, ""}} {
				o, body, err := b.Open(t.Context(), asked, part.off, part.n)
				if err != nil {
					t.Fatal(err)
				}
				data, err := io.ReadAll(body)
				_ = body.Close()
				if err != nil || string(data) != part.want || len(o.Warnings) == 0 {
					t.Errorf("got %q, %v with warnings %q, want %q and a word on the line", data, err, o.Warnings, part.want)
				}
			}
		})
	}
}

// TestADownloadHostThatServesAnotherIsToldFromAChange has the bucket's API say
// what it has, and a download host that answers as it likes.
func TestADownloadHostThatServesAnotherIsToldFromAChange(t *testing.T) {
	const hash, old = "FhHNuuv8GdpLpXHEvXJDUlJxtVCW", "FhOldOldOldOldOldOldOldOldOl"
	etag := `ETag: "` + hash + `"`
	chunks := "a\r\n0123456789\r\n0\r\n\r\n"
	stale := map[string]string{
		"an old body with its old ETag":      odd.Answer(200, "old", `ETag: "`+old+`"`),
		"an old body of the same length":     odd.Answer(200, "9876543210", `ETag: "`+old+`"`),
		"HTML":                               odd.Answer(200, "<html><body>log in</body></html>", "Content-Type: text/html"),
		"HTML of no length":                  odd.Head(200, "Content-Type: text/html; charset=utf-8", "Transfer-Encoding: chunked") + chunks,
		"length 0":                           odd.Answer(200, "", etag),
		"length 0 of no hash":                odd.Answer(200, ""),
		"gzip unasked":                       odd.Answer(200, gzipped(t, []byte("0123456789")), etag, "Content-Encoding: gzip"),
		"gzip unasked, of no length":         odd.Head(200, etag, "Content-Encoding: gzip", "Transfer-Encoding: chunked") + chunks,
		"gzip unasked, of a tag of its own":  odd.Head(200, `ETag: W/"5e3f"`, "Content-Encoding: gzip", "Transfer-Encoding: chunked") + chunks,
		"a range of an old body":             odd.Answer(206, "01", `ETag: "`+old+`"`, "Content-Range: bytes 0-1/3"),
		"a range of an old body, of no hash": odd.Answer(206, "01", "Content-Range: bytes 0-1/3"),
	}
	has := `{"hash":"` + hash + `","fsize":10,"putTime":17000000000000000}`
	for name, answer := range stale {
		for bucket, tc := range map[string]struct {
			stat string
			kind fault.Kind
			gets int
		}{
			"which the bucket still has":         {has, fault.Invalid, 3},
			"which the bucket has as that":       {strings.Replace(has, hash, old, 1), "", 1},
			"of which the bucket will not speak": {`{}`, "", 1},
			"which is right the second time":     {has, "fine", 2},
		} {
			t.Run(name+", "+bucket, func(t *testing.T) {
				var calls tally
				_, b := misbehave(t, func(w *odd.Wire, r *http.Request) {
					switch {
					case strings.HasPrefix(r.URL.Path, "/stat/"):
						w.Send(odd.Answer(200, tc.stat))
					case calls.add("get") > 1 && tc.kind == "fine":
						w.Send(map[bool]string{true: odd.Answer(206, "01", etag, "Content-Range: bytes 0-1/10"), false: odd.Answer(200, "0123456789", etag)}[r.Header.Get("Range") != ""])
					default:
						w.Send(answer)
						w.Hangup()
					}
				})
				n := int64(-1)
				if strings.HasPrefix(name, "a range") {
					n = 2
				}
				_, body, err := b.Open(t.Context(), store.Object{Key: "k", Size: 10, Hash: hash, Type: "image/png"}, 0, n)
				if err == nil {
					_ = body.Close()
				}
				kind := fault.KindOf(err)
				switch tc.kind {
				case "fine":
					if err != nil {
						t.Errorf("got %v, want the object", err)
					}
				case "":
					if kind != fault.Changed && kind != fault.Corrupt {
						t.Errorf("got %v, want it Changed, or Corrupt", err)
					}
				default:
					if kind != tc.kind || !strings.Contains(err.Error(), "the bucket has it, the download host serves another: refresh its cache, or leave out domain=") {
						t.Errorf("got %v, want %s and the cure", err, tc.kind)
					}
				}
				if calls.of("get") != tc.gets {
					t.Errorf("%d downloads, want %d", calls.of("get"), tc.gets)
				}
			})
		}
	}
}

func TestOneObjectThatIsRefusedRefusesNoRun(t *testing.T) {
	refusing := func(status int, methods string, keys ...string) func(r *http.Request) string {
		return func(r *http.Request) string {
			key := strings.TrimPrefix(r.URL.Path, "/")
			if strings.Contains(methods, r.Method) && (len(keys) == 0 || slices.Contains(keys, key)) {
				return odd.Head(status, "Content-Length: 0")
			}
			if r.Method == http.MethodHead {
				return odd.Head(200, "Content-Length: 10")
			}
			return odd.Answer(206, "0", "Content-Range: bytes 0-0/10")
		}
	}
	for name, tc := range map[string]struct {
		answer func(r *http.Request) string
		kind   fault.Kind
		most   int // requests
	}{
		"none is refused":            {refusing(200, ""), "", 1},
		"the first is, with 403":     {refusing(403, "HEAD GET", "k00"), "", 3},
		"the first is, with 405":     {refusing(405, "HEAD GET", "k00"), "", 3},
		"the first is not there":     {refusing(404, "HEAD GET", "k00"), "", 2},
		"every HEAD is, with 405":    {refusing(405, "HEAD"), "", 2},
		"every HEAD is, with 403":    {refusing(403, "HEAD"), "", 2},
		"a line of the head is none": {func(*http.Request) string { return odd.Head(200, "a/b: c", "Content-Length: 10") }, "", 1},
		"all are":                    {refusing(403, "HEAD GET"), fault.Denied, 10},
		"none is there":              {refusing(404, "HEAD GET"), fault.Invalid, 5},
		"the whole host fails":       {func(*http.Request) string { return "nonsense\r\n\r\n" }, fault.Temporary, 1},
	} {
		t.Run(name, func(t *testing.T) {
			var items []string
			for i := range 40 {
				items = append(items, itemJSON(fmt.Sprintf("k%02d", i)))
			}
			var calls tally
			_, b := misbehave(t, func(w *odd.Wire, r *http.Request) {
				if r.URL.Path == "/list" {
					w.Send(odd.Answer(200, string(pageJSON("", items...))))
					return
				}
				calls.add("sample")
				w.Send(tc.answer(r))
			})
			err := b.Check(t.Context())
			if fault.KindOf(err) != tc.kind || calls.of("sample") > tc.most || err != nil && tc.most > 1 && !strings.Contains(err.Error(), `"k00"`) {
				t.Errorf("got %v after %d requests, want %q after %d at most", err, calls.of("sample"), tc.kind, tc.most)
			}
		})
	}
}
