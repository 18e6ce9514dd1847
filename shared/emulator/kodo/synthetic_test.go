package kodo_test

import (
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/qiniu/go-sdk/v7/auth"
	"github.com/qiniu/go-sdk/v7/storage"

	"kodoferry/shared/digest"
	"kodoferry/shared/emulator/kodo"
)

func TestDerivedObjectsAreWhatTheirHashesSay(t *testing.T) {
	w := newWorld(t, kodo.Config{})
	if err := w.Synthesize("b", kodo.Synthetic{Count: 60, Seed: seed, MinSize: 3, MaxSize: 5 << 20, Prefix: "p/\"é/", Depth: 2, MD5: true}); err != nil {
		t.Fatal(err)
	}
	for i, o := range w.list(url.Values{}).Items {
		stored, ok := w.Get("b", o.Key)
		if !ok || int64(len(stored.Body)) != o.Fsize || digest.QetagOf(stored.Body) != o.Hash || o.Fsize < 3 || o.Fsize > 5<<20 {
			t.Fatalf("%s: %d bytes (there: %v), listed %d with hash %s", o.Key, len(stored.Body), ok, o.Fsize, o.Hash)
		}
		if sum := md5.Sum(stored.Body); hex.EncodeToString(sum[:]) != o.Md5 {
			t.Errorf("%s: listed with the MD5 %q", o.Key, o.Md5)
		}
		if i%20 == 0 {
			if _, body := w.do("GET", w.url(o.Key), ""); body != string(stored.Body) {
				t.Errorf("%s: download and content differ", o.Key)
			}
			off := min(o.Fsize-1, 32774)
			if resp, body := w.do("GET", w.url(o.Key), "", fmt.Sprintf("Range: bytes=%d-", off)); resp.StatusCode != 206 || body != string(stored.Body[off:]) {
				t.Errorf("%s: range from %d is another", o.Key, off)
			}
		}
		if at := time.Unix(o.PutTime/1e7, 0); at.Year() != 2024 {
			t.Errorf("%s: uploaded %v, want within 2024", o.Key, at)
		}
	}
}

func TestDerivedBucketsOfOneSeedAreTheSame(t *testing.T) {
	var hashes [2]string
	for i := range hashes {
		w := newWorld(t, kodo.Config{})
		if err := w.Synthesize("b", kodo.Synthetic{Count: 1e12, Seed: seed, MaxSize: 1000}); err != nil {
			t.Fatal(err)
		}
		p := w.list(url.Values{"limit": {"1"}, "marker": {markerOf(`{"c":0,"k":"765432109876"}`)}})
		hashes[i] = p.Items[0].Key + p.Items[0].Hash
	}
	if hashes[0] != hashes[1] || hashes[0][:13] != "765432109876-" {
		t.Errorf("seed %d: %v", seed, hashes)
	}
}

func TestDerivedObjectsAreOverwrittenAndDeletedByRequests(t *testing.T) {
	w := newWorld(t, kodo.Config{})
	if err := w.Synthesize("b", kodo.Synthetic{Count: 3, Seed: seed, MinSize: 10}); err != nil {
		t.Fatal(err)
	}
	keys := w.walk(url.Values{})
	m := w.manager()
	if err := m.Delete("b", keys[0]); err != nil {
		t.Error(err)
	}
	_, err := m.Stat("b", keys[0])
	wantCode(t, "stat of what was deleted", err, 612)
	if err := m.Copy("b", keys[1], "b", keys[0], false); err != nil {
		t.Error(err)
	}
	if err := m.ChangeMime("b", keys[2], "a/b"); err != nil {
		t.Error(err)
	}
	if info, err := m.StatWithOpts("b", keys[2], &storage.StatOpts{NeedParts: true}); err != nil || info.MimeType != "a/b" || info.Fsize != 10 {
		t.Errorf("stat = %+v, %v", info, err)
	}
	if got := w.walk(url.Values{}); len(got) != 3 {
		t.Errorf("listed %q, want 3 keys", got)
	}
}

// BenchmarkListing measures the server's side and the loopback; a key of it
// is to take less than 3 µs.
func BenchmarkListing(b *testing.B) {
	s, err := kodo.Start(kodo.Config{AccessKey: accessKey, SecretKey: secretKey})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	if err := s.CreateBucket("b"); err != nil {
		b.Fatal(err)
	}
	if err := s.Synthesize("b", kodo.Synthetic{Count: 1e7, Seed: seed, MinSize: 100, MaxSize: 8 << 10, Depth: 2}); err != nil {
		b.Fatal(err)
	}
	mac := auth.New(accessKey, secretKey)
	for i := 0; b.Loop(); i++ {
		marker := markerOf(fmt.Sprintf(`{"c":0,"k":"00/00/%05d"}`, i%1e5))
		req, err := http.NewRequestWithContext(b.Context(), "GET", s.Endpoint()+"/list?bucket=b&marker="+url.QueryEscape(marker), nil)
		if err != nil {
			b.Fatal(err)
		}
		if err := mac.AddToken(auth.TokenQiniu, req); err != nil {
			b.Fatal(err)
		}
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			b.Fatal(err)
		}
		n, err := io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		if err != nil || n < 100000 {
			b.Fatalf("%d bytes, %v", n, err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/key")
}

func TestObjectsAreWhatAListingTells(t *testing.T) {
	w := newWorld(t, kodo.Config{})
	if err := w.Synthesize("b", kodo.Synthetic{Count: 30, Seed: seed, MaxSize: 1000, Depth: 1}); err != nil {
		t.Fatal(err)
	}
	w.put("00/a stored one", "content")
	items := w.list(url.Values{}).Items
	at := 0
	for o := range w.Objects("b") {
		if at == len(items) {
			t.Fatalf("%s is one more than the %d listed", o.Key, at)
		}
		if l := items[at]; o.Key != l.Key || o.Size != l.Fsize || o.Hash != l.Hash || o.PutTime.UnixNano() != l.PutTime*100 {
			t.Errorf("got %+v, listed %+v", o, l)
		}
		at++
	}
	if at != 31 || len(items) != 31 {
		t.Errorf("%d objects, %d listed, want 31", at, len(items))
	}
}
