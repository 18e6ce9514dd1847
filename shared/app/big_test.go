package app_test

import (
	"strings"
	"testing"

	"kodoferry/shared/agent"
	"kodoferry/shared/app"
	"kodoferry/shared/emulator/kodo"
	"kodoferry/shared/emulator/oss"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/report"
)

func TestAGiBGoesInPartsOverTheWire(t *testing.T) {
	w := newWorld(t)
	var err error
	if w.oss, err = oss.Start(oss.Config{
		AccessKeyID: "id", AccessKeySecret: "secret", AttributesOnly: true,
		Keep: func(_, key string) bool { return strings.HasPrefix(key, ".ferry/") },
	}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.oss.Close() })
	if err := w.oss.CreateBucket("photos-new"); err != nil {
		t.Fatal(err)
	}
	w.dst = "oss://photos-new/?region=cn-hangzhou&insecure=true&endpoint=" + w.oss.Endpoint()
	if err := w.kodo.Synthesize("photos", kodo.Synthetic{Count: 1, MinSize: 1 << 30}); err != nil {
		t.Fatal(err)
	}
	j, err := job.New(w.src, w.dst, "", func(j *job.Job) { j.Limits.Parallel = 4 })
	if err != nil {
		t.Fatal(err)
	}
	sites, err := w.config.Connect(j)
	if err != nil {
		t.Fatal(err)
	}
	rep, err := app.Copy(t.Context(), sites, j, agent.CopyOptions{Capacity: roomy})
	if err != nil {
		t.Fatal(err)
	}
	if rep.Result != report.Verified || rep.Bytes.Verified != 1<<30 || rep.Proofs[ledger.ByQetag].Objects != 1 {
		t.Errorf("%s: %+v, proofs %v, want a GiB verified by its qetag", rep.Result, rep.Bytes, rep.Proofs)
	}
	k, o := w.kodo.Desk().Counts(), w.oss.Desk().Counts()
	if k["get"] != 64 || o["put-part"] != 64 {
		t.Errorf("Kodo was asked %v, OSS %v, want 64 reads and as many parts", k, o)
	}
	t.Logf("Kodo %v, OSS %v", k, o)
}
