package main

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"
	"time"

	"kodoferry/shared/emulator/chaos"
	"kodoferry/shared/emulator/kodo"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline"
)

func TestABucketIsMovedThroughItsS3Interface(t *testing.T) {
	c := newClouds(t)
	c.fill(t, 60)
	old := time.Now().Add(-24 * time.Hour)
	for _, o := range []kodo.Object{
		{Key: "照片/a b+c%2F.jpg", Body: []byte("an awkward name"), MimeType: "image/jpeg", Meta: map[string]string{"owner": "me"}},
		{Key: "cold.jpg", Body: []byte("archived"), Type: 2},
	} {
		o.PutTime = old
		if _, err := c.kodo.Put(demoSource, o); err != nil {
			t.Fatal(err)
		}
	}
	c.kodo.Desk().Inject(chaos.Rule{Op: "s3-get", Kind: chaos.Flip, Rate: 0.3, Limit: 5})

	out, said, code := execute(t, c.env, "plan", c.s3, c.dst)
	for _, want := range []string{"62 listed = 61 to copy + 1 to skip", "restore it (RestoreObject)", "a listing of S3 tells neither headers nor metadata", "asks is not in it, nor in the price file", "GET requests"} {
		if code != 0 || !strings.Contains(out, want) {
			t.Errorf("the plan (exit code %d) does not say %q:\n%s%s", code, want, out, said)
		}
	}
	if strings.Contains(out, "Kodo traffic") || strings.Contains(out, "Qiniu") {
		t.Errorf("the plan counts by Kodo's prices:\n%s", out)
	}
	out, _, _ = execute(t, c.env, "plan", c.s3, c.dst, "--quick")
	if !strings.Contains(out, "every one of the source's 62 objects was looked at") {
		t.Errorf("a quick plan of a small bucket is not exact:\n%s", out)
	}
	if keys := c.oss.Keys(demoTarget); len(keys) > 0 {
		t.Errorf("the plans left %q", keys)
	}

	out, said, code = execute(t, c.env, "copy", c.s3, c.dst, "--json")
	s := summaryOf(t, out)
	if want := (pipeline.Totals{Listed: 62, Copied: 61, Skipped: 1, Verified: 61}); code != 0 || s.Result != pipeline.ResultVerified || s.Objects != want {
		t.Fatalf("exit code %d, %+v, want %+v verified\n%s", code, s, want, said)
	}
	var rep pipeline.Report
	out, _, _ = execute(t, c.env, "report", s.Run, "--json", "--ledger", c.ledger)
	if err := json.Unmarshal([]byte(out), &rep); err != nil || rep.Proofs[ledger.ByQetag].Objects != 61 {
		t.Errorf("the report: %v, proofs %v, want 61 by the qetag that the ETag is", err, rep.Proofs)
	}
	got, _ := c.oss.Get(demoTarget, "照片/a b+c%2F.jpg")
	if string(got.Body) != "an awkward name" || got.Header.Get("Content-Type") != "image/jpeg" || got.Meta["owner"] != "me" {
		t.Errorf("the awkward name came as %+v", got)
	}
	if n := c.kodo.Desk().Counts(); n["get"]+n["list"]+n["stat"]+n["query"] > 0 {
		t.Errorf("Kodo was asked %v, want S3's operations alone", n)
	}
	out, said, code = execute(t, c.env, "copy", c.s3, c.dst)
	if code != 0 || !strings.Contains(out, "62 listed = 61 unchanged + 1 skipped") {
		t.Errorf("the second copy: exit code %d, %s%s", code, out, said)
	}
}

func TestAQuickPlanOfABigS3BucketSaysThatItGuesses(t *testing.T) {
	const objects = 200_000
	c := newClouds(t)
	if err := c.kodo.Synthesize(demoSource, kodo.Synthetic{Count: objects, Seed: 5, MinSize: 100, Depth: 1}); err != nil {
		t.Fatal(err)
	}
	out, said, code := execute(t, c.env, "plan", c.s3, c.dst, "--quick", "--json")
	p := forecastOf(t, out).Plan
	if n := p.Sum(pipeline.ToCopy, "", "").Objects; code != 0 || n < objects*8/10 || n > objects*12/10 {
		t.Errorf("exit code %d, %d objects, want %d or a fifth more or less\n%s", code, n, objects, said)
	}
	how := strings.Join(p.How, "\n")
	for _, want := range []string{"guessed", "the bucket's own statistics were not to be had: the service has none"} {
		if !p.Estimated || !strings.Contains(how, want) {
			t.Errorf("estimated %v, how %q; want it marked, and %q", p.Estimated, how, want)
		}
	}
	if n := c.kodo.Desk().Counts()["s3-list"]; n > 210 {
		t.Errorf("%d listings, want 200 and a few", n)
	}
}

func TestTheEmulatedS3IsWhereItIsSaidToBe(t *testing.T) {
	c, _, _ := command(t, nil, "emulate", "--json", "--until-eof", "--objects", "60", "--seed", "3")
	d := emulated(t, c)
	env := []string{}
	for name, value := range d.Env {
		env = append(env, name+"="+value)
	}
	out, said, code := execute(t, env, "copy", d.Env["FERRY_S3_SOURCE"], d.Env["FERRY_TARGET"], "--json")
	// One is archived, one has a key that OSS cannot hold, and one is disabled, which a listing of S3 does not tell.
	if s := summaryOf(t, out); code != exitIncomplete || s.Objects.Verified != 57 || s.Objects.Skipped != 1 || s.Objects.Failed != 2 {
		t.Errorf("exit code %d, %+v, want 57 verified, 1 skipped, 2 failed\n%s", code, s, said)
	}
	if d.S3.Buckets[0] != emulatedS3 || !strings.Contains(d.Env["FERRY_S3_SOURCE"], d.S3.Region) {
		t.Errorf("it describes %+v", d.S3)
	}
}

// emulated starts c, which emulates, and reads what it says of itself. It ends with the test.
func emulated(t *testing.T, c *exec.Cmd) (d description) {
	t.Helper()
	c.Stdout = nil
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_ = c.Wait() // it ends with its input
	})
	if err := json.NewDecoder(out).Decode(&d); err != nil {
		t.Fatal(err)
	}
	return d
}
