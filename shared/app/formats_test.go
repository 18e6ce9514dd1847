package app_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"kodoferry/shared/emulator/binaries"
	"kodoferry/shared/emulator/fc"
	"kodoferry/shared/emulator/kodo"
	"kodoferry/shared/job"
	"kodoferry/shared/report"
	"kodoferry/shared/task"
)

// formatBefore is a commit of the version whose formats are one before this
// one's: what half of a deployment still runs while the other half is upgraded.
const formatBefore = "6eeb67a"

// TestHalfTheFunctionsAreOneVersionOlder has functions of both versions take
// from the same queues, in a run that knows every kind of message.
func TestHalfTheFunctionsAreOneVersionOlder(t *testing.T) {
	t.Parallel() // most of it is waiting
	old := builtOf(t, formatBefore)
	p := deployed(t, fc.FC)
	for _, s := range task.Stages {
		f := fc.Function{
			Name: "old-" + string(s), Binary: filepath.Join(old, string(s)), Env: maps.Clone(p.env),
			Platform: fc.FC, Timeout: time.Minute, Memory: 512, MaxInstances: 4, Log: p.logs,
		}
		if err := p.cloud.Deploy(f); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"ferry-", "old-"} {
			p.stream(t, string(s), name+string(s))
		}
	}
	p.stream(t, "dead", "ferry-verify")
	p.fill(t, 600)
	set := func(j *job.Job) {
		j.Delete, j.Limits.BatchObjects, j.Limits.ShardKeys, j.Limits.PartsAbove, j.Limits.PartSize = true, 20, 60, 4<<20, 4<<20
	}
	if rep := p.run(t, set); rep.Result != report.Verified || rep.Objects.Verified != 600 {
		t.Errorf("%+v, want 600 verified\n%s", rep.Summary, tail(p.logs.String()))
	}
	for i := range 30 {
		p.kodo.Remove("photos", fmt.Sprintf("k/%05d", i*20))
	}
	for i := range 3 {
		p.put(t, kodo.Object{Key: fmt.Sprintf("big/%d", i), Body: bytes.Repeat([]byte{byte(i), 1, 2}, 6<<20), PutTime: time.Now().Add(-24 * time.Hour)})
	}
	rep := p.run(t, set)
	if o := rep.Objects; rep.Result != report.Verified || o.Copied != 3 || o.Deleted == 0 || o.Unchanged != 570 {
		t.Errorf("%+v, want 3 copied in parts, some deleted, and all verified\n%s", rep.Summary, tail(p.logs.String()))
	}
	for i := range 30 {
		key := fmt.Sprintf("k/%05d", i*20)
		if o, there := p.oss.Get("photos-new", key); there {
			story, err := report.Why(t.Context(), p.deploy.Ledger().Run(rep.Run), key)
			t.Errorf("%s is still there (%v), want it deleted: %v; mirror %+v; %+v", key, o.Meta, err, rep.Mirror, story.Steps)
		}
	}
	for name, s := range p.cloud.Stats() {
		t.Logf("%s: %d invocations, %d failed", name, s.Invocations, s.Failures)
		if (name == "old-copy" || name == "ferry-copy" || name == "old-verify" || name == "ferry-verify") && s.Invocations == 0 {
			t.Errorf("%s did nothing: the test proves too little", name)
		}
	}
}

// builtOf builds the functions as they were at a commit. Where the history is
// not there, as in a shallow clone, it skips the test.
func builtOf(t *testing.T, commit string) string {
	t.Helper()
	top, err := exec.Command("git", "rev-parse", "--show-toplevel").Output()
	if err != nil {
		t.Skipf("the sources are in no git repository: %v", err)
	}
	archive := exec.Command("git", "archive", "--format=tar", commit, "go.mod", "go.sum", "functions", "shared")
	archive.Dir = string(bytes.TrimSpace(top))
	data, err := archive.Output()
	if err != nil {
		t.Skipf("commit %s is not in this clone; fetch its history to test the version before: %v", commit, err)
	}
	src := t.TempDir()
	if err := unpack(src, data); err != nil {
		t.Fatal(err)
	}
	bin, err := binaries.BuildIn(src, commit, "./functions/...")
	if err != nil {
		t.Fatal(err)
	}
	return bin
}

func unpack(dir string, data []byte) error {
	for files := tar.NewReader(bytes.NewReader(data)); ; {
		h, err := files.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		path := filepath.Join(dir, filepath.Clean("/"+h.Name))
		switch h.Typeflag {
		case tar.TypeDir:
			err = os.MkdirAll(path, 0o755)
		case tar.TypeReg:
			var body []byte
			if body, err = io.ReadAll(files); err == nil {
				err = os.WriteFile(path, body, 0o644)
			}
		}
		if err != nil {
			return err
		}
	}
}
