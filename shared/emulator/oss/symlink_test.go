package oss_test

import (
	"net/http"
	"strings"
	"testing"

	sdk "github.com/aliyun/aliyun-oss-go-sdk/oss"
)

func TestASymlinkIsReadAsWhatItNames(t *testing.T) {
	each(t, func(t *testing.T, version sdk.ClientOption) {
		s := start(t)
		b := open(t, s, version)
		put(t, s, "dir/文 件", "the target")
		must(t, b.PutSymlink("link", "dir/文 件", sdk.Meta("of", "link")))
		h, err := b.GetSymlink("link")
		must(t, err)
		if got := h.Get("X-Oss-Symlink-Target"); got != "dir/文 件" || h.Get("X-Oss-Meta-Of") != "link" {
			t.Errorf("the link names %q with %v, want dir/文 件 and its metadata", got, h)
		}
		r, err := b.GetObject("link")
		if got := readAll(t, r, err); string(got) != "the target" {
			t.Errorf("through the link comes %q", got)
		}
		h, err = b.GetObjectDetailedMeta("link")
		must(t, err)
		if h.Get("X-Oss-Object-Type") != "Symlink" || h.Get("Content-Length") != "10" || h.Get("X-Oss-Meta-Of") != "link" {
			t.Errorf("head of the link is %v, want the target's size and the link's metadata", h)
		}
		_, err = b.CopyObject("link", "copy")
		must(t, err)
		if o, _ := s.Get(bucketName, "copy"); o.Type != "Symlink" {
			t.Errorf("a copy of the link is %s, want a link", o.Type)
		}
		page, err := b.ListObjects(sdk.Prefix("link"))
		must(t, err)
		if o := page.Objects[0]; o.Type != "Symlink" || o.Size != 0 {
			t.Errorf("the link is listed as %s of %d bytes, want a Symlink of none", o.Type, o.Size)
		}
	})
}

func TestSymlinksThatLeadNowhereAreRefused(t *testing.T) {
	s := start(t)
	b := open(t, s)
	put(t, s, "plain", "x")
	must(t, b.PutSymlink("dangling", "missing"))
	must(t, b.PutSymlink("twice", "dangling"))
	_, err := b.GetObject("dangling")
	wantCode(t, "get of a link to nothing", err, 404, "SymlinkTargetNotExist")
	_, err = b.GetObjectDetailedMeta("dangling")
	wantCode(t, "head of a link to nothing", err, 404, "SymlinkTargetNotExist")
	_, err = b.GetObject("twice")
	wantCode(t, "get of a link to a link", err, 400, "InvalidTargetType")
	_, err = b.GetSymlink("plain")
	wantCode(t, "link of a plain object", err, 400, "NotSymlink")
	_, err = b.GetSymlink("missing")
	wantCode(t, "link of nothing", err, 404, "NoSuchKey")
	_, err = connect(t, s).Conn.Do(http.MethodPut, bucketName, "k", map[string]any{"symlink": nil}, nil, strings.NewReader(""), 0, nil)
	wantCode(t, "link without a target", err, 400, "InvalidArgument")
	wantCode(t, "link over an object", b.PutSymlink("plain", "x", sdk.ForbidOverWrite(true)), 409, "FileAlreadyExists")
}
