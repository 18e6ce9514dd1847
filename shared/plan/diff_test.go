package plan_test

import (
	"bytes"
	"testing"

	"kodoferry/shared/job"
	"kodoferry/shared/plan"
	"kodoferry/shared/store"
	"kodoferry/shared/store/mem"
)

// TestAKeyOfTheTargetAloneIsNotToldWhyTheOneBeforeDiffers has a key that the target cannot
// hold, before one that only the target has.
func TestAKeyOfTheTargetAloneIsNotToldWhyTheOneBeforeDiffers(t *testing.T) {
	src, dst := mem.New(mem.Kodo), mem.New(mem.OSS)
	put := func(b *mem.Bucket, key string) {
		if _, err := b.Put(t.Context(), store.Object{Key: key, Size: 1}, bytes.NewReader([]byte("x")), store.Put{}); err != nil {
			t.Fatal(err)
		}
	}
	src.AnyKey = true
	put(src, "/a")
	put(dst, "b")
	j, err := job.New("kodo://photos/?region=z0", "oss://photos-new/?region=cn-hangzhou", "", func(j *job.Job) { j.Name = "j" })
	if err != nil {
		t.Fatal(err)
	}
	why := map[string]string{}
	for d, err := range plan.Diff(t.Context(), plan.Sides{Source: src, Target: dst}, j) {
		if err != nil {
			t.Fatal(err)
		}
		why[d.Key] = d.Why
	}
	if len(why) != 2 || why["/a"] == "" || why["b"] != "" {
		t.Errorf("the keys differ, and why: %q, want a reason of /a alone", why)
	}
}
