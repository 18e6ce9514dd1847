package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"kodoferry/scripts/ferry/emulation"
	"kodoferry/scripts/ferry/standins"
	"kodoferry/shared/emulator/binaries"
	"kodoferry/shared/emulator/kodo"
	"kodoferry/shared/emulator/oss"
	"kodoferry/shared/emulator/testmain"
)

// binary is the real command, built once for all tests.
var binary string

func TestMain(m *testing.M) {
	dir, err := binaries.Build("kodoferry/scripts/ferry")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	binary = filepath.Join(dir, "ferry")
	os.Exit(testmain.Run(m))
}

// command is a command line of the real binary. Of the environment it has only
// what env says.
func command(t *testing.T, env []string, args ...string) (c *exec.Cmd, out, errOut *bytes.Buffer) {
	t.Helper()
	c = exec.CommandContext(t.Context(), binary, args...)
	c.Env = append(slices.DeleteFunc(os.Environ(), func(v string) bool {
		return strings.HasPrefix(v, "QINIU_") || strings.HasPrefix(v, "AWS_") || strings.HasPrefix(v, "ALIBABA_CLOUD_") || strings.HasPrefix(v, "FERRY_") || strings.HasPrefix(v, "LANG") || strings.HasPrefix(v, "LC_")
	}), env...)
	out, errOut = new(bytes.Buffer), new(bytes.Buffer)
	c.Stdout, c.Stderr = out, errOut
	return c, out, errOut
}

// execute runs a command line and returns what it printed and its exit code.
func execute(t *testing.T, env []string, args ...string) (out, errOut string, code int) {
	t.Helper()
	c, stdout, stderr := command(t, env, args...)
	err := c.Run()
	if c.ProcessState == nil {
		t.Fatalf("%v: %v", args, err)
	}
	return stdout.String(), stderr.String(), c.ProcessState.ExitCode()
}

// signalled starts a command line, sends it sig once ready says so, and returns
// what it printed and its exit code, -1 if the signal killed it.
func signalled(t *testing.T, env []string, sig syscall.Signal, ready func() bool, args ...string) (errOut string, code int) {
	t.Helper()
	c, _, stderr := command(t, env, args...)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	over := make(chan struct{})
	go func() {
		_ = c.Wait() // its exit code tells
		close(over)
	}()
	for !ready() {
		select {
		case <-over:
			t.Fatalf("%v ended with %d before it was to be interrupted:\n%s", args, c.ProcessState.ExitCode(), stderr)
		case <-time.After(time.Millisecond):
		}
	}
	_ = c.Process.Signal(sig)
	<-over
	return stderr.String(), c.ProcessState.ExitCode()
}

// clouds are both stand-ins, the source bucket photos and the empty target
// photos-new.
type clouds struct {
	kodo     *kodo.Server
	oss      *oss.Server
	env      []string
	src, dst string
	s3       string // the source through its S3 interface
	ledger   string
}

func newClouds(t *testing.T) *clouds {
	t.Helper()
	k, err := kodo.Start(kodo.Config{AccessKey: emulation.AccessKey, SecretKey: emulation.SecretKey})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = k.Close() })
	o, err := oss.Start(oss.Config{AccessKeyID: emulation.AccessKey, AccessKeySecret: emulation.SecretKey, Region: "cn-hangzhou"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = o.Close() })
	if err := k.CreateBucket(standins.Source); err != nil {
		t.Fatal(err)
	}
	if err := k.SetS3Name(standins.Source, emulation.S3Name); err != nil {
		t.Fatal(err)
	}
	if err := o.CreateBucket(standins.Target); err != nil {
		t.Fatal(err)
	}
	return &clouds{
		kodo: k, oss: o,
		env: []string{
			"QINIU_ACCESS_KEY=" + emulation.AccessKey, "QINIU_SECRET_KEY=" + emulation.SecretKey,
			"AWS_ACCESS_KEY_ID=" + emulation.AccessKey, "AWS_SECRET_ACCESS_KEY=" + emulation.SecretKey,
			"ALIBABA_CLOUD_ACCESS_KEY_ID=" + emulation.AccessKey, "ALIBABA_CLOUD_ACCESS_KEY_SECRET=" + emulation.SecretKey,
		},
		src:    "kodo://" + standins.Source + "/?region=z0&insecure=true&endpoint=" + k.Endpoint(),
		s3:     "s3://" + emulation.S3Name + "/?region=" + k.S3Region() + "&insecure=true&endpoint=" + k.S3Endpoint(),
		dst:    "oss://" + standins.Target + "/?region=cn-hangzhou&insecure=true&endpoint=" + o.Endpoint(),
		ledger: "oss://" + standins.Target + "/.ferry/?region=cn-hangzhou&insecure=true&endpoint=" + o.Endpoint(),
	}
}

// fill puts n small objects into the source, uploaded yesterday.
func (c *clouds) fill(t *testing.T, n int) {
	t.Helper()
	for i := range n {
		o := kodo.Object{Key: keyOf(i), Body: []byte(bodyOf(i)), PutTime: time.Now().Add(-24 * time.Hour)}
		if _, err := c.kodo.Put(standins.Source, o); err != nil {
			t.Fatal(err)
		}
	}
}

func keyOf(i int) string  { return fmt.Sprintf("photos/%05d.jpg", i) }
func bodyOf(i int) string { return fmt.Sprintf("the bytes of %d", i) }
