package kodo_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/qiniu/go-sdk/v7/client"
	"github.com/qiniu/go-sdk/v7/storage"
	"github.com/qiniu/go-sdk/v7/storagev2/apis"
	"github.com/qiniu/go-sdk/v7/storagev2/downloader"
	"github.com/qiniu/go-sdk/v7/storagev2/objects"
	"github.com/qiniu/go-sdk/v7/storagev2/uploader"
	"github.com/qiniu/go-sdk/v7/storagev2/uptoken"

	"kodoferry/shared/digest"
	"kodoferry/shared/emulator/kodo"
)

func TestTheVendorsUploadersStoreWhatTheySend(t *testing.T) {
	w := newWorld(t, kodo.Config{})
	const mib = 1 << 20
	token := w.token(storage.PutPolicy{Scope: "b"})
	for name, tc := range map[string]struct {
		size  int
		parts []int64 // what the hash has to be made of
		md5   bool
		send  func(key string, body []byte, ret any) error
	}{
		"by form": {100, nil, true, func(key string, body []byte, ret any) error {
			return storage.NewFormUploader(w.config).Put(t.Context(), ret, token, key, bytes.NewReader(body), int64(len(body)),
				&storage.PutExtra{MimeType: "text/x-claim", Params: map[string]string{"x-qn-meta-color": "blue"}})
		}},
		"by form, empty": {0, nil, true, func(key string, body []byte, ret any) error {
			return storage.NewFormUploader(w.config).Put(t.Context(), ret, token, key, bytes.NewReader(body), 0,
				&storage.PutExtra{MimeType: "text/x-claim", Params: map[string]string{"x-qn-meta-color": "blue"}})
		}},
		"by blocks": {9 * mib, nil, false, func(key string, body []byte, ret any) error {
			return storage.NewResumeUploader(w.config).Put(t.Context(), ret, token, key, bytes.NewReader(body), int64(len(body)),
				&storage.RputExtra{MimeType: "text/x-claim", Params: map[string]string{"x-qn-meta-color": "blue"}})
		}},
		"by parts of 4 MiB": {9 * mib, []int64{4 * mib, 4 * mib, mib}, false, func(key string, body []byte, ret any) error {
			return storage.NewResumeUploaderV2(w.config).Put(t.Context(), ret, token, key, bytes.NewReader(body), int64(len(body)),
				&storage.RputV2Extra{MimeType: "text/x-claim", Metadata: map[string]string{"x-qn-meta-color": "blue"}})
		}},
		"by parts of other sizes": {7 * mib, []int64{3 * mib, 3 * mib, mib}, false, func(key string, body []byte, ret any) error {
			return storage.NewResumeUploaderV2(w.config).Put(t.Context(), ret, token, key, bytes.NewReader(body), int64(len(body)),
				&storage.RputV2Extra{PartSize: 3 * mib, MimeType: "text/x-claim", Metadata: map[string]string{"x-qn-meta-color": "blue"}})
		}},
		"by the upload manager": {7 * mib, []int64{5 * mib, 2 * mib}, false, func(key string, body []byte, ret any) error {
			m := uploader.NewUploadManager(&uploader.UploadManagerOptions{Options: w.options(), PartSize: 5 * mib})
			return m.UploadReader(t.Context(), bytes.NewReader(body), &uploader.ObjectOptions{
				BucketName: "b", ObjectName: &key, UpToken: uptoken.NewParser(token), ContentType: "text/x-claim",
				Metadata: map[string]string{"x-qn-meta-color": "blue"},
			}, ret)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			body := text(tc.size)
			q := digest.NewQetag(tc.parts)
			_, _ = q.Write(body)
			var ret storage.PutRet
			if err := tc.send(name, body, &ret); err != nil {
				t.Fatal(err)
			}
			if ret.Hash != q.Sum() || ret.Key != name {
				t.Errorf("answer = %+v, want hash %s", ret, q.Sum())
			}
			got, ok := w.Get("b", name)
			if !ok || !bytes.Equal(got.Body, body) {
				t.Fatalf("stored %d bytes (there: %v), want the %d that were sent", len(got.Body), ok, len(body))
			}
			if got.MimeType != "text/x-claim" || got.Meta["color"] != "blue" || got.MD5 != tc.md5 || !slices.Equal(got.Parts, tc.parts) {
				t.Errorf("stored type %q, meta %v, MD5 %v, parts %v", got.MimeType, got.Meta, got.MD5, got.Parts)
			}
		})
	}
}

// wantCode says which of Kodo's codes err must carry.
func wantCode(t *testing.T, what string, err error, code int) {
	t.Helper()
	var e *client.ErrorInfo
	if !errors.As(err, &e) || e.Code != code {
		t.Errorf("%s: %v, want code %d", what, err, code)
	}
}

func TestTheVendorsManagerManages(t *testing.T) {
	w := newWorld(t, kodo.Config{})
	m := w.manager()
	hash := w.put("k", "content")
	check := func(what string, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	_, err := m.Stat("b", "none")
	wantCode(t, "stat of a missing key", err, 612)
	_, err = m.Stat("none", "k")
	wantCode(t, "stat in a missing bucket", err, 631)
	check("copy", m.Copy("b", "k", "b", "k2", false))
	wantCode(t, "copy onto another", m.Copy("b", "k", "b", "k2", false), 614)
	check("forced copy", m.Copy("b", "k", "b", "k2", true))
	check("move", m.Move("b", "k2", "b", "k3", false))
	_, err = m.Stat("b", "k2")
	wantCode(t, "stat of what was moved", err, 612)
	check("change of type of content and meta", m.ChangeMimeAndMeta("b", "k3", "text/css", map[string]string{"a": "1", "x-qn-meta-b": "2"}))
	check("change of meta", m.ChangeMeta("b", "k3", map[string]string{"b": "3"}))
	check("disabling", m.UpdateObjectStatus("b", "k3", false))
	check("days to live", m.DeleteAfterDays("b", "k3", 7))
	unlike := "/lifecycle/" + storage.EncodedEntry("b", "k3") + "/deleteAfterDays/9/cond/" + base64.URLEncoding.EncodeToString([]byte("hash=other"))
	if status, body := w.manage("POST", unlike, ""); status != 608 {
		t.Errorf("days to live of an object that is not like this = %d %s, want 608", status, body)
	}
	info, err := m.Stat("b", "k3")
	check("stat", err)
	if info.Hash != hash || info.Fsize != 7 || info.MimeType != "text/css" || info.Status != 1 || info.Expiration == 0 ||
		len(info.MetaData) != 2 || info.MetaData["a"] != "1" || info.MetaData["b"] != "3" {
		t.Errorf("stat = %+v", info)
	}
	wantCode(t, "restore of what is not archived", m.RestoreAr("b", "k", 1), 400)
	check("archiving", m.ChangeType("b", "k", 2))
	wantCode(t, "change of a frozen object's type", m.ChangeType("b", "k", 0), 403)
	check("restore", m.RestoreAr("b", "k", 3))
	if info, err = m.Stat("b", "k"); err != nil || info.Type != 2 || info.RestoreStatus != 2 {
		t.Errorf("stat of what was restored = %+v, %v", info, err)
	}
	check("delete", m.Delete("b", "k"))
	wantCode(t, "second delete", m.Delete("b", "k"), 612)
}

func TestABatchTellsEachOutcome(t *testing.T) {
	w := newWorld(t, kodo.Config{})
	w.put("k", "content")
	rets, err := w.manager().Batch([]string{
		storage.URIStat("b", "k"), storage.URIStat("b", "none"), storage.URICopy("b", "k", "b", "c", false), storage.URIDelete("none", "k"),
		storage.URIStat("b", "c"),
	})
	if err != nil {
		t.Fatal(err)
	}
	got := ""
	for _, r := range rets {
		got += fmt.Sprintf("%d/%d/%s ", r.Code, r.Data.Fsize, r.Data.Error)
	}
	if want := "200/7/ 612/0/no such file or directory 200/0/ 631/0/no such bucket 200/7/ "; got != want {
		t.Errorf("batch = %q, want %q", got, want)
	}
	status, _ := w.manage("POST", "/batch", "op=/stat/bm9uZTpr")
	if status != 298 {
		t.Errorf("status of a batch with a failure = %d, want 298", status)
	}
	if status, _ := w.manage("POST", "/batch", "op="+storage.URIStat("b", "k")); status != 200 {
		t.Errorf("status of a batch without failure = %d, want 200", status)
	}
}

func TestAThawTakesItsTimeAndEnds(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	w := newWorld(t, kodo.Config{Thaw: time.Hour, Now: func() time.Time { return now }})
	if _, err := w.Put("b", kodo.Object{Key: "k", Body: []byte("x"), Type: 3}); err != nil {
		t.Fatal(err)
	}
	statuses := ""
	look := func() {
		o, _ := w.Get("b", "k")
		statuses += fmt.Sprint(o.RestoreStatus)
	}
	look()
	if err := w.manager().RestoreAr("b", "k", 1); err != nil {
		t.Fatal(err)
	}
	for _, d := range []time.Duration{0, time.Hour, 23 * time.Hour, time.Hour} {
		now = now.Add(d)
		look()
	}
	if statuses != "01220" {
		t.Errorf("restore status went %s, want 01220", statuses)
	}
}

func TestTheVendorsNewerClientListsAndDownloads(t *testing.T) {
	w := newWorld(t, kodo.Config{})
	body := text(40 << 20)
	if _, err := w.Put("b", kodo.Object{Key: "big one", Body: body, Parts: []int64{39 << 20, 1 << 20}, Meta: map[string]string{"a": "b"}}); err != nil {
		t.Fatal(err)
	}
	w.put("dir/ünï", "small")
	options := w.options()
	lister := objects.NewObjectsManager(&objects.ObjectsManagerOptions{Options: options}).Bucket("b").List(t.Context(), &objects.ListObjectsOptions{NeedParts: true})
	var o objects.ObjectDetails
	names := []string{}
	for lister.Next(&o) {
		names = append(names, fmt.Sprintf("%s %d %v %v", o.Name, o.Size, o.Metadata, o.Parts))
		o = objects.ObjectDetails{}
	}
	if want := []string{"big one 41943040 map[a:b] [40894464 1048576]", "dir/ünï 5 map[] []"}; lister.Error() != nil || !slices.Equal(names, want) {
		t.Errorf("listed %q, %v, want %q", names, lister.Error(), want)
	}

	get := downloader.NewDownloadManager(&downloader.DownloadManagerOptions{Options: options})
	var got bytes.Buffer
	if _, err := get.DownloadToWriter(t.Context(), "big one", &got, &downloader.ObjectOptions{
		GenerateOptions: downloader.GenerateOptions{BucketName: "b", UseInsecureProtocol: true},
		DownloadURLsProvider: downloader.SignURLsProvider(
			downloader.NewStaticDomainBasedURLsProvider([]string{w.Domain("b")}), downloader.NewCredentialsSigner(w.mac), nil),
	}); err != nil || !bytes.Equal(got.Bytes(), body) {
		t.Errorf("downloaded %d bytes, %v, want %d", got.Len(), err, len(body))
	}
	before := storage.UcHost
	storage.UcHost = w.Endpoint() // the only way to tell this part of the SDK where to ask
	defer func() { storage.UcHost = before }()
	out, err := w.manager().Get("b", "dir/ünï", &storage.GetObjectInput{DownloadDomains: []string{"http://" + w.Domain("b")}, PresignUrl: true})
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	if small, err := io.ReadAll(out); err != nil || string(small) != "small" {
		t.Errorf("got %q, %v, want small", small, err)
	}
}

func TestTheVendorsClientFindsEverythingFromTheRegionQuery(t *testing.T) {
	w := newWorld(t, kodo.Config{})
	a := w.apis()
	v2, err := a.QueryBucketV2(t.Context(), &apis.QueryBucketV2Request{Bucket: "b", AccessKey: accessKey}, nil)
	if err != nil || v2.IoSrcDomains.SourceIoSrcDomains.MainSourceIoSrcDomains[0] != w.Domain("b") ||
		"http://"+v2.RsfDomains.AcceleratedRsfDomains.MainAcceleratedRsfDomains[0] != w.Endpoint() || v2.RegionId != "z0" {
		t.Errorf("v2 query = %+v, %v", v2, err)
	}
	v4, err := a.QueryBucketV4(t.Context(), &apis.QueryBucketV4Request{Bucket: "b", AccessKey: accessKey}, nil)
	if err != nil || len(v4.Hosts) != 1 || "http://"+v4.Hosts[0].UpDomains.PreferedUpDomains[0] != w.Endpoint() {
		t.Errorf("v4 query = %+v, %v", v4, err)
	}
	_, err = w.apis().QueryBucketV4(t.Context(), &apis.QueryBucketV4Request{Bucket: "b", AccessKey: "other"}, nil)
	wantCode(t, "query with an unknown key", err, 612)
	d2, err := a.GetBucketDomains(t.Context(), &apis.GetBucketDomainsRequest{BucketName: "b"}, nil)
	if err != nil || !slices.Equal(d2.Domains, []string{w.Domain("b")}) {
		t.Errorf("v2 domains = %+v, %v", d2, err)
	}
	d3, err := a.GetBucketDomainsV3(t.Context(), &apis.GetBucketDomainsV3Request{BucketName: "b"}, nil)
	if err != nil || len(d3.DomainInfos) != 1 || d3.DomainInfos[0].Domain != w.Domain("b") {
		t.Errorf("v3 domains = %+v, %v", d3, err)
	}
}

func TestTheVendorsClientManagesBuckets(t *testing.T) {
	w := newWorld(t, kodo.Config{})
	a := w.apis()
	if _, err := a.CreateBucket(t.Context(), &apis.CreateBucketRequest{Bucket: "c", Region: "z0"}, nil); err != nil {
		t.Fatal(err)
	}
	_, err := a.CreateBucket(t.Context(), &apis.CreateBucketRequest{Bucket: "c", Region: "z0"}, nil)
	wantCode(t, "second creation", err, 614)
	names, err := a.GetBuckets(t.Context(), &apis.GetBucketsRequest{}, nil)
	if err != nil || !slices.Equal(names.BucketNames, []string{"b", "c"}) {
		t.Errorf("buckets = %v, %v", names, err)
	}
	page, err := a.GetBucketsV4(t.Context(), &apis.GetBucketsV4Request{Limit: 1}, nil)
	if err != nil || len(page.Buckets) != 1 || !page.IsTruncated || page.NextMarker != "b" {
		t.Errorf("buckets v4 = %+v, %v", page, err)
	}
	info, err := a.GetBucketInfo(t.Context(), &apis.GetBucketInfoRequest{Bucket: "c"}, nil)
	if err != nil || info.Private != 1 || info.Region != "z0" {
		t.Errorf("bucket info = %+v, %v", info, err)
	}
	if infos, err := a.GetBucketInfos(t.Context(), &apis.GetBucketInfosRequest{}, nil); err != nil || len(infos.AllBucketInfosV2) != 2 {
		t.Errorf("bucket infos = %+v, %v", infos, err)
	}
	if _, err := w.Put("c", kodo.Object{Key: "k"}); err != nil {
		t.Fatal(err)
	}
	_, err = a.DeleteBucket(t.Context(), &apis.DeleteBucketRequest{Bucket: "c"}, nil)
	wantCode(t, "dropping a bucket that holds something", err, 403)
	w.Remove("c", "k")
	if _, err := a.DeleteBucket(t.Context(), &apis.DeleteBucketRequest{Bucket: "c"}, nil); err != nil {
		t.Error(err)
	}
	if d := w.Domain("c"); d != "" {
		t.Errorf("a dropped bucket's domain = %q, want none", d)
	}
}
