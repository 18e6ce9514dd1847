package oss

import (
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"io"
	"net/http"
	"strings"
	"testing"

	"kodoferry/shared/fault"
	"kodoferry/shared/store"
)

// checking stores what has the MD5 it is sent with, flipping a bit of the first
// spoilt bodies as a bad line would, and counts the requests.
func checking(t *testing.T, spoilt int) (*Bucket, *[]string) {
	t.Helper()
	var sent []string
	return serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		if spoilt--; spoilt >= 0 {
			body[0] ^= 1
		}
		sent = append(sent, r.Header.Get("Content-Md5"))
		if sum := md5.Sum(body); base64.StdEncoding.EncodeToString(sum[:]) != r.Header.Get("Content-Md5") {
			refuse(400, "InvalidDigest", "The Content-MD5 you specified did not match what we received.")(w, r)
			return
		}
		stored(w, r)
	}), &sent
}

func TestTheSourcesMD5IsWhatOSSChecks(t *testing.T) {
	right, wrong := md5.Sum([]byte("content")), md5.Sum([]byte("another"))
	for name, tc := range map[string]struct {
		listed   string
		spoilt   int
		requests int
		kind     fault.Kind
	}{
		"the source lists none":               {"", 0, 1, ""},
		"the source lists the right one":      {hex.EncodeToString(right[:]), 0, 1, ""},
		"the source lists a wrong one":        {hex.EncodeToString(wrong[:]), 0, 2, ""},
		"what is listed is no MD5":            {"abc", 0, 1, ""},
		"the bytes are damaged on the way":    {hex.EncodeToString(right[:]), 1, 1, fault.Corrupt},
		"damaged, and none is listed":         {"", 1, 1, fault.Corrupt},
		"a wrong one, and damaged ever after": {hex.EncodeToString(wrong[:]), 2, 2, fault.Corrupt},
	} {
		t.Run(name, func(t *testing.T) {
			for _, size := range []int{len("content"), 100 << 10} { // from memory of either size
				content := strings.Repeat("content", size/len("content"))
				listed := tc.listed
				if sum := md5.Sum([]byte(content)); listed == hex.EncodeToString(right[:]) {
					listed = hex.EncodeToString(sum[:])
				}
				b, sent := checking(t, tc.spoilt)
				_, err := b.Put(t.Context(), store.Object{Key: "k", Size: int64(len(content))}, strings.NewReader(content), store.Put{MD5: listed})
				if fault.KindOf(err) != tc.kind || len(*sent) != tc.requests {
					t.Errorf("%d bytes: Put = %v after %d requests, want %q after %d", size, err, len(*sent), tc.kind, tc.requests)
				}
			}
		})
	}
}
