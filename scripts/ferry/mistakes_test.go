package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"kodoferry/scripts/ferry/emulation"
	"kodoferry/scripts/ferry/standins"
	"kodoferry/shared/emulator/oss"
)

// TestMistakesAreNamedWithTheirCure runs the real binary. Nothing of what is
// wrong here may change a byte on either side.
func TestMistakesAreNamedWithTheirCure(t *testing.T) {
	c := newClouds(t)
	c.fill(t, 3)
	for _, bucket := range []string{"versioned", "ledger-bucket"} {
		if err := c.oss.CreateBucket(bucket); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.oss.SetVersioning("versioned", "Enabled"); err != nil {
		t.Fatal(err)
	}
	c.oss.AddCredential(oss.Credential{ID: "STS.old", Secret: "sts-secret", Token: "token", Expires: time.Now().Add(-time.Hour)})
	const nobody = "127.0.0.1:1"
	kodo, alibaba := "endpoint="+c.kodo.Endpoint(), "region=cn-hangzhou&insecure=true&endpoint="+c.oss.Endpoint()
	swap := func(text, old, new string) string {
		if !strings.Contains(text, old) {
			t.Fatalf("%q has no %q", text, old)
		}
		return strings.Replace(text, old, new, 1)
	}
	file := func(name, text string) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	two := "jobs:\n  photos: {source: '" + c.src + "', target: '" + c.dst + "', ledger: '" + c.ledger + "', keyList: %s}\n  videos: {source: '" + c.src + "', target: '" + c.dst + "'}\n"
	jobs, keys := file("ferry.yaml", fmt.Sprintf(two, "no-keys.txt")), file("keys.txt", "photos/00000.jpg\n\nphotos/\xff.jpg\n\"photos\n")
	three := file("three.yaml", "jobs:\n  photos:\n    source: kodo://AKIDEXAMPLE:"+emulation.SecretKey+"@photos/\n    target: "+c.dst+"\n    overwrit: always\n    limits:\n      partSize: 1MB\n")
	alerts := file("alerts.yaml", fmt.Sprintf("jobs:\n  photos: {source: '%s', target: '%s', alerts: [{to: FERRY_ALERT_OPS, kind: dingtalk}, {to: FERRY_ALERT_TEAM, kind: feishu}]}\n", c.src, c.dst))
	for name, tc := range map[string]struct {
		args []string
		env  map[string]string // "" unsets
		code int
		want []string
	}{
		"no such command":         {args: []string{"frobnicate"}, code: 2, want: []string{`no command "frobnicate"`, "ferry --help"}},
		"a command misspelt":      {args: []string{"cpoy"}, code: 2, want: []string{`no command "cpoy"`, "did you mean copy?"}},
		"no such flag":            {args: []string{"copy", c.src, c.dst, "--fast"}, code: 2, want: []string{"--fast", "ferry copy --help"}},
		"a flag's value":          {args: []string{"copy", c.src, c.dst, "--parallel", "many"}, code: 2, want: []string{"--parallel", `"many"`, "a whole number"}},
		"more at a time than fit": {args: []string{"copy", c.src, c.dst, "--parallel", "100000"}, code: 2, want: []string{"--parallel is 100000", "1024", "256 MiB of memory", "write auto"}},
		"none at a time":          {args: []string{"copy", c.src, c.dst, "--parallel", "0"}, code: 2, want: []string{"--parallel: 0 objects at a time are none", "write auto"}},
		"no days of a thaw":       {args: []string{"copy", c.src, c.dst, "--thaw", "--thaw-days", "0"}, code: 2, want: []string{"--thaw-days", "is no number of days"}},
		"one place too few":       {args: []string{"copy", c.src}, code: 2, want: []string{"SRC and DST", "1 argument"}},
		"one word too many":       {args: []string{"emulate", "photos"}, code: 2, want: []string{"no arguments"}},
		"source and target mixed": {args: []string{"copy", c.dst, c.src}, code: 2, want: []string{"source and target are the wrong way round", "write kodo://photos/ first"}},
		"no place at all":         {args: []string{"copy", "photos", "photos-new"}, code: 2, want: []string{"source: this is no location", "target: this is no location", "kodo://photos/", "oss://photos-new/"}},
		"nothing to log to":       {args: []string{"copy", c.src, c.dst, "--log", "/nowhere/at/all.log"}, code: 2, want: []string{"--log", "/nowhere/at/all.log"}},

		"a glob and an expression": {args: []string{"copy", c.src, c.dst, "--include", "*.{jpg", "--include", "**.png", "--exclude-regexp", "("}, code: 2, want: []string{`--include "*.{jpg" is no glob: a { has no }`, `--include "**.png" is no glob: ** stands`, `--exclude-regexp "(" does not compile: missing closing )`}},
		"an overlapping timetable": {args: []string{"copy", c.src, c.dst, "--bandwidth", "9MiB/s; mon-fri 09:00-18:00 1MiB/s; fri 17:00-19:00 2MiB/s"}, code: 2, want: []string{"--bandwidth: the windows mon-fri 09:00-18:00 and fri 17:00-19:00 overlap on fri at 17:00"}},
		"sizes, times and words":   {args: []string{"copy", c.src, c.dst, "--min-size", "1,5GB", "--max-size", "-1", "--after", "yesterday", "--before", "2024-13-01", "--only-class", "gold", "--bandwidth", "20Mb/s", "--max-deletes", "-1", "--fanout", "65"}, code: 2, want: []string{`--min-size: "1,5GB"`, `--max-size: "-1"`, `--after: "yesterday"`, `--before: "2024-13-01"`, `--only-class has "gold"`, `--bandwidth: "20Mb/s"`, "--max-deletes is -1", "--fanout is 65"}},
		"parts OSS refuses":        {args: []string{"start", c.src, c.dst, "--part-size", "64KiB", "--parts-above", "6GiB"}, code: 2, want: []string{"--part-size is 65536 bytes: OSS takes parts of 100 KB to 5 GB", "such as 16MiB", "--parts-above is"}},
		"a bad line of a key list": {args: []string{"copy", swap(c.src, "photos/?", "photos/photos/?"), c.dst, "--keys", keys}, code: 2, want: []string{"keys.txt:3: ", "is not UTF-8", "keys.txt:4: ", "is no JSON string"}},
		"no key list":              {args: []string{"copy", c.src, c.dst, "--keys", "/nowhere/keys.txt", "--delete"}, code: 2, want: []string{"--keys: ", "/nowhere/keys.txt", "--delete does not go with a list of keys"}},

		"three mistakes of a file":    {args: []string{"copy", "photos", "--file", three}, code: 2, want: []string{"three.yaml:3: source: the location has credentials", "three.yaml:5: unknown field \"overwrit\" (did you mean overwrite?)", "three.yaml:7: limits.partSize is 1000000 bytes: OSS takes"}},
		"no such job":                 {args: []string{"copy", "fotos", "--file", jobs}, code: 2, want: []string{"ferry.yaml has no job fotos: it has photos, videos"}},
		"no such file of jobs":        {args: []string{"start", "photos"}, code: 2, want: []string{"no file ferry.yaml", "ferry init", "--file", "SRC and DST"}},
		"a job's key list is missing": {args: []string{"copy", "photos", "--file", jobs}, code: 2, want: []string{"keyList: ", filepath.Join(filepath.Dir(jobs), "no-keys.txt")}},
		"a job and flags for one":     {args: []string{"copy", "videos", "--file", jobs, "--include", "*", "--parallel", "9", "--ledger", c.ledger, "--quiet"}, code: 2, want: []string{"--include, --parallel, --ledger: what the job videos is to be stands in " + jobs}},
		"a file and both places":      {args: []string{"copy", c.src, c.dst, "--file", jobs}, code: 2, want: []string{"--file does not go with SRC and DST"}},
		"another deployment's job":    {args: []string{"start", "photos", "--file", jobs, "--ledger", "oss://ledger-bucket/?" + alibaba}, code: 2, want: []string{"keeps its ledger in oss://photos-new/.ferry/", "oss://ledger-bucket/"}},

		"no credentials": {
			args: []string{"copy", c.src, c.dst}, code: 2,
			env:  map[string]string{"QINIU_ACCESS_KEY": "", "QINIU_SECRET_KEY": "", "ALIBABA_CLOUD_ACCESS_KEY_ID": "", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": ""},
			want: []string{"QINIU_ACCESS_KEY", "QINIU_SECRET_KEY", "ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET"},
		},
		"ten mistakes at once": {
			args: []string{"copy", "kodo://photos/?region=q9&speed=fast&insecure=perhaps", "oss://Photos_New/?endpoint=ftp://x", "--class", "gold", "--overwrite", "sometimes", "--hash-mismatch", "ignore", "--parallel", "5000", "--batch-objects", "-1", "--ledger", "kodo://ledger/"},
			env:  map[string]string{"QINIU_SECRET_KEY": "", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": ""}, code: 2,
			want: []string{`"speed"`, "insecure", "Photos_New", "region is missing", "endpoint", "--class", "--overwrite", "--hash-mismatch", "--parallel", "--batch-objects", "--ledger: a ledger is kept in OSS", "QINIU_SECRET_KEY", "ALIBABA_CLOUD_ACCESS_KEY_SECRET"},
		},
		"http without insecure": {
			args: []string{"copy", swap(c.src, "insecure=true&", ""), swap(c.dst, "insecure=true&", "")}, code: 2,
			want: []string{strings.TrimPrefix(c.kodo.Endpoint(), "http://"), strings.TrimPrefix(c.oss.Endpoint(), "http://"), "insecure=true"},
		},

		"wrong source bucket":     {args: []string{"copy", swap(c.src, "photos", "fotos"), c.dst}, code: 2, want: []string{"fotos"}},
		"wrong target bucket":     {args: []string{"copy", c.src, swap(c.dst, "photos-new", "fotos-new"), "--ledger", c.ledger}, code: 2, want: []string{"fotos-new"}},
		"wrong ledger bucket":     {args: []string{"copy", c.src, c.dst, "--ledger", "oss://no-ledger/?" + alibaba}, code: 2, want: []string{"no-ledger"}},
		"wrong buckets all over":  {args: []string{"copy", swap(c.src, "photos", "fotos"), swap(c.dst, "photos-new", "fotos-new"), "--ledger", "oss://no-ledger/?" + alibaba}, code: 2, want: []string{`"fotos"`, "fotos-new", "no-ledger"}},
		"versioned ledger bucket": {args: []string{"copy", c.src, c.dst, "--ledger", "oss://versioned/?" + alibaba}, code: 2, want: []string{"versioned", "--ledger"}},
		"versioned target bucket": {args: []string{"copy", c.src, "oss://versioned/?" + alibaba}, code: 2, want: []string{"versioned", "--ledger"}},
		"wrong Kodo access key":   {args: []string{"copy", c.src, c.dst}, env: map[string]string{"QINIU_ACCESS_KEY": "stranger"}, code: 2, want: []string{"QINIU_ACCESS_KEY"}},
		"wrong Kodo secret key":   {args: []string{"copy", c.src, c.dst}, env: map[string]string{"QINIU_SECRET_KEY": "wrong"}, code: 2, want: []string{"QINIU_SECRET_KEY"}},
		"wrong OSS key":           {args: []string{"copy", c.src, c.dst}, env: map[string]string{"ALIBABA_CLOUD_ACCESS_KEY_ID": "stranger"}, code: 2, want: []string{"ALIBABA_CLOUD_ACCESS_KEY_ID"}},
		"wrong OSS secret":        {args: []string{"copy", c.src, c.dst}, env: map[string]string{"ALIBABA_CLOUD_ACCESS_KEY_SECRET": "wrong"}, code: 2, want: []string{"ALIBABA_CLOUD_ACCESS_KEY_SECRET"}},
		"expired token": {
			args: []string{"copy", c.src, c.dst}, code: 2,
			env:  map[string]string{"ALIBABA_CLOUD_ACCESS_KEY_ID": "STS.old", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "sts-secret", "ALIBABA_CLOUD_SECURITY_TOKEN": "token"},
			want: []string{"expired", "ALIBABA_CLOUD_SECURITY_TOKEN"},
		},
		"wrong region of the target": {args: []string{"copy", c.src, swap(c.dst, "cn-hangzhou", "cn-beijing")}, code: 2, want: []string{"region", "cn-beijing"}},
		"nobody at the source":       {args: []string{"copy", "kodo://photos/?region=z0&insecure=true&endpoint=http://" + nobody, c.dst}, code: 1, want: []string{nobody, "endpoint="}},
		"nobody at the target":       {args: []string{"copy", c.src, "oss://photos-new/?region=cn-hangzhou&insecure=true&endpoint=http://" + nobody}, code: 1, want: []string{nobody, "endpoint="}},
		"no such host":               {args: []string{"copy", c.src, "oss://photos-new/?region=cn-hangzhou&endpoint=no-such-host.invalid"}, code: 1, want: []string{"no-such-host.invalid", "endpoint="}},
		"nobody at the domain":       {args: []string{"copy", "kodo://photos/?region=z0&insecure=true&domain=" + nobody + "&" + kodo, c.dst}, code: 1, want: []string{nobody, "domain="}},

		"a target at S3":           {args: []string{"copy", c.src, c.s3}, code: 2, want: []string{"target: Ferry writes to OSS alone"}},
		"S3 in nobody's region":    {args: []string{"copy", "s3://photos/?region=moon", c.dst}, code: 2, want: []string{"source: the region moon is none of Kodo's for S3", "cn-east-1", "endpoint="}},
		"S3 in no region":          {args: []string{"copy", "s3://photos/", c.dst}, code: 2, want: []string{"source: region is missing", "region=cn-east-1"}},
		"S3 without keys":          {args: []string{"copy", c.s3, c.dst}, env: map[string]string{"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, code: 2, want: []string{"AWS_ACCESS_KEY_ID is not set", "AWS_SECRET_ACCESS_KEY is not set"}},
		"Kodo's S3 without keys":   {args: []string{"copy", "s3://photos-s3/?region=ap-southeast-1", c.dst}, env: map[string]string{"QINIU_ACCESS_KEY": "", "QINIU_SECRET_KEY": ""}, code: 2, want: []string{"QINIU_ACCESS_KEY is not set", "s3-ap-southeast-1.qiniucs.com is Kodo's", "endpoint="}},
		"the bucket's other name":  {args: []string{"copy", swap(c.s3, emulation.S3Name, standins.Source), c.dst}, code: 2, want: []string{`bucket "photos" does not exist`, "at Kodo may be another for S3"}},
		"wrong S3 access key":      {args: []string{"copy", c.s3, c.dst}, env: map[string]string{"AWS_ACCESS_KEY_ID": "stranger"}, code: 2, want: []string{"AWS_ACCESS_KEY_ID"}},
		"wrong S3 secret key":      {args: []string{"copy", c.s3, c.dst}, env: map[string]string{"AWS_SECRET_ACCESS_KEY": "wrong"}, code: 2, want: []string{"AWS_SECRET_ACCESS_KEY"}},
		"wrong region of S3":       {args: []string{"copy", swap(c.s3, "cn-east-1", "eu-west-1"), c.dst}, code: 2, want: []string{"region=eu-west-1: write region=cn-east-1"}},
		"nobody at S3":             {args: []string{"copy", "s3://photos/?region=cn-east-1&insecure=true&endpoint=http://" + nobody, c.dst}, code: 1, want: []string{nobody + " cannot be reached", "endpoint="}},
		"Kodo itself taken for S3": {args: []string{"copy", "s3://photos/?region=cn-east-1&insecure=true&endpoint=" + c.kodo.Endpoint(), c.dst}, code: 2, want: []string{"answers as S3 does not", "endpoint="}},

		"status without a ledger": {args: []string{"status", "photos/1"}, code: 2, want: []string{"--ledger", "FERRY_LEDGER"}},
		"no name of a run":        {args: []string{"status", "photos/", "--ledger", c.ledger}, code: 2, want: []string{`"photos/"`, "<job>/<time>"}},
		"a run that never was":    {args: []string{"report", "photos/20260101T000000Z", "--ledger", c.ledger}, code: 2, want: []string{`"photos"`, "no run"}},
		"a ledger that is none":   {args: []string{"why", "photos", "key", "--ledger", "oss://no-ledger/?" + alibaba}, code: 2, want: []string{"no-ledger"}},

		"a price file of five mistakes": {
			args: []string{"plan", c.src, c.dst, "--prices", file("prices.yaml", "kodo:\n  egress_gb: cheap\noss:\n  put_10000: -1\n  colour: blue\nfunctions:\n  instances: 0\nlambda: 3\n"), "--class", "gold"}, code: 2,
			want: []string{".yaml:2: kodo.egress_gb", `"cheap"`, ".yaml:4: oss.put_10000 is -1", `.yaml:5: unknown field "oss.colour"`, ".yaml:7: functions.instances is 0", `.yaml:8: unknown field "lambda"`, "--class"},
		},
		"a price file that is no YAML":   {args: []string{"plan", c.src, c.dst, "--prices", file("prices.yaml", "kodo: [1,2\n  x: 3\n")}, code: 2, want: []string{".yaml:2: not YAML"}},
		"a price that stands twice":      {args: []string{"plan", c.src, c.dst, "--prices", file("prices.yaml", "oss:\n  put_10000: 1\n  put_10000: 2\n")}, code: 2, want: []string{".yaml:3:", "already defined"}},
		"prices in a list":               {args: []string{"plan", c.src, c.dst, "--prices", file("prices.yaml", "kodo:\n  - 0.26\n")}, code: 2, want: []string{".yaml:2: kodo: want names and numbers", "--print-prices"}},
		"a quick plan of a list of keys": {args: []string{"plan", c.src, c.dst, "--quick", "--keys", file("two.txt", "photos/00000.jpg\n")}, code: 2, want: []string{"--quick does not go with a list of keys"}},
		"no price file":                  {args: []string{"plan", c.src, c.dst, "--prices", "/nowhere/prices.yaml"}, code: 2, want: []string{"--prices", "/nowhere/prices.yaml"}},
		"prices printed for a bucket":    {args: []string{"plan", c.src, "--print-prices"}, code: 2, want: []string{"--print-prices stands alone"}},
		"a plan without a target":        {args: []string{"plan", c.src, "--quick"}, code: 2, want: []string{"SRC and DST", "NAME"}},
		"a plan of wrong buckets":        {args: []string{"plan", swap(c.src, "photos", "fotos"), swap(c.dst, "photos-new", "fotos-new"), "--quick"}, code: 2, want: []string{`"fotos"`, "fotos-new"}},
		"a plan with nobody's keys":      {args: []string{"plan", c.src, c.dst}, env: map[string]string{"QINIU_SECRET_KEY": ""}, code: 2, want: []string{"QINIU_SECRET_KEY"}},

		"webhooks that cannot be told": {
			args: []string{"copy", "photos", "--file", alerts}, env: map[string]string{"FERRY_ALERT_TEAM": "http://robot.example.com/" + emulation.SecretKey}, code: 2,
			want: []string{"FERRY_ALERT_OPS is not set", "FERRY_ALERT_TEAM holds a URL of plain http", "insecure: true"},
		},

		"limits that are none": {args: []string{"limits", "photos", "--bandwidth", "20Mb/s", "--requests", "-1", "--instances", "many", "--ledger", c.ledger}, code: 2, want: []string{`--bandwidth: "20Mb/s"`, `--requests: "-1"`, `--instances: "many"`, "or none"}},

		"too small a demo":         {args: []string{"demo", "--objects", "3"}, code: 2, want: []string{"--objects", "50 to 100000"}},
		"a fault of no kind":       {args: []string{"emulate", "--kodo-fault", "get:explode:1", "--oss-fault", "put:lost:2"}, code: 2, want: []string{"--kodo-fault", "explode", "--oss-fault", "lost"}},
		"an address of no port":    {args: []string{"emulate", "--kodo-addr", "localhost"}, code: 2, want: []string{"--kodo-addr", "host:port"}},
		"an address that is taken": {args: []string{"emulate", "--oss-addr", strings.TrimPrefix(c.oss.Endpoint(), "http://")}, code: 1, want: []string{"--oss-addr", "address already in use"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := slices.Clone(c.env)
			for k, v := range tc.env {
				env = slices.DeleteFunc(env, func(have string) bool { return strings.HasPrefix(have, k+"=") })
				if v != "" {
					env = append(env, k+"="+v)
				}
			}
			out, said, code := execute(t, env, tc.args...)
			t.Logf("%s", said)
			if code != tc.code {
				t.Errorf("exit code %d, want %d", code, tc.code)
			}
			for _, want := range tc.want {
				if !strings.Contains(said, want) {
					t.Errorf("it does not say %q", want)
				}
			}
			for _, never := range []string{"panic", "goroutine ", ".go:", emulation.SecretKey, "sts-secret", "%!", "ledger: oss."} {
				if strings.Contains(said, never) {
					t.Errorf("it says %q", never)
				}
			}
			for line := range strings.Lines(said) {
				if !strings.HasPrefix(line, "ferry: ") {
					t.Errorf("the line %q does not say who complains", line)
				}
			}
			if strings.Contains(out, "INCOMPLETE") || strings.Contains(out, "VERIFIED") {
				t.Errorf("it printed a summary: %s", out)
			}
		})
	}
	t.Cleanup(func() {
		if keys := append(c.oss.Keys(standins.Target), c.oss.Keys("versioned")...); len(keys) > 0 {
			t.Errorf("something was written: %q", keys)
		}
	})
}
