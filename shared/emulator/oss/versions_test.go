package oss_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	sdk "github.com/aliyun/aliyun-oss-go-sdk/oss"
)

func TestVersions(t *testing.T) {
	each(t, func(t *testing.T, version sdk.ClientOption) {
		s := start(t)
		b, c := open(t, s, version), connect(t, s, version)
		put(t, s, "k", "null")
		must(t, c.SetBucketVersioning(bucketName, sdk.VersioningConfig{Status: "Enabled"}))
		state, err := c.GetBucketVersioning(bucketName)
		must(t, err)
		info, err := c.GetBucketInfo(bucketName)
		must(t, err)
		if state.Status != "Enabled" || info.BucketInfo.Versioning != "Enabled" {
			t.Errorf("versioning is %q and %q, want Enabled", state.Status, info.BucketInfo.Versioning)
		}
		read := func(version string) string {
			var options []sdk.Option
			if version != "" {
				options = append(options, sdk.VersionId(version))
			}
			r, err := b.GetObject("k", options...)
			return string(readAll(t, r, err))
		}
		var h http.Header
		var ids []string
		for _, body := range []string{"1", "2"} {
			must(t, b.PutObject("k", strings.NewReader(body), sdk.GetResponseHeader(&h)))
			ids = append(ids, sdk.GetVersionId(h))
		}
		if ids[0] == ids[1] || ids[0] == "" || read("") != "2" || read(ids[0]) != "1" || read("null") != "null" {
			t.Errorf("versions %q read %q, %q, %q, want 2, 1, null", ids, read(""), read(ids[0]), read("null"))
		}
		must(t, b.DeleteObject("k", sdk.GetResponseHeader(&h)))
		marker := sdk.GetVersionId(h)
		if !sdk.GetDeleteMark(h) || marker == "" {
			t.Errorf("delete answered %v, want a delete marker", h)
		}
		_, err = b.GetObject("k")
		wantCode(t, "get of the deleted", err, 404, "NoSuchKey")
		_, err = b.GetObject("k", sdk.VersionId(marker))
		wantCode(t, "get of the marker", err, 405, "MethodNotAllowed")
		_, err = b.GetObject("k", sdk.VersionId("missing"))
		wantCode(t, "get of no version", err, 404, "NoSuchVersion")
		if keys := s.Keys(bucketName); len(keys) != 0 {
			t.Errorf("%q are listed, want nothing", keys)
		}
		wantCode(t, "delete of a bucket with versions", c.DeleteBucket(bucketName), 409, "BucketNotEmpty")
		if got, want := listed(t, b), fmt.Sprint([]string{"k marker " + marker + " true", "k " + ids[1] + " false", "k " + ids[0] + " false", "k null false"}); got != want {
			t.Errorf("versions are %s, want %s", got, want)
		}
		must(t, b.DeleteObject("k", sdk.VersionId(marker)))
		must(t, b.DeleteObject("k", sdk.VersionId(ids[1])))
		if got := read(""); got != "1" {
			t.Errorf("after its newer versions went, k is %q, want 1", got)
		}
		must(t, c.SetBucketVersioning(bucketName, sdk.VersioningConfig{Status: "Suspended"}))
		must(t, b.PutObject("k", strings.NewReader("new null")))
		if read("") != "new null" || read("null") != "new null" || read(ids[0]) != "1" {
			t.Errorf("suspended, k is %q, %q and %q", read(""), read("null"), read(ids[0]))
		}
		_, err = b.DeleteObjectVersions([]sdk.DeleteObject{{Key: "k", VersionId: "null"}, {Key: "k", VersionId: ids[0]}})
		must(t, err)
		must(t, c.DeleteBucket(bucketName))
	})
}

// listed pages through all versions one by one.
func listed(t *testing.T, b *sdk.Bucket) string {
	t.Helper()
	var all []string
	key, id := "", ""
	for {
		r, err := b.ListObjectVersions(sdk.MaxKeys(1), sdk.KeyMarker(key), sdk.VersionIdMarker(id))
		must(t, err)
		for _, m := range r.ObjectDeleteMarkers {
			all = append(all, fmt.Sprint(m.Key, " marker ", m.VersionId, " ", m.IsLatest))
		}
		for _, v := range r.ObjectVersions {
			all = append(all, fmt.Sprint(v.Key, " ", v.VersionId, " ", v.IsLatest))
		}
		if !r.IsTruncated {
			return fmt.Sprint(all)
		}
		key, id = r.NextKeyMarker, r.NextVersionIdMarker
	}
}
