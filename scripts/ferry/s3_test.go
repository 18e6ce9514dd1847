package main

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"
	"time"

	"kodoferry/scripts/ferry/cli"
	"kodoferry/scripts/ferry/emulation"
	"kodoferry/scripts/ferry/standins"
	"kodoferry/shared/emulator/chaos"
	"kodoferry/shared/emulator/kodo"
	"kodoferry/shared/ledger"
	"kodoferry/shared/plan"
	"kodoferry/shared/report"
)

func TestABucketIsMovedThroughItsS3Interface(t *testing.T) {
	t.Parallel()
	c := newClouds(t)
	c.fill(t, 60)
	old := time.Now().Add(-24 * time.Hour)
	for _, o := range []kodo.Object{
		{Key: "照片/a b+c%2F.jpg", Body: []byte("an awkward name"), MimeType: "image/jpeg", Meta: map[string]string{"owner": "me"}},
		{Key: "cold.jpg", Body: []byte("archived"), Type: 2},
	} {
		o.PutTime = old
		if _, err := c.kodo.Put(standins.Source, o); err != nil {
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
	if keys := c.oss.Keys(standins.Target); len(keys) > 0 {
		t.Errorf("the plans left %q", keys)
	}

	out, said, code = execute(t, c.env, "copy", c.s3, c.dst, "--json")
	s := summaryOf(t, out)
	if want := (report.Totals{Listed: 62, Copied: 61, Skipped: 1, Verified: 61}); code != 0 || s.Result != report.Verified || s.Objects != want {
		t.Fatalf("exit code %d, %+v, want %+v verified\n%s", code, s, want, said)
	}
	var rep report.Report
	out, _, _ = execute(t, c.env, "report", s.Run, "--json", "--ledger", c.ledger)
	if err := json.Unmarshal([]byte(out), &rep); err != nil || rep.Proofs[ledger.ByQetag].Objects != 61 {
		t.Errorf("the report: %v, proofs %v, want 61 by the qetag that the ETag is", err, rep.Proofs)
	}
	got, _ := c.oss.Get(standins.Target, "照片/a b+c%2F.jpg")
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

	out, said, code = execute(t, c.env, "copy", c.s3, c.dst, "--thaw")
	got, _ = c.oss.Get(standins.Target, "cold.jpg")
	if code != 0 || !strings.Contains(out, "62 listed = 1 copied + 61 unchanged") || string(got.Body) != "archived" || c.kodo.Desk().Counts()["s3-restore"] != 1 {
		t.Errorf("the copy that thaws: exit code %d, %s%s, asked %v", code, out, said, c.kodo.Desk().Counts())
	}
}

func TestAQuickPlanOfABigS3BucketSaysThatItGuesses(t *testing.T) {
	t.Parallel()
	const objects = 200_000
	c := newClouds(t)
	if err := c.kodo.Synthesize(standins.Source, kodo.Synthetic{Count: objects, Seed: 5, MinSize: 100, Depth: 1}); err != nil {
		t.Fatal(err)
	}
	out, said, code := execute(t, c.env, "plan", c.s3, c.dst, "--quick", "--json")
	p := forecastOf(t, out).Plan
	if n := p.Sum(plan.ToCopy, "", "").Objects; code != 0 || n < objects*8/10 || n > objects*12/10 {
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
	if s := summaryOf(t, out); code != cli.ExitIncomplete || s.Objects.Verified != 57 || s.Objects.Skipped != 1 || s.Objects.Failed != 2 {
		t.Errorf("exit code %d, %+v, want 57 verified, 1 skipped, 2 failed\n%s", code, s, said)
	}
	if d.S3.Buckets[0] != emulation.S3Name || !strings.Contains(d.Env["FERRY_S3_SOURCE"], d.S3.Region) {
		t.Errorf("it describes %+v", d.S3)
	}
}

// emulated starts c, which emulates, and reads what it says of itself. It ends with the test.
func emulated(t *testing.T, c *exec.Cmd) (d emulation.Description) {
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

func TestAKeyThatItsSourceDoesNotEncodeIsCopied(t *testing.T) {
	c := newClouds(t)
	c.fill(t, 10)
	for _, key := range []string{"k/a\x03b+c", "k/z\x1f"} {
		if _, err := c.kodo.Put(standins.Source, kodo.Object{Key: key, Body: []byte(key), PutTime: time.Now().Add(-24 * time.Hour)}); err != nil {
			t.Fatal(err)
		}
	}
	src := c.relisting(t, strings.NewReplacer("%03", "&#x3;", "%1F", "&#31;").Replace)
	out, said, code := execute(t, c.env, "copy", src, c.dst, "--json")
	if s := summaryOf(t, out); code != 0 || s.Objects.Verified != 12 {
		t.Errorf("exit code %d, %+v, want 12 objects verified\n%s", code, s, said)
	}
	for _, key := range []string{"k/a\x03b+c", "k/z\x1f"} {
		if got, ok := c.oss.Get(standins.Target, key); !ok || string(got.Body) != key {
			t.Errorf("%q holds %q", key, got.Body)
		}
	}
}

func TestAKeyThatMayStandForAnotherFailsAlone(t *testing.T) {
	c := newClouds(t)
	c.fill(t, 10)
	if _, err := c.kodo.Put(standins.Source, kodo.Object{Key: "k\x03", Body: []byte("body"), PutTime: time.Now().Add(-24 * time.Hour)}); err != nil {
		t.Fatal(err)
	}
	out, said, code := execute(t, c.env, "copy", c.relisting(t, strings.NewReplacer("%03", "\uFFFD", "+%2B<", " +<", "<EncodingType>url</EncodingType>", "").Replace), c.dst, "--json")
	if s := summaryOf(t, out); code != cli.ExitIncomplete || s.Objects.Listed != 11 || s.Objects.Verified != 10 || s.Objects.Failed != 1 {
		t.Fatalf("exit code %d, %+v, want 10 objects verified, and one failed\n%s", code, s, said)
	}
	out, _, _ = execute(t, c.env, "report", summaryOf(t, out).Run, "--ledger", c.ledger)
	if !strings.Contains(out, "U+FFFD stands for what XML cannot carry") {
		t.Errorf("the report does not say why\n%s", out)
	}
}

func TestACopySaysWhyAStretchIsNotKnown(t *testing.T) {
	c := newClouds(t)
	c.fill(t, 10)
	turned := c.relisting(t, strings.NewReplacer(keyOf(4), keyOf(5), keyOf(5), keyOf(4)).Replace)
	out, said, code := execute(t, c.env, "copy", turned, c.dst)
	const why = "not known: the keys after the beginning up to the end: "
	if _, reason, ok := strings.Cut(out, why); code != cli.ExitIncomplete || !ok || !strings.Contains(reason, "out of order") || !strings.Contains(out, "1 stretch of the listing not known") {
		t.Errorf("exit code %d, want %d and why\n%s%s", code, cli.ExitIncomplete, out, said)
	}
	run := strings.Fields(out[strings.Index(out, "ferry report ")+len("ferry report "):])[0]
	out, _, _ = execute(t, c.env, "report", run, "--ledger", c.ledger)
	if n := strings.Count(out, why); n != 1 {
		t.Errorf("the report says so %d times, want once\n%s", n, out)
	}
}

// TestACheckHoldsAnS3SourceAgainstItsMD5s has a service whose ETags are MD5s: only the answer about
// an object tells whether its is one (S3 API reference, Object: ETag).
func TestACheckHoldsAnS3SourceAgainstItsMD5s(t *testing.T) {
	for name, tc := range map[string]struct {
		objects []kodo.Object
		want    string
	}{
		"all of them":              {[]kodo.Object{{Key: "a", Body: []byte("a")}, {Key: "b", Body: []byte("b")}}, "ok    same bytes    2 objects have the bytes whose hashes are listed"},
		"all but what is in parts": {[]kodo.Object{{Key: "a", Body: []byte("a")}, {Key: "b", Body: make([]byte, 3<<20), Parts: []int64{2 << 20, 1 << 20}}}, "note  same bytes    1 of 2 objects have no hash"},
		"one that is altered":      {[]kodo.Object{{Key: "a", Body: []byte("a")}, {Key: "b", Body: []byte("flipped")}}, "FAIL  same bytes    1 of 2 objects come with other bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClouds(t)
			k, err := kodo.Start(kodo.Config{AccessKey: emulation.AccessKey, SecretKey: emulation.SecretKey, S3MD5: true})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = k.Close() })
			if err := k.CreateBucket(standins.Source); err != nil {
				t.Fatal(err)
			}
			for _, o := range tc.objects {
				if _, err := k.Put(standins.Source, o); err != nil {
					t.Fatal(err)
				}
			}
			k.Desk().Inject(chaos.Rule{Op: "s3-get", Key: "b", Kind: chaos.Flip, Rate: float64(strings.Count(string(tc.objects[1].Body), "flipped"))})
			src := "s3://" + standins.Source + "/?region=" + k.S3Region() + "&insecure=true&endpoint=" + k.S3Endpoint()
			if out, said, _ := execute(t, c.env, "check", src, c.dst); !strings.Contains(out, tc.want) {
				t.Errorf("it does not say %q\n%s%s", tc.want, out, said)
			}
		})
	}
}
