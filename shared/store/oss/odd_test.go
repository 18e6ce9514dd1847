package oss

import (
	"net/http"
	"strings"
	"testing"

	"kodoferry/shared/emulator/odd"
	"kodoferry/shared/fault"
	"kodoferry/shared/store"
)

// misbehave is a bucket whose service answers with whatever bytes.
func misbehave(t *testing.T, serve func(w *odd.Wire, r *http.Request)) *Bucket {
	t.Helper()
	return openedAt(t, odd.Serve(t, serve).URL)
}

func TestAnAnswerThatIsNotTheDocumentSaysNothing(t *testing.T) {
	asks := map[string]func(*testing.T, *Bucket) error{
		"list": func(t *testing.T, b *Bucket) error {
			for _, err := range b.List(t.Context(), store.Range{}) {
				return err
			}
			return nil
		},
		"parts": func(t *testing.T, b *Bucket) error { _, err := b.Parts(t.Context(), "k", "U"); return err },
		"begin": func(t *testing.T, b *Bucket) error {
			_, _, err := b.Begin(t.Context(), store.Object{Key: "k"})
			return err
		},
		"versioned": func(t *testing.T, b *Bucket) error { _, err := b.Versioned(t.Context()); return err },
		"retention": func(t *testing.T, b *Bucket) error { _, err := b.Retention(t.Context()); return err },
		"finish": func(t *testing.T, b *Bucket) error {
			_, err := b.Finish(t.Context(), "k", "U", []store.Part{{Number: 1, ETag: "A"}}, store.Put{})
			return err
		},
		"put": func(t *testing.T, b *Bucket) error {
			_, err := b.Put(t.Context(), store.Object{Key: "k", Size: 1}, strings.NewReader("x"), store.Put{})
			return err
		},
		"part": func(t *testing.T, b *Bucket) error {
			_, err := b.PutPart(t.Context(), "k", "U", 1, strings.NewReader("x"), 1)
			return err
		},
		"stat": func(t *testing.T, b *Bucket) error { _, err := b.Stat(t.Context(), "k"); return err },
	}
	more := map[string]string{
		"parts, neither more nor the end":   odd.Answer(200, "<ListPartsResult></ListPartsResult>"),
		"parts, one without a number":       odd.Answer(200, "<ListPartsResult><IsTruncated>false</IsTruncated><Part><ETag>A</ETag></Part></ListPartsResult>"),
		"parts, one without an ETag":        odd.Answer(200, "<ListPartsResult><IsTruncated>false</IsTruncated><Part><PartNumber>1</PartNumber></Part></ListPartsResult>"),
		"begin, no upload":                  odd.Answer(200, "<InitiateMultipartUploadResult/>"),
		"finish, no ETag":                   odd.Answer(200, "<CompleteMultipartUploadResult/>"),
		"retention, no state":               odd.Answer(200, "<WormConfiguration/>"),
		"list, a page that leads to itself": odd.Answer(200, string(pageXML(true, "", contentXML("a")))),
	}
	for name := range asks {
		for of, answer := range map[string]string{
			"nothing":          odd.Answer(200, ""),
			"JSON":             odd.Answer(200, "{}"),
			"HTML":             odd.Answer(200, "<html><body>log in</body></html>", "Content-Type: text/html"),
			"another document": odd.Answer(200, "<ListBucketsResult><IsTruncated>false</IsTruncated><UploadId>U</UploadId><ETag>E</ETag><State>Locked</State></ListBucketsResult>"),
			"cut on the wire":  odd.Head(200, "Content-Length: 900") + "<ListBucketResult>",
			"gzip that breaks": odd.Answer(200, "\x1f\x8b\x08garbage"),
		} {
			if name != "stat" || of != "cut on the wire" { // a HEAD has no document
				more[name+", "+of] = answer
			}
		}
	}
	for name, answer := range more {
		t.Run(name, func(t *testing.T) {
			ask, _, _ := strings.Cut(name, ",")
			b := misbehave(t, func(w *odd.Wire, r *http.Request) {
				if r.Method == http.MethodHead {
					answer, _, _ = strings.Cut(answer, "\r\n\r\n")
					answer += "\r\n\r\n"
				}
				w.Send(answer)
				w.Hangup()
			})
			if err := asks[ask](t, b); fault.KindOf(err) != fault.Temporary {
				t.Errorf("got %v, want it Temporary", err)
			}
		})
	}
}

func TestADocumentHasALimit(t *testing.T) {
	b := misbehave(t, func(w *odd.Wire, r *http.Request) {
		w.Send(odd.Head(200, "Connection: close"))
		for line := "<!-- " + strings.Repeat("x", 1<<20); ; {
			if _, err := w.Write([]byte(line)); err != nil {
				w.Hangup()
				return
			}
		}
	})
	for _, err := range b.List(t.Context(), store.Range{}) {
		if fault.KindOf(err) != fault.Invalid {
			t.Errorf("got %v, want it Invalid", err)
		}
	}
}

func TestAnOddTimeIsTroubleOfItsObjectAlone(t *testing.T) {
	for _, at := range []string{"", "today", "2021-02-29T00:00:00.000Z", "9999-12-31T23:59:59-01:00"} {
		p, err := parsePage(pageXML(false, "", contentXML("a"), strings.Replace(contentXML("b"), "2020-05-18T05:45:54.000Z", at, 1), contentXML("c")))
		if err != nil || len(p.objects) != 3 || !p.objects[1].Modified.IsZero() || len(p.objects[1].Warnings) != 1 || len(p.objects[2].Warnings) != 0 {
			t.Errorf("%q: got %+v, %v, want three objects, the second with a warning and without a time", at, p, err)
		}
	}
}

func TestAFileNameIsKeptAsBrowsersReadIt(t *testing.T) {
	const name = "filename*=utf-8''%E4%B8%AD%E6%96%87.txt"
	for v, want := range map[string]string{
		"attachment; filename=中文.txt":                   "attachment; " + name,
		"attachment;filename= 中文.txt ":                  "attachment; " + name,
		`attachment; filename="中文.txt"`:                 "attachment; " + name,
		"inline; filename=中 文(1).txt":                   "inline; filename*=utf-8''%E4%B8%AD%20%E6%96%87%281%29.txt",
		"attachment; filename=中文.txt; size=3":           "attachment; " + name + "; size=3",
		"attachment; filename=x中.txt; " + name:          "attachment; " + name,
		"attachment; filename=中; filename*=GBK''%D6%D0": "",
		"attachment; filename=\xd6\xd0.txt":             "",
		"a b; filename=中文.txt":                          "",
	} {
		h, warnings, err := attributes(store.Object{Key: "k", Header: map[string]string{"Content-Disposition": v}})
		if got := strings.Join(h.all["Content-Disposition"], ""); err != nil || got != want || len(warnings) != 1 {
			t.Errorf("%q: got %q, %q, %v, want %q and one warning", v, got, warnings, err, want)
		}
	}
}

func TestAClassWithoutATwinNamesTheCure(t *testing.T) {
	b := misbehave(t, func(*odd.Wire, *http.Request) { t.Error("a request was made") })
	_, err := b.Put(t.Context(), store.Object{Key: "k", Class: "snow_ball"}, nil, store.Put{})
	if fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), "--class") {
		t.Errorf("got %v, want it Invalid, and the cure", err)
	}
}

func TestTheEndOfAListingIsAskedForTwiceWhereAsked(t *testing.T) {
	for recheck, want := range map[bool]string{false: "ab", true: "abcd"} {
		b := misbehave(t, func(w *odd.Wire, r *http.Request) {
			if r.URL.Query().Get("start-after") < "b" {
				w.Send(odd.Answer(200, string(pageXML(false, "", contentXML("a"), contentXML("b")))))
				return
			}
			if r.URL.Query().Get("start-after") < "d" {
				w.Send(odd.Answer(200, string(pageXML(false, "", contentXML("c"), contentXML("d")))))
				return
			}
			w.Send(odd.Answer(200, string(pageXML(false, ""))))
		})
		b.recheck = recheck
		got := ""
		for o, err := range b.List(t.Context(), store.Range{}) {
			if err != nil {
				t.Fatal(err)
			}
			got += o.Key
		}
		if got != want {
			t.Errorf("recheck %v: listed %s, want %s", recheck, got, want)
		}
	}
}

// TestAnswersMayNameAKeyThatXMLCannotCarry has every answer repeat the key, as OSS's do. Its
// listings encode keys.
func TestAnswersMayNameAKeyThatXMLCannotCarry(t *testing.T) {
	const key = "<Key>a&#x3;b\x01</Key>"
	b := misbehave(t, func(w *odd.Wire, r *http.Request) {
		switch q := r.URL.Query(); {
		case q.Has("uploads"):
			w.Send(odd.Answer(200, "<InitiateMultipartUploadResult>"+key+"<UploadId>U</UploadId></InitiateMultipartUploadResult>"))
		case q.Has("uploadId"):
			w.Send(odd.Answer(200, "<ListPartsResult>"+key+"<UploadId>U</UploadId><IsTruncated>false</IsTruncated></ListPartsResult>"))
		default:
			w.Send(odd.Answer(404, "<Error><Code>NoSuchKey</Code>"+key+"</Error>"))
		}
		w.Hangup()
	})
	if id, _, err := b.Begin(t.Context(), store.Object{Key: "a\x03b\x01"}); err != nil || id != "U" {
		t.Errorf("Begin = %q, %v, want U", id, err)
	}
	if parts, err := b.Parts(t.Context(), "a\x03b\x01", "U"); err != nil || len(parts) != 0 {
		t.Errorf("Parts = %v, %v, want none", parts, err)
	}
	if _, _, err := b.Open(t.Context(), store.Object{Key: "a\x03b\x01"}, 0, -1); fault.KindOf(err) != fault.NotFound {
		t.Errorf("Open: %v, want NotFound", err)
	}
}
