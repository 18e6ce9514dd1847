package s3_test

import (
	"bytes"
	"encoding/xml"
	"io"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"

	"kodoferry/shared/emulator/chaos"
	emulator "kodoferry/shared/emulator/kodo"
	"kodoferry/shared/emulator/opentest"
	"kodoferry/shared/store"
	"kodoferry/shared/store/s3"
	"kodoferry/shared/store/storetest"
)

// serve starts Kodo's stand-in with a bucket that has another name at S3, and opens it.
func serve(t *testing.T, cfg emulator.Config, set ...func(*s3.Config)) (*emulator.Server, *s3.Bucket) {
	t.Helper()
	cfg.AccessKey, cfg.SecretKey = "ak", "sk"
	s := opentest.Start(t, emulator.Start, cfg)
	if err := s.CreateBucket("b"); err != nil {
		t.Fatal(err)
	}
	if err := s.SetS3Name("b", "b-s3-name"); err != nil {
		t.Fatal(err)
	}
	return s, opentest.Bucket(t, s3.Open, s3.Config{
		Bucket: "b-s3-name", Region: s.S3Region(), Endpoint: s.S3Endpoint(), Insecure: true,
		Credentials: func() s3.Credentials { return s3.Credentials{AccessKeyID: "ak", SecretAccessKey: "sk"} },
	}, set...)
}

func put(t *testing.T, s *emulator.Server, o emulator.Object) (hash string) {
	t.Helper()
	hash, err := s.Put("b", o)
	if err != nil {
		t.Fatal(err)
	}
	return hash
}

func TestConformance(t *testing.T) {
	for name, cfg := range map[string]emulator.Config{"with Kodo's hashes": {}, "with MD5s": {S3MD5: true}} {
		t.Run(name, func(t *testing.T) {
			storetest.Source(t, func(t *testing.T) storetest.Fixture { return fixture(t, cfg) })
		})
	}
}

func fixture(t *testing.T, cfg emulator.Config) storetest.Fixture {
	mixed := &mixer{}
	s, b := serve(t, cfg, func(c *s3.Config) { c.Transport = mixed })
	return storetest.Fixture{
		Source: b,
		Put: func(o store.Object, body []byte) {
			put(t, s, emulator.Object{Key: o.Key, Body: body, MimeType: o.Type, Meta: emulator.MetaOf(o.Header, o.Meta)})
		},
		Trouble: storetest.Injected(s.Desk().Inject, map[storetest.Trouble]chaos.Rule{
			storetest.EmptyPage: {Op: "s3-list", Kind: chaos.EmptyPage, Rate: 0.5},
			storetest.PageFails: {Op: "s3-list", Kind: chaos.Status, Status: 500, Rate: 1},
			storetest.BodyBreak: {Op: "s3-get", Kind: chaos.Reset, Rate: 1},
		}, &mixed.on),
	}
}

// mixer turns the order of every page around while it is on.
type mixer struct{ on atomic.Bool }

func (m *mixer) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil || !m.on.Load() || !r.URL.Query().Has("list-type") {
		return resp, err
	}
	type contents struct {
		Inner string `xml:",innerxml"`
	}
	var page struct {
		XMLName      xml.Name `xml:"ListBucketResult"`
		IsTruncated  string
		EncodingType string
		Contents     []contents
	}
	err = xml.NewDecoder(resp.Body).Decode(&page)
	_ = resp.Body.Close()
	if err != nil {
		return nil, err
	}
	slices.Reverse(page.Contents)
	page.XMLName.Space = ""
	data, err := xml.Marshal(page)
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(data)), int64(len(data))
	return resp, err
}
