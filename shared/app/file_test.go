package app_test

import (
	"log/slog"
	"strings"
	"testing"

	"kodoferry/shared/app"
	"kodoferry/shared/fault"
	"kodoferry/shared/job"
)

func TestEverySchemeToReadFromIsOpened(t *testing.T) {
	at := map[string]string{job.Kodo: "kodo://photos/?region=z0", job.S3: "s3://photos/?region=eu-west-1", job.File: "file://" + t.TempDir()}
	c := app.Config{KodoAccessKey: "ak", KodoSecretKey: "sk", AWSAccessKeyID: "ak", AWSSecretAccessKey: "sk"}
	for _, scheme := range job.Sources() {
		l, err := job.ParseLocation(at[scheme])
		if err != nil {
			t.Fatalf("%s: %v", scheme, err)
		}
		if _, err := c.Source(l); err != nil {
			t.Errorf("%s: %v", scheme, err)
		}
	}
}

// TestADeploymentReadsNoDirectory has a function asked for what it may have itself.
func TestADeploymentReadsNoDirectory(t *testing.T) {
	c := app.Config{
		KodoAccessKey: "ak", KodoSecretKey: "sk", OSSAccessKeyID: "id", OSSAccessSecret: "secret",
		LedgerAt: "oss://my-ledger/.ferry/?region=cn-hangzhou", QueuesAt: "mns://1234567890123456/ferry-?region=cn-hangzhou",
	}
	d, err := c.Deploy(slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	j, err := job.New("file://"+t.TempDir(), "oss://photos-new/?region=cn-hangzhou", "")
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Check(t.Context(), j); fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), "ferry copy") {
		t.Errorf("got %v, want it refused, and ferry copy named", err)
	}
}
