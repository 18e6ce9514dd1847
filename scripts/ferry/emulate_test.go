package main

import (
	"encoding/json"
	"log/slog"
	"maps"
	"net/url"
	"strings"
	"testing"

	"kodoferry/shared/app"
	"kodoferry/shared/job"
)

// TestADeploymentFindsItsQueuesAtEitherService opens a deployment with what
// `ferry emulate` says, word for word.
func TestADeploymentFindsItsQueuesAtEitherService(t *testing.T) {
	o := emulateOptions{kodoAddr: "127.0.0.1:0", s3Addr: "127.0.0.1:0", ossAddr: "127.0.0.1:0", mnsAddr: "127.0.0.1:0", sqsAddr: "127.0.0.1:0", s3Name: emulatedS3, objects: 3}
	e, err := o.start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.close)
	said := e.describe()
	for name, queues := range map[string]string{"MNS": said.Env["FERRY_QUEUES"], "SQS": said.SQS.Location} {
		t.Run(name, func(t *testing.T) {
			if !strings.HasPrefix(queues, strings.ToLower(name)+"://") || !strings.Contains(e.explain(), "FERRY_QUEUES='"+queues+"'") {
				t.Errorf("FERRY_QUEUES is to be %q, want it at %s, and told to people, too", queues, name)
			}
			env := maps.Clone(said.Env)
			env["FERRY_QUEUES"] = queues
			d, err := app.Load(func(key string) string { return env[key] }).Deploy(slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			j, err := job.New(env["FERRY_SOURCE"], env["FERRY_TARGET"], env["FERRY_LEDGER"])
			if err != nil {
				t.Fatal(err)
			}
			if err := d.Check(t.Context(), j); err != nil {
				t.Errorf("Check = %v, want everything reachable", err)
			}
		})
	}
	if n := e.sqs.Desk().Counts()["attributes"]; n != int64(len(app.QueueNames)) {
		t.Errorf("SQS was asked %d times, want once for each queue", n)
	}
}

// TestTheEmulationSaysWhereItIs: each stand-in at the address it was given, which may be
// another host's for S3 than for Kodo, and the bucket of S3 under the name it was given, which
// may be Kodo's own.
func TestTheEmulationSaysWhereItIs(t *testing.T) {
	for name, tc := range map[string]struct {
		args []string
		want map[string]string // a part of what is said: host, or name
		code int
		says string
	}{
		"as it comes":         {nil, map[string]string{"kodo": "127.0.0.1", "s3": "127.0.0.1", "bucket": emulatedS3}, 0, ""},
		"S3 at another host":  {[]string{"--s3-addr", "127.0.0.2:0"}, map[string]string{"kodo": "127.0.0.1", "s3": "127.0.0.2", "bucket": emulatedS3}, 0, ""},
		"S3 by Kodo's name":   {[]string{"--s3-name", demoSource}, map[string]string{"s3": "127.0.0.1", "bucket": demoSource}, 0, ""},
		"all at every host":   {[]string{"--kodo-addr", "0.0.0.0:0", "--s3-addr", "[::]:0", "--oss-addr", "0.0.0.0:0", "--mns-addr", ":0", "--sqs-addr", "0.0.0.0:0"}, map[string]string{"kodo": "127.0.0.1", "s3": "127.0.0.1", "oss": "127.0.0.1", "mns": "127.0.0.1", "sqs": "127.0.0.1"}, 0, ""},
		"S3 by no name":       {[]string{"--s3-name", ""}, nil, exitUsage, "--s3-name"},
		"S3 by a path's name": {[]string{"--s3-name", "a/b"}, nil, exitUsage, "--s3-name"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, said, code := execute(t, nil, append([]string{"emulate", "--until-eof", "--json"}, tc.args...)...) // whose input is empty
			if code != tc.code || !strings.Contains(said, tc.says) {
				t.Fatalf("exit code %d, %q, want %d with %q", code, said, tc.code, tc.says)
			}
			if code != 0 {
				return
			}
			var d description
			if err := json.Unmarshal([]byte(out), &d); err != nil {
				t.Fatal(err)
			}
			host := func(raw string) string {
				u, err := url.Parse(raw)
				if err != nil {
					t.Error(err)
					return ""
				}
				return u.Hostname()
			}
			got := map[string]string{
				"kodo": host(d.Kodo.Endpoint), "s3": host(d.S3.Endpoint), "oss": host(d.OSS.Endpoint), "mns": host(d.MNS.Endpoint), "sqs": host(d.SQS.Endpoint),
				"bucket": d.S3.Buckets[0],
			}
			for what, want := range tc.want {
				if got[what] != want {
					t.Errorf("%s is %s, want %s", what, got[what], want)
				}
			}
			if at := "s3://" + got["bucket"] + "/"; !strings.HasPrefix(d.Env["FERRY_S3_SOURCE"], at) || !strings.Contains(d.Env["FERRY_S3_SOURCE"], url.QueryEscape(d.S3.Endpoint)) {
				t.Errorf("FERRY_S3_SOURCE is %s, want %s at %s", d.Env["FERRY_S3_SOURCE"], at, d.S3.Endpoint)
			}
		})
	}
}
