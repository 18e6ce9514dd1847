package kodo_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/qiniu/go-sdk/v7/storage"

	"kodoferry/shared/digest"
	"kodoferry/shared/emulator/kodo"
)

// form uploads body as a browser does.
func (w *world) form(fields url.Values, body, mime string) (*http.Response, string) {
	w.t.Helper()
	var buf bytes.Buffer
	mw := multipart.NewWriter(&buf)
	for name, values := range fields {
		for _, v := range values {
			_ = mw.WriteField(name, v)
		}
	}
	h := textproto.MIMEHeader{"Content-Disposition": {`form-data; name="file"; filename="photo.one.jpg"`}}
	if mime != "" {
		h.Set("Content-Type", mime)
	}
	part, _ := mw.CreatePart(h)
	_, _ = part.Write([]byte(body))
	_ = mw.Close()
	return w.do("POST", w.Endpoint()+"/", buf.String(), "Content-Type: "+mw.FormDataContentType())
}

func TestAnUploadAnswersAsItsPolicySays(t *testing.T) {
	w := newWorld(t, kodo.Config{Now: func() time.Time { return time.Date(2020, 2, 3, 4, 5, 6, 0, time.UTC) }})
	hash := digest.QetagOf([]byte("content"))
	for name, tc := range map[string]struct {
		policy storage.PutPolicy
		fields url.Values
		want   string
	}{
		"hash and key":                   {storage.PutPolicy{}, url.Values{"key": {`q"`}}, `{"hash":"` + hash + `","key":"q\""}`},
		"custom variables":               {storage.PutPolicy{}, url.Values{"key": {"k"}, "x:a": {"1"}}, `{"hash":"` + hash + `","key":"k","x:a":"1"}`},
		"the hash where there is no key": {storage.PutPolicy{}, url.Values{}, `{"hash":"` + hash + `","key":"` + hash + `"}`},
		"a key the policy makes":         {storage.PutPolicy{SaveKey: "$(year)/$(fprefix)-$(x:a)$(ext)"}, url.Values{"x:a": {"1"}}, `{"hash":"` + hash + `","key":"2020/photo.one-1.jpg","x:a":"1"}`},
		"a key of its own all the same":  {storage.PutPolicy{SaveKey: "made"}, url.Values{"key": {"own"}}, `{"hash":"` + hash + `","key":"own"}`},
		"a key it is forced to":          {storage.PutPolicy{SaveKey: "made", ForceSaveKey: true}, url.Values{"key": {"own"}}, `{"hash":"` + hash + `","key":"made"}`},
		"a body with quotes":             {storage.PutPolicy{ReturnBody: `{"k":"$(key)","s":$(fsize),"h":"$(etag)"}`}, url.Values{"key": {`q"`}}, `{"k":"q\"","s":7,"h":"` + hash + `"}`},
		"a body without quotes":          {storage.PutPolicy{ReturnBody: `{"k":$(key),"m":$(mimeType),"n":$(none)}`}, url.Values{"key": {"k"}}, `{"k":"k","m":"text/plain","n":null}`},
	} {
		t.Run(name, func(t *testing.T) {
			tc.policy.Scope = "b"
			tc.fields.Set("token", w.token(tc.policy))
			if resp, body := w.form(tc.fields, "content", "text/plain"); resp.StatusCode != 200 || body != tc.want {
				t.Errorf("upload = %d %s, want %s", resp.StatusCode, body, tc.want)
			}
		})
	}
}

func TestDamageOnTheWayInIsRefused(t *testing.T) {
	w := newWorld(t, kodo.Config{})
	token := w.token(storage.PutPolicy{Scope: "b"})
	sum := crc32.ChecksumIEEE([]byte("content"))
	for _, tc := range []struct {
		sum  string
		want int
	}{{fmt.Sprint(sum), 200}, {fmt.Sprint(sum + 1), 406}, {"abc", 400}} {
		if resp, body := w.form(url.Values{"token": {token}, "crc32": {tc.sum}}, "content", ""); resp.StatusCode != tc.want {
			t.Errorf("form with CRC-32 %s = %d %s, want %d", tc.sum, resp.StatusCode, body, tc.want)
		}
	}
	up := "Authorization: UpToken " + token
	object := w.Endpoint() + "/buckets/b/objects/" + storage.EncodedEntryWithoutKey("k") + "/uploads"
	_, answer := w.do("POST", object, "", up)
	var init struct{ UploadID string }
	if err := json.Unmarshal([]byte(answer), &init); err != nil {
		t.Fatal(err)
	}
	for md5, want := range map[string]int{
		"9a0364b9e99bb480dd25e1f0284c8555": 200, "mgNkuembtIDdJeHwKEyFVQ==": 200, "9a0364b9e99bb480dd25e1f0284c8556": 406,
	} {
		if resp, body := w.do("PUT", object+"/"+init.UploadID+"/1", "content", up, "Content-MD5: "+md5); resp.StatusCode != want {
			t.Errorf("part with MD5 %s = %d %s, want %d", md5, resp.StatusCode, body, want)
		}
	}
}

func TestAnUploadByPartsChecksEachStep(t *testing.T) {
	w := newWorld(t, kodo.Config{MinPart: 4})
	up := "Authorization: UpToken " + w.token(storage.PutPolicy{Scope: "b"})
	object := w.Endpoint() + "/buckets/b/objects/" + storage.EncodedEntryWithoutKey("k") + "/uploads"
	_, answer := w.do("POST", object, "", up)
	var init struct {
		UploadID string
		ExpireAt int64
	}
	if err := json.Unmarshal([]byte(answer), &init); err != nil || init.ExpireAt <= time.Now().Unix() {
		t.Fatalf("init = %s, %v", answer, err)
	}
	upload := object + "/" + init.UploadID
	etags := map[int]string{}
	for n, body := range map[int]string{1: "0123", 2: "45", 3: "6789", 7: "ab"} {
		_, answer := w.do("PUT", upload+"/"+strconv.Itoa(n), body, up)
		var part struct{ Etag string }
		if err := json.Unmarshal([]byte(answer), &part); err != nil || part.Etag == "" {
			t.Fatalf("part %d = %s, %v", n, answer, err)
		}
		etags[n] = part.Etag
	}
	_, listed := w.do("GET", upload+"?max-parts=2&part-number_marker=1", "", up)
	if !strings.Contains(listed, `"partNumberMarker":3`) || strings.Count(listed, `"partNumber":`) != 2 {
		t.Errorf("two parts after the first = %s", listed)
	}
	list := func(numbers ...int) string {
		var parts []string
		for _, n := range numbers {
			parts = append(parts, fmt.Sprintf(`{"partNumber":%d,"etag":%q}`, n, etags[n]))
		}
		return `{"parts":[` + strings.Join(parts, ",") + `]}`
	}
	for _, tc := range []struct {
		name, method, url, body string
		want                    int
	}{
		{"part 0", "PUT", upload + "/0", "x", 400},
		{"part 10001", "PUT", upload + "/10001", "x", 400},
		{"a part of another upload", "PUT", object + "/none/1", "x", 612},
		{"a part of another key", "PUT", strings.Replace(upload, "/objects/", "/objects/eA", 1) + "/1", "x", 612},
		{"no parts", "POST", upload, list(), 400},
		{"a part that is not there", "POST", upload, list(1, 4), 400},
		{"parts out of order", "POST", upload, list(3, 1), 400},
		{"a part too small in the middle", "POST", upload, list(1, 2, 3), 400},
		{"a wrong etag", "POST", upload, strings.Replace(list(1, 3), etags[3], etags[1], 1), 400},
		{"a part left out", "POST", upload, list(1, 3, 7), 200},
		{"the end of it once more", "POST", upload, list(1, 3, 7), 612},
		{"abandoning what has ended", "DELETE", upload, "", 612},
	} {
		if resp, body := w.do(tc.method, tc.url, tc.body, up); resp.StatusCode != tc.want {
			t.Errorf("%s = %d %s, want %d", tc.name, resp.StatusCode, body, tc.want)
		}
	}
	if o, ok := w.Get("b", "k"); !ok || string(o.Body) != "01236789ab" || o.Hash[0] != 'n' {
		t.Errorf("stored = %q %s, want 01236789ab under a version 2 hash", o.Body, o.Hash)
	}
	_, answer = w.do("POST", object, "", up)
	if err := json.Unmarshal([]byte(answer), &init); err != nil {
		t.Fatal(err)
	}
	for _, want := range []int{200, 612} {
		if resp, _ := w.do("DELETE", object+"/"+init.UploadID, "", up); resp.StatusCode != want {
			t.Errorf("abandoning = %d, want %d", resp.StatusCode, want)
		}
	}
}

func TestAnUploadByBlocksChecksEachStep(t *testing.T) {
	w := newWorld(t, kodo.Config{})
	up := "Authorization: UpToken " + w.token(storage.PutPolicy{Scope: "b"})
	call := func(path, body string) (int, string) {
		resp, answer := w.do("POST", w.Endpoint()+path, body, up)
		var ret struct {
			Ctx   string
			Crc32 uint32
		}
		if resp.StatusCode == 200 && strings.Contains(path, "blk") {
			if err := json.Unmarshal([]byte(answer), &ret); err != nil || ret.Crc32 != crc32.ChecksumIEEE([]byte(body)) {
				t.Errorf("%s = %s, %v", path, answer, err)
			}
		}
		_ = json.Unmarshal([]byte(answer), &ret)
		return resp.StatusCode, ret.Ctx
	}
	key := "/key/" + storage.EncodedEntryWithoutKey("k")
	if status, _ := call("/mkblk/4194305", "x"); status != 400 {
		t.Errorf("a block of more than 4 MiB = %d, want 400", status)
	}
	_, first := call("/mkblk/10", "0123")
	if status, _ := call("/mkfile/10"+key, first); status != 400 {
		t.Errorf("a file of an incomplete block = %d, want 400", status)
	}
	if status, _ := call("/bput/"+first+"/5", "x"); status != 701 {
		t.Errorf("a chunk at the wrong offset = %d, want 701", status)
	}
	status, second := call("/bput/"+first+"/4", "456789")
	if status != 200 {
		t.Fatalf("second chunk = %d", status)
	}
	if status, _ := call("/bput/"+first+"/4", "456789"); status != 200 {
		t.Errorf("the chunk sent again = %d, want 200", status)
	}
	if status, _ := call("/mkfile/11"+key, second); status != 400 {
		t.Errorf("a file of another size = %d, want 400", status)
	}
	if status, _ := call("/mkfile/10"+key, "none"); status != 701 {
		t.Errorf("a file of an unknown block = %d, want 701", status)
	}
	if status, _ := call("/mkfile/10"+key, second); status != 200 {
		t.Errorf("the file = %d, want 200", status)
	}
	if o, _ := w.Get("b", "k"); string(o.Body) != "0123456789" || o.Hash != digest.QetagOf(o.Body) {
		t.Errorf("stored = %q %s", o.Body, o.Hash)
	}
	for span, want := range map[string]string{"2-7": "234567", "4-": "456789", "0-3": "0123", "5-5": "5"} {
		if _, body := w.do("GET", w.url("k"), "", "Range: bytes="+span); body != want {
			t.Errorf("bytes %s across the chunks = %q, want %q", span, body, want)
		}
	}
}
