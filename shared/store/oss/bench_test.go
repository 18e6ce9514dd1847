package oss

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"kodoferry/shared/store"
)

func BenchmarkPut(b *testing.B) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		stored(w, r)
	}))
	defer srv.Close()
	bucket, err := Open(Config{Bucket: "bucket", Region: "cn-hangzhou", Endpoint: srv.URL, Insecure: true, Credentials: testKeys})
	if err != nil {
		b.Fatal(err)
	}
	for _, size := range []int{8 << 10, 1 << 20, 64 << 20} {
		data := make([]byte, size)
		b.Run(fmt.Sprintf("%dKiB", size>>10), func(b *testing.B) {
			b.SetBytes(int64(size))
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if _, err := bucket.Put(b.Context(), store.Object{Key: "k", Size: int64(size)}, bytes.NewReader(data), store.Put{}); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}
