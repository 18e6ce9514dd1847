package oss

import (
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"kodoferry/shared/fault"
	"kodoferry/shared/store"
)

func TestBeginSendsAttributesAndReturnsTheUpload(t *testing.T) {
	rec := &recorder{answer: func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("<InitiateMultipartUploadResult><Bucket>bucket</Bucket><Key>k</Key><UploadId>U1</UploadId></InitiateMultipartUploadResult>"))
	}}
	got, warnings, err := serve(t, rec.ServeHTTP).Begin(t.Context(), store.Object{Key: "k", Type: "text/plain", Class: store.Infrequent, Meta: map[string]string{"a": "b", "large": strings.Repeat("x", 9000)}})
	if err != nil || got != "U1" || len(warnings) != 1 {
		t.Errorf("got %q, warnings %q, %v, want U1 and a word on what OSS does not hold", got, warnings, err)
	}
	r := rec.one(t)
	if r.method != "POST" || !strings.Contains(r.query, "uploads") || r.header.Get("Content-Type") != "text/plain" ||
		r.header.Get("X-Oss-Storage-Class") != "IA" || r.header.Get("X-Oss-Meta-A") != "b" {
		t.Errorf("got %+v, want a POST ?uploads with the attributes", r)
	}
}

func TestPutPart(t *testing.T) {
	for name, size := range map[string]int{"small": 10, "big": 2 << 20, "empty": 0} {
		t.Run(name, func(t *testing.T) {
			rec := &recorder{answer: stored}
			want := strings.Repeat("p", size)
			got, err := serve(t, rec.ServeHTTP).PutPart(t.Context(), "k", "U1", 7, strings.NewReader(want+"the next part"), int64(size))
			if err != nil || got != (store.Part{Number: 7, Size: int64(size), ETag: "ABC", CRC64: "17"}) {
				t.Errorf("got %+v, %v", got, err)
			}
			r := rec.one(t)
			if r.query != "partNumber=7&uploadId=U1" || r.body != want || r.length != int64(size) || (r.header.Get("Content-Md5") != "") != (size <= 1<<20) {
				t.Errorf("got %s with %d bytes and MD5 %q", r.query, len(r.body), r.header.Get("Content-Md5"))
			}
		})
	}
}

func TestPartNumbersAreBounded(t *testing.T) {
	b := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("got a request, want none") })
	for _, n := range []int{0, 10_001} {
		_, err := b.PutPart(t.Context(), "k", "U1", n, strings.NewReader("x"), 1)
		wantKind(t, fmt.Sprint("part ", n), err, fault.Invalid)
	}
}

func TestPartsReadsEveryPage(t *testing.T) {
	rec := &recorder{answer: func(w http.ResponseWriter, r *http.Request) {
		page := `<ListPartsResult><NextPartNumberMarker>2</NextPartNumberMarker><IsTruncated>true</IsTruncated>` +
			`<Part><PartNumber>2</PartNumber><ETag>"B"</ETag><Size>5</Size><HashCrc64ecma>9</HashCrc64ecma></Part><Part><PartNumber>1</PartNumber><ETag>"A"</ETag><Size>6</Size></Part></ListPartsResult>`
		if r.URL.Query().Get("part-number-marker") == "2" {
			page = `<ListPartsResult><IsTruncated>false</IsTruncated><Part><PartNumber>3</PartNumber><ETag>&quot;C&quot;</ETag><Size>4</Size></Part></ListPartsResult>`
		}
		_, _ = w.Write([]byte(page))
	}}
	got, err := serve(t, rec.ServeHTTP).Parts(t.Context(), "k", "U1")
	want := []store.Part{{Number: 1, Size: 6, ETag: "A"}, {Number: 2, Size: 5, ETag: "B", CRC64: "9"}, {Number: 3, Size: 4, ETag: "C"}}
	if err != nil || !reflect.DeepEqual(got, want) || len(rec.all()) != 2 {
		t.Errorf("got %+v, %v in %d requests, want %+v in 2", got, err, len(rec.all()), want)
	}
}

func TestPartsThatGoInACircleEnd(t *testing.T) {
	b := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("<ListPartsResult><NextPartNumberMarker>2</NextPartNumberMarker><IsTruncated>true</IsTruncated></ListPartsResult>"))
	})
	_, err := b.Parts(t.Context(), "k", "U1")
	wantKind(t, "Parts", err, fault.Unknown)
}

func TestFinishNamesThePartsInOrder(t *testing.T) {
	rec := &recorder{answer: func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("x-oss-hash-crc64ecma", "99")
		_, _ = w.Write([]byte(`<CompleteMultipartUploadResult><ETag>"E-2"</ETag></CompleteMultipartUploadResult>`))
	}}
	got, err := serve(t, rec.ServeHTTP).Finish(t.Context(), "k", "U1", []store.Part{{Number: 2, ETag: "B"}, {Number: 1, ETag: "A<"}}, store.Put{IfAbsent: true})
	if err != nil || got.ETag != "E-2" || got.CRC64 != "99" {
		t.Errorf("got %+v, %v", got, err)
	}
	r := rec.one(t)
	want := `<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>"A&lt;"</ETag></Part><Part><PartNumber>2</PartNumber><ETag>"B"</ETag></Part></CompleteMultipartUpload>`
	if r.body != want || r.chunked || r.header.Get("X-Oss-Forbid-Overwrite") != "true" {
		t.Errorf("got %q, %v, want %q", r.body, r.header, want)
	}
}

func TestFinishFails(t *testing.T) {
	parts := []store.Part{{Number: 1, ETag: "A"}}
	for name, tc := range map[string]struct {
		answer http.HandlerFunc
		parts  []store.Part
		kind   fault.Kind
	}{
		"a part was replaced":     {refuse(400, "InvalidPart", ""), parts, fault.Invalid},
		"the upload is gone":      {refuse(404, "NoSuchUpload", ""), parts, fault.NotFound},
		"the object exists":       {refuse(409, "FileAlreadyExists", ""), parts, fault.Changed},
		"an error in a 200":       {refuse(200, "InternalError", ""), parts, fault.Temporary},
		"an answer of trash":      {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<")) }, parts, fault.Temporary},
		"no parts":                {refuse(500, "", ""), nil, fault.Invalid},
		"a part is named twice":   {refuse(500, "", ""), append(parts, parts...), fault.Invalid},
		"a part without a number": {refuse(500, "", ""), []store.Part{{ETag: "A"}}, fault.Invalid},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := serve(t, tc.answer).Finish(t.Context(), "k", "U1", tc.parts, store.Put{})
			wantKind(t, "Finish", err, tc.kind)
		})
	}
}

func TestAbort(t *testing.T) {
	answered(t, "Abort", map[string]ending{
		"under way": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }, ""},
		"gone":      {refuse(404, "NoSuchUpload", ""), ""},
		"no bucket": {refuse(404, "NoSuchBucket", ""), fault.NotFound},
	}, func(b *Bucket) error { return b.Abort(t.Context(), "k", "U1") })
}
