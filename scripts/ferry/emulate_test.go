package main

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"kodoferry/scripts/ferry/cli"
	"kodoferry/scripts/ferry/emulation"
	"kodoferry/scripts/ferry/standins"
)

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
		"as it comes":         {nil, map[string]string{"kodo": "127.0.0.1", "s3": "127.0.0.1", "bucket": emulation.S3Name}, 0, ""},
		"S3 at another host":  {[]string{"--s3-addr", "127.0.0.2:0"}, map[string]string{"kodo": "127.0.0.1", "s3": "127.0.0.2", "bucket": emulation.S3Name}, 0, ""},
		"S3 by Kodo's name":   {[]string{"--s3-name", standins.Source}, map[string]string{"s3": "127.0.0.1", "bucket": standins.Source}, 0, ""},
		"all at every host":   {[]string{"--kodo-addr", "0.0.0.0:0", "--s3-addr", "[::]:0", "--oss-addr", "0.0.0.0:0", "--mns-addr", ":0", "--sqs-addr", "0.0.0.0:0"}, map[string]string{"kodo": "127.0.0.1", "s3": "127.0.0.1", "oss": "127.0.0.1", "mns": "127.0.0.1", "sqs": "127.0.0.1"}, 0, ""},
		"S3 by no name":       {[]string{"--s3-name", ""}, nil, cli.ExitUsage, "--s3-name"},
		"S3 by a path's name": {[]string{"--s3-name", "a/b"}, nil, cli.ExitUsage, "--s3-name"},
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
			var d emulation.Description
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
