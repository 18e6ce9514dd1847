package oss_test

import (
	"bytes"
	"fmt"
	"testing"

	sdk "github.com/aliyun/aliyun-oss-go-sdk/oss"

	"kodoferry/shared/emulator/oss"
)

func BenchmarkPut8KiB(b *testing.B) {
	s := start(b, func(c *oss.Config) { c.AttributesOnly = true })
	bucket := open(b, s, sdk.AuthVersion(sdk.AuthV4))
	body := content(8 << 10)
	i := 0
	for b.Loop() {
		i++
		must(b, bucket.PutObject(fmt.Sprintf("photos/%08d.jpg", i), bytes.NewReader(body)))
	}
}

func BenchmarkPut256MiB(b *testing.B) {
	bucket := open(b, start(b))
	body := content(256 << 20)
	b.SetBytes(256 << 20)
	b.ReportAllocs()
	for b.Loop() {
		must(b, bucket.PutObject("k", bytes.NewReader(body)))
	}
}

func BenchmarkPageOf1000(b *testing.B) {
	s := start(b, func(c *oss.Config) { c.AttributesOnly = true })
	for i := range 200_000 {
		must(b, s.Put(bucketName, oss.Object{Key: fmt.Sprintf("photos/2024/%08d.jpg", i), Size: 4096, ETag: "D41D8CD98F00B204E9800998ECF8427E"}))
	}
	conn := connect(b, s).Conn
	b.ReportAllocs()
	for b.Loop() {
		resp, err := conn.Do("GET", bucketName, "", map[string]any{"max-keys": "1000", "list-type": "2", "start-after": "photos/2024/00100000.jpg"}, nil, nil, 0, nil)
		must(b, err)
		buf := make([]byte, 64<<10)
		for err == nil {
			_, err = resp.Body.Read(buf)
		}
		_ = resp.Body.Close()
	}
}
