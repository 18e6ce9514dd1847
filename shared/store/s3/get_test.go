package s3

import (
	"errors"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/store"
)

const (
	md5Tag = "781e5e245d69b566979b86e28d23f2c7" // of 0123456789
	qetag  = "Fto5o-5ea0sNMlW_75VgGJCv2AcJ"
	ofPart = "nto5o-5ea0sNMlW_75VgGJCv2AcJ"
)

func TestAnETagProvesWhatItCanProve(t *testing.T) {
	for name, tc := range map[string]struct {
		etag      string
		header    map[string]string
		hash, md5 string
	}{
		"an MD5":                              {md5Tag, nil, md5Tag, md5Tag},
		"an MD5 in capitals":                  {strings.ToUpper(md5Tag), nil, strings.ToUpper(md5Tag), md5Tag},
		"encrypted by S3 itself":              {md5Tag, map[string]string{"X-Amz-Server-Side-Encryption": "AES256"}, md5Tag, md5Tag},
		"encrypted with a key of KMS":         {md5Tag, map[string]string{"X-Amz-Server-Side-Encryption": "aws:kms"}, md5Tag, ""},
		"encrypted twice":                     {md5Tag, map[string]string{"X-Amz-Server-Side-Encryption": "aws:kms:dsse"}, md5Tag, ""},
		"encrypted with the customer's key":   {md5Tag, map[string]string{"X-Amz-Server-Side-Encryption-Customer-Algorithm": "AES256"}, md5Tag, ""},
		"written in parts":                    {md5Tag + "-7", nil, md5Tag + "-7", ""},
		"32 letters that are no digits":       {strings.Repeat("z", 32), nil, strings.Repeat("z", 32), ""},
		"Kodo's hash":                         {qetag, nil, qetag, ""},
		"Kodo's hash of parts proves no byte": {ofPart, nil, `"` + ofPart + `"`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			asked := ""
			b := fake(t, func(w http.ResponseWriter, r *http.Request) {
				asked = r.Header.Get("If-Match")
				for name, value := range tc.header {
					w.Header().Set(name, value)
				}
				object(w, r, tc.etag, "0123456789")
			})
			o, err := b.Stat(t.Context(), "k")
			if err != nil || o.Hash != tc.hash || o.MD5 != tc.md5 {
				t.Fatalf("Stat = %+v, %v, want hash %s, MD5 %q", o, err, tc.hash, tc.md5)
			}
			found, body, err := b.Open(t.Context(), o, 0, -1)
			if err != nil {
				t.Fatal(err)
			}
			_ = body.Close()
			if found.Hash != tc.hash || found.MD5 != tc.md5 || asked != `"`+tc.etag+`"` {
				t.Errorf("Open = %+v for If-Match %s, want %s of \"%s\"", found, asked, tc.hash, tc.etag)
			}
		})
	}
}

func TestAttributesComeWithTheObject(t *testing.T) {
	headers := map[string]string{"Cache-Control": "max-age=60", "Content-Disposition": "inline", "Content-Encoding": "br", "Content-Language": "zh", "Expires": "Thu, 01 Jan 2037 00:00:00 GMT"}
	b := fake(t, func(w http.ResponseWriter, r *http.Request) {
		for name, value := range headers {
			w.Header().Set(name, value)
		}
		w.Header().Set("Content-Type", "image/x-ferry")
		w.Header().Set("X-Amz-Meta-Owner", "me & you")
		w.Header().Set("X-Amz-Meta-Place", "=?UTF-8?B?5YyX5Lqs?=")
		w.Header().Set("X-Amz-Storage-Class", "STANDARD_IA")
		w.Header().Set("X-Amz-Version-Id", "not kept")
		object(w, r, md5Tag, "0123456789")
	})
	o, body, err := b.Open(t.Context(), store.Object{Key: "k"}, 2, 3)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(body)
	meta := map[string]string{"owner": "me & you", "place": "北京"}
	if err != nil || string(data) != "234" || o.Size != 10 || o.Type != "image/x-ferry" || o.Class != store.Infrequent || !maps.Equal(o.Header, headers) || !maps.Equal(o.Meta, meta) || !o.Modified.Equal(time.Unix(1_700_000_000, 0)) {
		t.Errorf("Open = %+v with %q, %v", o, data, err)
	}
}

func TestAnAnswerIsHeldAgainstTheQuestion(t *testing.T) {
	asked := store.Object{Key: "k", Size: 10, Hash: md5Tag}
	for name, tc := range map[string]struct {
		answer http.HandlerFunc
		off, n int64
		want   fault.Kind
	}{
		"another ETag where If-Match is not known": {func(w http.ResponseWriter, r *http.Request) {
			r.Header.Del("If-Match")
			object(w, r, "other", "0123456789")
		}, 0, -1, fault.Changed},
		"another size under the same ETag": {func(w http.ResponseWriter, r *http.Request) { object(w, r, md5Tag, "01234567") }, 0, -1, fault.Corrupt},
		"all of it, where a range was asked for": {func(w http.ResponseWriter, r *http.Request) {
			r.Header.Del("Range")
			object(w, r, md5Tag, "0123456789")
		}, 2, 3, fault.Invalid},
		"another range": {func(w http.ResponseWriter, r *http.Request) {
			r.Header.Set("Range", "bytes=3-5")
			object(w, r, md5Tag, "0123456789")
		}, 2, 3, fault.Corrupt},
		"no length": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("ETag", `"`+md5Tag+`"`)
			w.Header().Set("Last-Modified", time.Unix(0, 0).UTC().Format(http.TimeFormat))
			_, _ = w.Write([]byte("01234"))
			w.(http.Flusher).Flush()
			_, _ = w.Write([]byte("56789"))
		}, 0, -1, ""},
		"a range that begins at the end": {func(w http.ResponseWriter, r *http.Request) { object(w, r, md5Tag, "0123456789") }, 10, -1, fault.Invalid},
		"an offset below 0":              {nil, -1, -1, fault.Invalid},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := fake(t, tc.answer).Open(t.Context(), asked, tc.off, tc.n)
			if fault.KindOf(err) != tc.want {
				t.Errorf("%v, want %q", err, tc.want)
			}
		})
	}
	if _, _, err := fake(t, nil).Open(t.Context(), store.Object{}, 0, -1); fault.KindOf(err) != fault.Invalid {
		t.Errorf("an empty key: %v, want Invalid: it would read the bucket", err)
	}
}

func TestABodyThatIsSilentFails(t *testing.T) {
	ctx := t.Context()
	b := fake(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"x"`)
		w.Header().Set("Last-Modified", time.Unix(0, 0).UTC().Format(http.TimeFormat))
		w.Header().Set("Content-Length", "10")
		_, _ = w.Write([]byte("01"))
		w.(http.Flusher).Flush()
		select {
		case <-r.Context().Done():
		case <-ctx.Done():
		}
	})
	b.cfg.Transport = store.NewTransport(time.Minute, 100*time.Millisecond, time.Minute)
	_, body, err := b.Open(ctx, store.Object{Key: "k"}, 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = body.Close() }()
	if _, err := io.ReadAll(body); !errors.Is(err, store.ErrStalled) || fault.KindOf(err) != fault.Temporary {
		t.Errorf("%v, want it stalled and Temporary", err)
	}
}

// TestAHeadThatIsRefusedIsAskedForItsReason holds Stat to what deletion at the
// target rests on: a bucket that is gone is no object that is gone.
func TestAHeadThatIsRefusedIsAskedForItsReason(t *testing.T) {
	for code, want := range map[string]fault.Kind{"NoSuchKey": fault.NotFound, "NoSuchBucket": fault.Invalid, "": fault.Invalid} {
		b := fake(t, func(w http.ResponseWriter, r *http.Request) { refuse(w, r, 404, code) })
		if _, err := b.Stat(t.Context(), "k"); fault.KindOf(err) != want {
			t.Errorf("Stat where a GET says %q: %v, want %q", code, err, want)
		}
	}
	b := fake(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead {
			w.WriteHeader(403)
			return
		}
		object(w, r, md5Tag, "0123456789")
	})
	if o, err := b.Stat(t.Context(), "k"); err != nil || o.Size != 10 {
		t.Errorf("Stat where only GET may = %+v, %v, want 10 bytes", o, err)
	}
}

func TestOneThrottleIsWaitedOut(t *testing.T) {
	n := 0
	b := fake(t, func(w http.ResponseWriter, r *http.Request) {
		if n++; n == 1 {
			refuse(w, r, 503, "SlowDown")
			return
		}
		object(w, r, md5Tag, "0123456789")
	})
	if o, err := b.Stat(t.Context(), "k"); err != nil || o.Size != 10 || n != 2 {
		t.Errorf("Stat = %+v, %v after %d requests, want the second's", o, err, n)
	}
}

func TestTheBucketIsInThePathOrInTheHost(t *testing.T) {
	for endpoint, want := range map[string]string{
		"s3-cn-east-1.qiniucs.com":            "https://s3-cn-east-1.qiniucs.com/photos/a//b",
		"https://photos.s3.example.com:9000/": "https://photos.s3.example.com:9000/a//b",
	} {
		b, err := Open(Config{Bucket: "photos", Region: "r", Endpoint: endpoint, Credentials: keys})
		if err != nil {
			t.Fatal(err)
		}
		r, err := b.signed(t.Context(), request{method: "GET", key: "a//b"}, keys())
		if err != nil {
			t.Fatal(err)
		}
		if got := r.URL.String(); got != want {
			t.Errorf("endpoint %s: %s, want %s", endpoint, got, want)
		}
	}
}
