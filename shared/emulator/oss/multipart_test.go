package oss_test

import (
	"bytes"
	"crypto/md5"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	sdk "github.com/aliyun/aliyun-oss-go-sdk/oss"

	"kodoferry/shared/emulator/oss"
)

// upload begins an upload and sends parts of the given sizes, numbered by step.
func upload(t *testing.T, b *sdk.Bucket, key string, step int, sizes ...int) (sdk.InitiateMultipartUploadResult, []sdk.UploadPart, []byte) {
	t.Helper()
	up, err := b.InitiateMultipartUpload(key, sdk.Meta("m", "1"), sdk.ContentType("a/b"))
	must(t, err)
	var parts []sdk.UploadPart
	var whole []byte
	for i, n := range sizes {
		body := content(n + i)[i:]
		p, err := b.UploadPart(up, bytes.NewReader(body), int64(n), (i+1)*step, sdk.ContentMD5(md5Header(body)))
		must(t, err)
		parts = append(parts, p)
		whole = append(whole, body...)
	}
	return up, parts, whole
}

func TestMultipartUploads(t *testing.T) {
	each(t, func(t *testing.T, version sdk.ClientOption) {
		for name, complete := range map[string]func(*sdk.Bucket, sdk.InitiateMultipartUploadResult, []sdk.UploadPart) error{
			"by a list": func(b *sdk.Bucket, up sdk.InitiateMultipartUploadResult, parts []sdk.UploadPart) error {
				_, err := b.CompleteMultipartUpload(up, parts)
				return err
			},
			"of every part": func(b *sdk.Bucket, up sdk.InitiateMultipartUploadResult, _ []sdk.UploadPart) error {
				_, err := b.CompleteMultipartUpload(up, nil, sdk.SetHeader("x-oss-complete-all", "yes"))
				return err
			},
		} {
			t.Run(name, func(t *testing.T) {
				s := start(t)
				b := open(t, s, version)
				key := "big/ +é&"
				up, parts, whole := upload(t, b, key, 3, 100<<10, 300_001, 1)
				listed, err := b.ListUploadedParts(up, sdk.MaxParts(2))
				must(t, err)
				rest, err := b.ListUploadedParts(up, sdk.MaxParts(2), sdk.PartNumberMarker(6))
				must(t, err)
				if len(listed.UploadedParts) != 2 || !listed.IsTruncated || listed.NextPartNumberMarker != "6" || len(rest.UploadedParts) != 1 || rest.IsTruncated || rest.UploadedParts[0].PartNumber != 9 || listed.UploadedParts[1].Size != 300_001 {
					t.Errorf("parts %+v and %+v, want 2 and 1", listed, rest)
				}
				must(t, complete(b, up, parts))
				o, _ := s.Get(bucketName, key)
				var sums []byte
				for _, p := range []struct{ off, n int }{{0, 100 << 10}, {100 << 10, 300_001}, {100<<10 + 300_001, 1}} {
					sum := md5.Sum(whole[p.off : p.off+p.n])
					sums = append(sums, sum[:]...)
				}
				if want := fmt.Sprintf("%X-3", md5.Sum(sums)); o.ETag != want || o.Type != "Multipart" || o.Meta["m"] != "1" || o.Header.Get("Content-Type") != "a/b" {
					t.Errorf("ETag %s, %s, %v, want %s of a multipart object", o.ETag, o.Type, o.Meta, want)
				}
				if !bytes.Equal(o.Body, whole) || o.CRC64 != crcOf(whole) {
					t.Errorf("%d bytes of CRC64 %d, want %d of %d", len(o.Body), o.CRC64, len(whole), crcOf(whole))
				}
				r, err := b.GetObject(key, sdk.Range(100<<10-5, 100<<10+300_001))
				if got := readAll(t, r, err); !bytes.Equal(got, whole[100<<10-5:100<<10+300_002-0]) {
					t.Errorf("a range across parts has %d bytes, want those of the whole", len(got))
				}
				wantCode(t, "complete again", complete(b, up, parts), 404, "NoSuchUpload")
			})
		}
	})
}

func TestWhatCompleteRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		change func([]sdk.UploadPart) []sdk.UploadPart
		sizes  []int
		code   string
	}{
		"parts out of order":         {func(p []sdk.UploadPart) []sdk.UploadPart { return []sdk.UploadPart{p[1], p[0]} }, []int{100 << 10, 1}, "InvalidPartOrder"},
		"a part twice":               {func(p []sdk.UploadPart) []sdk.UploadPart { return []sdk.UploadPart{p[0], p[0]} }, []int{100 << 10, 1}, "InvalidPartOrder"},
		"a part that never came":     {func(p []sdk.UploadPart) []sdk.UploadPart { p[1].PartNumber = 7; return p }, []int{100 << 10, 1}, "InvalidPart"},
		"the ETag of something else": {func(p []sdk.UploadPart) []sdk.UploadPart { p[1].ETag = p[0].ETag; return p }, []int{100 << 10, 1}, "InvalidPart"},
		"a part too small":           {func(p []sdk.UploadPart) []sdk.UploadPart { return p }, []int{100<<10 - 1, 1}, "EntityTooSmall"},
		"a number too large":         {func(p []sdk.UploadPart) []sdk.UploadPart { p[1].PartNumber = 10001; return p }, []int{100 << 10, 1}, "InvalidArgument"},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			b := open(t, s, sdk.AuthVersion(sdk.AuthV4))
			up, parts, _ := upload(t, b, "k", 1, tc.sizes...)
			// The SDK sorts the list; what it would not send is sent by hand.
			params := map[string]any{"uploadId": up.UploadID}
			var body strings.Builder
			body.WriteString("<CompleteMultipartUpload>")
			for _, p := range tc.change(parts) {
				fmt.Fprintf(&body, "<Part><PartNumber>%d</PartNumber><ETag>%s</ETag></Part>", p.PartNumber, strings.ReplaceAll(p.ETag, `"`, "&quot;"))
			}
			body.WriteString("</CompleteMultipartUpload>")
			_, err := connect(t, s).Conn.Do("POST", bucketName, "k", params, nil, strings.NewReader(body.String()), 0, nil)
			wantCode(t, "complete", err, 400, tc.code)
			if _, ok := s.Get(bucketName, "k"); ok || s.Uploads(bucketName) != 1 {
				t.Errorf("stored: %v, %d uploads, want nothing and 1", ok, s.Uploads(bucketName))
			}
		})
	}
}

func TestPartsAndUploads(t *testing.T) {
	each(t, func(t *testing.T, version sdk.ClientOption) {
		s := start(t)
		b := open(t, s, version)
		up, parts, _ := upload(t, b, "k", 1, 100<<10, 5)
		for name, n := range map[string]int{"0": 0, "10001": 10001} {
			_, err := b.UploadPart(up, strings.NewReader("x"), 1, n)
			if err == nil {
				t.Errorf("part %s was taken", name)
			}
		}
		_, err := b.UploadPart(up, strings.NewReader("x"), 1, 3, sdk.ContentMD5(md5Header([]byte("y"))))
		wantCode(t, "a part with the MD5 of another", err, 400, "InvalidDigest")
		again, err := b.UploadPart(up, strings.NewReader("other"), 5, 2)
		must(t, err)
		_, err = b.CompleteMultipartUpload(up, parts)
		wantCode(t, "a part that was replaced", err, 400, "InvalidPart")
		for _, key := range []string{"a/1", "a/2", "b"} {
			_, err := b.InitiateMultipartUpload(key)
			must(t, err)
		}
		var keys []string
		marker, id := "", ""
		for {
			r, err := b.ListMultipartUploads(sdk.KeyMarker(marker), sdk.UploadIDMarker(id), sdk.MaxUploads(1), sdk.Delimiter("/"))
			must(t, err)
			for _, u := range r.Uploads {
				keys = append(keys, u.Key)
			}
			keys = append(keys, r.CommonPrefixes...)
			if !r.IsTruncated {
				break
			}
			marker, id = r.NextKeyMarker, r.NextUploadIDMarker
		}
		if fmt.Sprint(keys) != "[a/ b k]" {
			t.Errorf("uploads %q, want a/, b and k", keys)
		}
		_, err = b.CompleteMultipartUpload(up, []sdk.UploadPart{parts[0], again})
		must(t, err)
		gone, err := b.InitiateMultipartUpload("gone")
		must(t, err)
		must(t, b.AbortMultipartUpload(gone))
		wantCode(t, "abort again", b.AbortMultipartUpload(gone), 404, "NoSuchUpload")
		_, err = b.UploadPart(gone, strings.NewReader("x"), 1, 1)
		wantCode(t, "a part of nothing", err, 404, "NoSuchUpload")
		wantCode(t, "delete of a bucket with uploads", connect(t, s, version).DeleteBucket(bucketName), 409, "BucketNotEmpty")
	})
}

func TestPartsAreCopied(t *testing.T) {
	each(t, func(t *testing.T, version sdk.ClientOption) {
		s := start(t)
		b := open(t, s, version)
		src, file := content(500_000), filepath.Join(t.TempDir(), "f")
		must(t, s.Put(bucketName, oss.Object{Key: "src", Body: src}))
		must(t, b.CopyFile(bucketName, "src", "copy", 150_000, sdk.Routines(2)))
		must(t, b.DownloadFile("copy", file, 120_000, sdk.Routines(2)))
		must(t, b.UploadFile("up", file, 110_000, sdk.Routines(2)))
		got, err := os.ReadFile(file)
		must(t, err)
		for _, key := range []string{"copy", "up"} {
			if o, _ := s.Get(bucketName, key); !bytes.Equal(o.Body, src) || !bytes.Equal(got, src) || o.CRC64 != crcOf(src) || o.Type != "Multipart" {
				t.Errorf("%s differs from its source", key)
			}
		}
	})
}
