package app

import (
	"fmt"
	"log/slog"
	"testing"

	"kodoferry/shared/job"
)

// counted is a client that counts how often its idle connections are closed.
type counted struct{ closed int }

func (c *counted) CloseIdle() { c.closed++ }

func TestRunsShareTheClientOfTheirBucket(t *testing.T) {
	var all clients[*counted]
	opened := 0
	open := func(text string) *counted {
		t.Helper()
		l, err := job.ParseLocation(text)
		if err != nil {
			t.Fatal(err)
		}
		c, err := all.open(way{to: l}, func() (*counted, error) { opened++; return &counted{}, nil })
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	first := open("oss://one/a/?region=cn-hangzhou")
	for i := range 200 {
		if open(fmt.Sprintf("oss://one/%d/?region=cn-hangzhou", i)) != first {
			t.Fatal("another prefix has another client, want one a bucket")
		}
	}
	others := []*counted{open("oss://one/a/?region=cn-hangzhou&endpoint=internal"), open("oss://two/a/?region=cn-hangzhou"), open("kodo://one/a/?region=z0")}
	if opened != 4 || len(all.used) != 4 {
		t.Errorf("%d clients opened, %d there, want 4 of each", opened, len(all.used))
	}
	for range 200 {
		all.close(first)
	}
	all.closeIdle()
	if first.closed != 1 {
		t.Errorf("the shared client's idle connections were closed %d times, want once, by closeIdle: it is still used", first.closed)
	}
	all.close(first)
	for _, c := range others {
		all.close(c)
	}
	if len(all.used) != 0 || first.closed != 2 {
		t.Errorf("%d clients are left, the shared one was closed %d times, want none and 2", len(all.used), first.closed)
	}
	if open("oss://one/a/?region=cn-hangzhou") == first {
		t.Error("a client is handed out after its last user was gone, want a new one")
	}
}

func TestADeploymentHasTwoClientsForAllRunsOfAJob(t *testing.T) {
	env := map[string]string{
		"FERRY_LEDGER": "oss://ledger-bucket/.ferry/?region=cn-hangzhou", "FERRY_QUEUES": "mns://1234/ferry-?region=cn-hangzhou",
		"QINIU_ACCESS_KEY": "ak", "QINIU_SECRET_KEY": "sk", "ALIBABA_CLOUD_ACCESS_KEY_ID": "id", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "secret",
	}
	d, err := Load(func(k string) string { return env[k] }).Deploy(slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	j, err := job.New("kodo://photos/?region=z0", "oss://photos-new/?region=cn-hangzhou", "")
	if err != nil {
		t.Fatal(err)
	}
	var last func()
	for range 200 {
		src, dst, err := d.open(t.Context(), j)
		if err != nil {
			t.Fatal(err)
		}
		if last != nil {
			last()
		}
		last = func() { d.closed(src, dst) }
	}
	if s, b := len(d.sources.used), len(d.targets.used); s != 1 || b != 1 {
		t.Errorf("200 runs, one after the other, leave %d sources and %d targets, want one of each", s, b)
	}
	other := j
	other.Target.Region = "not a region"
	if _, _, err := d.open(t.Context(), other); err == nil {
		t.Error("a target of no region was opened")
	}
	last()
	if s, b := len(d.sources.used), len(d.targets.used); s+b != 0 {
		t.Errorf("%d sources and %d targets are left when all runs are forgotten, want none", s, b)
	}
}
