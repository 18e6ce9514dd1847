package main

import (
	"bytes"
	"compress/gzip"
	"strings"
	"syscall"
	"testing"
	"time"

	"kodoferry/scripts/ferry/cli"
	"kodoferry/scripts/ferry/standins"
	"kodoferry/shared/emulator/chaos"
	"kodoferry/shared/emulator/oss"
)

func zipped(text string, zeros int) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write([]byte(text))
	_, _ = z.Write(make([]byte, zeros))
	_ = z.Close()
	return b.Bytes()
}

// underWay leaves a run that a signal has ended amid its copying.
func (c *clouds) underWay(t *testing.T, args ...string) (run string) {
	t.Helper()
	c.oss.Desk().Inject(chaos.Rule{Op: "put", Kind: chaos.Latency, Rate: 1, Delay: 20 * time.Millisecond})
	off := func() bool {
		for _, key := range c.oss.Keys(standins.Target) {
			if strings.Contains(key, "/copied/") {
				return true
			}
		}
		return false
	}
	if said, code := signalled(t, c.env, syscall.SIGINT, off, args...); code != cli.ExitInterrupted {
		t.Fatalf("exit code %d: %s", code, said)
	}
	c.oss.Desk().Inject()
	for _, key := range c.oss.Keys(standins.Target) {
		if path, ok := strings.CutPrefix(key, standins.Ledger+"runs/"); ok {
			parts := strings.Split(path, "/")
			return parts[0] + "/" + parts[1]
		}
	}
	t.Fatal("no run is in the ledger")
	return ""
}

// TestFilesOfALedgerThatCannotBeReadEndEveryCommand spoils the write-offs, or the
// segments, of a run under way.
func TestFilesOfALedgerThatCannotBeReadEndEveryCommand(t *testing.T) {
	t.Parallel()
	c := newClouds(t)
	c.fill(t, 60)
	args := []string{"copy", c.src, c.dst, "--parallel", "2", "--batch-objects", "10", "--quiet"}
	run := c.underWay(t, args...)
	sound := map[string][]byte{}
	for _, key := range c.oss.Keys(standins.Target) {
		if o, ok := c.oss.Get(standins.Target, key); ok && strings.HasPrefix(key, standins.Ledger) {
			sound[key] = o.Body
		}
	}
	env := append(c.env, "FERRY_LEDGER="+c.ledger)
	const anew = "ferry cancel " // ends the run, so that another begins
	for name, tc := range map[string]struct {
		folder string
		spoil  func(was []byte) []byte
		cure   string
	}{
		"a write-off that is cut":      {"/copied/", func(b []byte) []byte { return b[:len(b)/2] }, anew},
		"a write-off of -1 rows":       {"/copied/", func([]byte) []byte { return zipped(`{"v":2,"rows":-1}`+"\n", 0) }, anew},
		"a write-off of version 99":    {"/copied/", func([]byte) []byte { return zipped(`{"v":99,"rows":1}`+"\n", 0) }, "use the newer ferry"},
		"a write-off that never ends":  {"/copied/", func([]byte) []byte { return zipped(`{"v":2,"rows":9}`+"\n", 64<<20) }, anew},
		"a segment that is cut":        {"/listed/", func(b []byte) []byte { return b[:len(b)/2] }, anew},
		"a segment of version 99":      {"/listed/", func([]byte) []byte { return zipped(`{"v":99,"rows":1}`+"\n", 0) }, "use the newer ferry"},
		"a closing of version 99":      {"/closed/", func([]byte) []byte { return []byte(`{"v":99}`) }, "use the newer ferry"},
		"a first record of version 99": {"/job.json", func([]byte) []byte { return []byte(`{"v":99}`) }, "use the newer ferry"},
	} {
		t.Run(name, func(t *testing.T) {
			file := "job.json"
			for _, key := range c.oss.Keys(standins.Target) { // as it was, but for what is spoiled
				if _, was := sound[key]; strings.HasPrefix(key, standins.Ledger) && !was {
					c.oss.Remove(standins.Target, key)
				}
			}
			for key, body := range sound {
				if strings.Contains(key, tc.folder) {
					body = tc.spoil(body)
				}
				if err := c.oss.Put(standins.Target, oss.Object{Key: key, Body: body}); err != nil {
					t.Fatal(err)
				}
			}
			if tc.folder != "/job.json" {
				file = strings.TrimPrefix(tc.folder, "/")
			}
			for _, line := range [][]string{args, {"why", run, keyOf(0)}, {"status", run}, {"report", run}, {"retry", run}} {
				began := time.Now()
				out, said, code := execute(t, env, line...)
				if took := time.Since(began); took > 20*time.Second {
					t.Errorf("%s took %s", line[0], took)
				}
				if strings.Contains(said, "goroutine ") || strings.Contains(said, "unexpected EOF") {
					t.Errorf("%s: %s", line[0], said)
				}
				if line[0] != "copy" && (line[0] != "why" || code == 0) {
					continue // what is damaged need not be read for it
				}
				if code != cli.ExitOther && code != cli.ExitUsage || !strings.Contains(said, file) || line[0] == "copy" && !strings.Contains(said, tc.cure) {
					t.Errorf("%s ends with %d and does not name %s and %q\n%s%s", line[0], code, file, tc.cure, out, said)
				}
			}
		})
	}
}
