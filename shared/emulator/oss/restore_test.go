package oss_test

import (
	"strings"
	"testing"
	"time"

	sdk "github.com/aliyun/aliyun-oss-go-sdk/oss"

	"kodoferry/shared/emulator/oss"
)

func TestListingsSayWhatIsRestored(t *testing.T) {
	s := start(t)
	b := open(t, s)
	must(t, b.PutObject("cold", strings.NewReader("x"), sdk.ObjectStorageClass(sdk.StorageArchive)))
	put(t, s, "warm", "x")
	must(t, b.RestoreObject("cold"))
	first, err := b.ListObjects()
	must(t, err)
	second, err := b.ListObjectsV2()
	must(t, err)
	for _, got := range []string{first.Objects[0].RestoreInfo, second.Objects[0].RestoreInfo} {
		if got != `ongoing-request="true"` {
			t.Errorf("of the restored object a listing says %q", got)
		}
	}
	if got := second.Objects[1].RestoreInfo; got != "" {
		t.Errorf("of the other it says %q, want nothing", got)
	}
}

func TestARestoredCopyIsCleanedOnce(t *testing.T) {
	now := time.Now()
	s := start(t, func(c *oss.Config) { c.Now = func() time.Time { return now } })
	b := open(t, s)
	must(t, b.PutObject("k", strings.NewReader("x"), sdk.ObjectStorageClass(sdk.StorageColdArchive)))
	clean := func(key string) error {
		_, err := connect(t, s, sdk.AuthVersion(sdk.AuthV4)).Conn.Do("POST", bucketName, key, map[string]any{"cleanRestoredObject": nil}, nil, nil, 0, nil)
		return err
	}
	wantCode(t, "clean of what was not restored", clean("k"), 409, "ArchiveRestoreFileStale")
	must(t, b.RestoreObject("k"))
	wantCode(t, "clean while it goes on", clean("k"), 409, "ArchiveRestoreNotFinished")
	must(t, s.Thaw(bucketName, "k"))
	r, err := b.GetObject("k")
	readAll(t, r, err)
	must(t, clean("k"))
	_, err = b.GetObject("k")
	wantCode(t, "get after it", err, 403, "InvalidObjectState")
	wantCode(t, "clean again", clean("k"), 409, "ArchiveRestoreFileStale")
}
