package oss_test

import (
	"strings"
	"testing"

	sdk "github.com/aliyun/aliyun-oss-go-sdk/oss"

	"kodoferry/shared/emulator/oss"
	"kodoferry/shared/emulator/ram"
)

// under opens the bucket with keys that have a policy of these statements.
func under(t *testing.T, s *oss.Server, statements string) (*sdk.Bucket, *ram.Policy) {
	t.Helper()
	p, err := ram.Parse([]byte(`{"Version": "1", "Statement": [` + statements + `]}`))
	if err != nil {
		t.Fatal(err)
	}
	s.AddCredential(oss.Credential{ID: "role", Secret: "of-role", Policy: p})
	c, err := sdk.New(s.Endpoint(), "role", "of-role", sdk.Region(s.Region()))
	if err != nil {
		t.Fatal(err)
	}
	b, err := c.Bucket(bucketName)
	if err != nil {
		t.Fatal(err)
	}
	return b, p
}

const objects = `"Resource": "acs:oss:*:*:` + bucketName + `/in/*"`

func TestARoleMayDoWhatItsPolicyAllows(t *testing.T) {
	s := start(t)
	put(t, s, "in/there", "x")
	b, p := under(t, s, `{"Effect": "Allow", "Action": ["oss:PutObject", "oss:GetObject"], `+objects+`}`)
	must(t, b.PutObject("in/new", strings.NewReader("x")))
	up, err := b.InitiateMultipartUpload("in/parts")
	must(t, err)
	if _, err := b.GetObjectDetailedMeta("in/there"); err != nil {
		t.Errorf("HEAD: %v, want it allowed", err)
	}
	for name, err := range map[string]error{
		"put elsewhere":  b.PutObject("out/new", strings.NewReader("x")),
		"delete":         b.DeleteObject("in/there"),
		"abort":          b.AbortMultipartUpload(up),
		"put with a tag": b.PutObject("in/tagged", strings.NewReader("x"), sdk.SetTagging(sdk.Tagging{Tags: []sdk.Tag{{Key: "a", Value: "b"}}})),
	} {
		wantCode(t, name, err, 403, "AccessDenied")
	}
	_, err = b.ListObjectsV2()
	wantCode(t, "list", err, 403, "AccessDenied")
	if got := p.Denied(); len(got) != 5 {
		t.Errorf("denied %q, want the five", got)
	}
	if _, ok := s.Get(bucketName, "in/there"); !ok {
		t.Error("what may not be deleted is gone")
	}
}

func TestWhoMayNotListIsNotToldThatAnObjectIsMissing(t *testing.T) {
	s := start(t)
	get := `{"Effect": "Allow", "Action": "oss:GetObject", ` + objects + `}`
	b, _ := under(t, s, get)
	_, err := b.GetObject("in/missing")
	wantCode(t, "get without the right to list", err, 403, "AccessDenied")
	b, _ = under(t, s, get+`, {"Effect": "Allow", "Action": "oss:ListObjects", "Resource": "acs:oss:*:*:`+bucketName+`"}`)
	_, err = b.GetObject("in/missing")
	wantCode(t, "get with it", err, 404, "NoSuchKey")
}
