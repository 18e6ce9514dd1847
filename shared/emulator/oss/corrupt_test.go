package oss

import (
	"bytes"
	"net/http"
	"testing"
)

func TestDamageIsSilentOrSeen(t *testing.T) {
	s, err := Start(Config{AccessKeyID: "id", AccessKeySecret: "secret", Region: "cn-hangzhou"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	if err := s.CreateBucket("bucket"); err != nil {
		t.Fatal(err)
	}
	for how, path := range map[Rot]string{Silent: "a/b c", Seen: "d?seen"} {
		key := map[Rot]string{Silent: "a/b c", Seen: "d"}[how]
		if err := s.Put("bucket", Object{Key: key, Body: []byte("the bytes")}); err != nil {
			t.Fatal(err)
		}
		before, _ := s.Get("bucket", key)
		url := s.Endpoint() + hook + "bucket/" + map[Rot]string{Silent: "a/b%20c", Seen: path}[how]
		answer, err := http.Post(url, "", nil)
		if err != nil || answer.StatusCode != http.StatusOK {
			t.Fatalf("%s: %v, %v", url, answer, err)
		}
		_ = answer.Body.Close()
		after, _ := s.Get("bucket", key)
		if bytes.Equal(before.Body, after.Body) || before.Size != after.Size || !before.LastModified.Equal(after.LastModified) {
			t.Errorf("%s: %+v, before %+v", key, after, before)
		}
		if told := after.ETag != before.ETag && after.CRC64 != before.CRC64; told != (how == Seen) {
			t.Errorf("%s: ETag and CRC64 tell: %v, want %v", key, told, how == Seen)
		}
	}
}
