package app_test

import (
	"bytes"
	"fmt"
	"hash/crc64"
	"log/slog"
	"maps"
	"strings"
	"testing"
	"time"

	"kodoferry/shared/agent"
	"kodoferry/shared/app"
	"kodoferry/shared/emulator/chaos"
	"kodoferry/shared/emulator/kodo"
	"kodoferry/shared/emulator/oss"
	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/report"
)

// overS3 makes the world's source the same bucket through Kodo's S3 interface,
// where it has another name.
func (w *world) overS3(t *testing.T) {
	t.Helper()
	if err := w.kodo.SetS3Name("photos", "photos-s3"); err != nil {
		t.Fatal(err)
	}
	w.src = "s3://photos-s3/?region=" + w.kodo.S3Region() + "&insecure=true&endpoint=" + w.kodo.S3Endpoint()
	w.config.AWSAccessKeyID, w.config.AWSSecretAccessKey = "ak", "sk"
}

// later names a second run, since names tell whole seconds.
func later() time.Time { return time.Now().Add(time.Minute) }

func TestAnS3SourceIsProvedThroughEveryFault(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		md5           bool
		whole, parted ledger.Proof
	}{
		"by MD5s":          {true, ledger.ByMD5, ledger.ByCRC},
		"by Kodo's hashes": {false, ledger.ByQetag, ledger.ByCRC},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			if tc.md5 {
				k, err := kodo.Start(kodo.Config{AccessKey: "ak", SecretKey: "sk", Seed: 1, S3MD5: true})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = k.Close() })
				if err := k.CreateBucket("photos"); err != nil {
					t.Fatal(err)
				}
				w.kodo = k
			}
			w.overS3(t)
			w.fill(t, 100)
			old := time.Now().Add(-24 * time.Hour)
			big := bytes.Repeat([]byte("0123456789abcdef"), 5<<16)
			w.put(t, kodo.Object{Key: "big/parts", Body: big, Parts: []int64{2 << 20, 3 << 20}, PutTime: old})
			w.put(t, kodo.Object{Key: "照片/a b+c%.jpg", Body: []byte("attributes"), MimeType: "image/jpeg", PutTime: old, Meta: map[string]string{"owner": "me", "!Cache-Control": "max-age=60"}})
			w.put(t, kodo.Object{Key: "cold/thawed", Body: []byte("thawed"), Type: 2, RestoreStatus: 2, PutTime: old})
			w.put(t, kodo.Object{Key: "cold/frozen", Body: []byte("frozen"), Type: 3, PutTime: old})
			w.put(t, kodo.Object{Key: "disabled", Body: []byte("disabled"), Status: 1, PutTime: old})
			w.kodo.Desk().Inject(
				chaos.Rule{Op: "s3-get", Kind: chaos.Flip, Rate: 0.3, Limit: 12}, chaos.Rule{Op: "s3-get", Kind: chaos.Reset, Rate: 0.1, Limit: 5},
				chaos.Rule{Op: "s3-get", Kind: chaos.Throttle, Rate: 0.1, Limit: 3}, chaos.Rule{Op: "s3-list", Kind: chaos.EmptyPage, Rate: 0.3},
				chaos.Rule{Op: "s3-list", Kind: chaos.Status, Status: 500, Rate: 0.5, Limit: 1}, chaos.Rule{Op: "s3-head", Kind: chaos.Status, Status: 503, Rate: 1, Limit: 1})
			w.oss.OnStored(func(bucket string, o oss.Object) {
				w.mu.Lock()
				want := w.bodies[o.Key]
				w.mu.Unlock()
				if bucket == "photos-new" && o.Key != "big/parts" && o.CRC64 != crc64.Checksum(want, ecma) {
					t.Errorf("%q became visible with other bytes than the source's", o.Key)
				}
			})
			// A flip in what has no hash is not seen: it is let pass once, whole.
			rep, err := w.copy(t, agent.CopyOptions{}, func(j *job.Job) { j.Filter.Exclude = []string{"big/**"} })
			if err != nil || rep.Objects.Copied != 102 || rep.Objects.Verified != 102 || rep.Objects.Skipped != 1 || rep.Objects.Failed != 1 || rep.Proofs[tc.whole].Objects != 102 {
				t.Fatalf("%+v, %v, proofs %v, failures %+v", rep.Summary, err, rep.Proofs, rep.Failures)
			}
			if w.kodo.Desk().Injected()[chaos.Flip] == 0 || w.kodo.Desk().Counts()["get"]+w.kodo.Desk().Counts()["list"] > 0 {
				t.Errorf("injected %v, asked %v: want flips, and nothing asked but S3", w.kodo.Desk().Injected(), w.kodo.Desk().Counts())
			}
			got, _ := w.oss.Get("photos-new", "照片/a b+c%.jpg")
			if string(got.Body) != "attributes" || got.Header.Get("Content-Type") != "image/jpeg" || got.Meta["owner"] != "me" || got.Header.Get("Cache-Control") != "max-age=60" {
				t.Errorf("its attributes: %+v", got)
			}

			w.kodo.Desk().Inject()
			rep, err = w.copy(t, agent.CopyOptions{Now: later})
			if err != nil || rep.Objects.Copied != 1 || rep.Objects.Unchanged != 102 || rep.Proofs[tc.parted].Objects != 1 {
				t.Errorf("the second copy: %+v, %v, proofs %v, failures %+v", rep.Summary, err, rep.Proofs, rep.Failures)
			}
		})
	}
}

func TestAnS3BucketThatVanishesDeletesNothing(t *testing.T) {
	w := newWorld(t)
	w.overS3(t)
	w.fill(t, 40)
	mirror := func(j *job.Job) { j.Delete = true; j.Limits.Attempts = 1 }
	if rep, err := w.copy(t, agent.CopyOptions{}, mirror); err != nil || rep.Result != report.Verified {
		t.Fatalf("%+v, %v", rep.Summary, err)
	}
	for i := range 5 {
		w.kodo.Remove("photos", fmt.Sprintf("k/%05d", i))
	}
	// Once the deletions are about to be made, the bucket is renamed away.
	w.oss.OnRequest(func(r oss.Request) {
		if r.Op == "put" && strings.HasSuffix(r.Key, "/gate.json") {
			_ = w.kodo.SetS3Name("photos", "elsewhere")
		}
	})
	rep, err := w.copy(t, agent.CopyOptions{Now: later}, mirror)
	if got := len(w.oss.Keys("photos-new")); got != 40 {
		t.Errorf("%d objects are left in the target, want all 40: a HEAD's 404 was taken for a deleted object\n%+v, %v", got, rep.Summary, err)
	}
	if w.kodo.Desk().Counts()["s3-head"] == 0 {
		t.Error("the source was not asked once more: the test proves nothing")
	}
}

func TestTheKeysOfAnS3SourceAreThoseOfItsService(t *testing.T) {
	all := map[string]string{"ALIBABA_CLOUD_ACCESS_KEY_ID": "x", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "x"}
	aws, qiniu := []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}, []string{"QINIU_ACCESS_KEY", "QINIU_SECRET_KEY"}
	for src, tc := range map[string]struct{ want, others []string }{
		"s3://photos/?region=us-east-1":                                          {aws, qiniu},
		"s3://photos/?region=us-east-1&endpoint=minio.example.com":               {aws, qiniu},
		"s3://photos/?region=cn-east-1":                                          {qiniu, aws},
		"s3://photos/?region=cn-east-1&endpoint=photos.s3-cn-east-1.qiniucs.com": {qiniu, aws},
	} {
		j, err := job.New(src, "oss://photos-new/?region=cn-hangzhou", "")
		if err != nil {
			t.Fatal(err)
		}
		env := maps.Clone(all)
		load := func() app.Config { return app.Load(func(name string) string { return env[name] }) }
		_, err = load().Connect(j)
		for _, name := range tc.want {
			if fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), name) {
				t.Errorf("%s: %v, want it to name %s", src, err, name)
			}
			env[name] = "x"
		}
		for _, name := range tc.others {
			if strings.Contains(fmt.Sprint(err), name) {
				t.Errorf("%s: %v, which names %s", src, err, name)
			}
		}
		if _, err := load().Connect(j); err != nil {
			t.Errorf("%s with %v: %v", src, tc.want, err)
		}
	}
}

func TestADeploymentNeedsTheKeysOfOneServiceToReadFrom(t *testing.T) {
	c := app.Config{
		OSSAccessKeyID: "id", OSSAccessSecret: "secret", LedgerAt: "oss://ledger-bucket/.ferry/?region=cn-hangzhou", QueuesAt: "mns://1234/ferry-?region=cn-hangzhou",
	}
	if _, err := c.Deploy(slog.New(slog.DiscardHandler)); fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), "QINIU_ACCESS_KEY") {
		t.Errorf("without any: %v, want it to name Kodo's", err)
	}
	c.AWSAccessKeyID, c.AWSSecretAccessKey = "id", "secret"
	d, err := c.Deploy(slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatalf("with AWS's: %v", err)
	}
	j, err := job.New("kodo://photos/?region=z0", "oss://photos-new/?region=cn-hangzhou", "")
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Check(t.Context(), j); fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), "QINIU_SECRET_KEY") {
		t.Errorf("a job at Kodo: %v, want it to name Kodo's keys", err)
	}
}
