package main

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// situation is what a new user does, and what Ferry must answer.
type situation struct {
	args []string          // SRC, DST, LEDGER and FILE stand for the places of the stand-ins and a file of jobs
	env  map[string]string // what differs in the environment; "" unsets
	code int
	says []string // expressions, each of which what is printed must match
}

// TestASituationIsAnsweredByASentence plays a new user over the real binary: the mistakes that
// people make in their first hour, the words that they bring from other tools, and what they
// ask first. Each is answered by the code and the sentences it must give, without a trace of
// the program in them.
func TestASituationIsAnsweredByASentence(t *testing.T) {
	c := newClouds(t)
	c.fill(t, 12)
	kodo, oss := "insecure=true&endpoint="+strings.TrimPrefix(c.kodo.Endpoint(), "http://"), "insecure=true&endpoint="+strings.TrimPrefix(c.oss.Endpoint(), "http://")
	_, s3, _ := strings.Cut(c.s3, "endpoint=http://")
	for _, bucket := range []string{"plain", "dry"} {
		if err := c.oss.CreateBucket(bucket); err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "ferry.yaml")
	if err := os.WriteFile(file, []byte("jobs:\n  photos:\n    source: '"+c.src+"'\n    target: '"+c.dst+"'\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, said, code := execute(t, c.env, "copy", "photos", "--file", file, "--quiet"); code != 0 {
		t.Fatalf("the run that the situations ask about: exit code %d\n%s%s", code, out, said)
	}
	places := strings.NewReplacer("SRC", c.src, "DST", c.dst, "LEDGER", c.ledger, "FILE", file, "KODO", kodo, "OSS", oss, "S3", "insecure=true&endpoint="+s3)
	for name, s := range situations {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := map[string]string{"LC_ALL": "C", "FERRY_LEDGER": c.ledger, "FERRY_QUEUES": ""}
			for _, v := range c.env {
				name, value, _ := strings.Cut(v, "=")
				env[name] = value
			}
			maps.Copy(env, s.env)
			var vars []string
			for name, value := range env {
				vars = append(vars, name+"="+places.Replace(value))
			}
			args := slices.Clone(s.args)
			for i := range args {
				args[i] = places.Replace(args[i])
			}
			out, said, code := execute(t, vars, args...)
			all := out + said
			if code != s.code {
				t.Errorf("exit code %d, want %d", code, s.code)
			}
			for _, want := range s.says {
				if !regexp.MustCompile(want).MatchString(all) {
					t.Errorf("it does not say %q", want)
				}
			}
			for _, never := range []string{"panic:", "goroutine ", ".go:", "%!", "EXTRA", "<nil>", "first record does not look", "context deadline exceeded\n"} {
				if strings.Contains(all, never) {
					t.Errorf("it says %q", never)
				}
			}
			if t.Failed() {
				t.Logf("ferry %q:\n%s", args, all)
			}
		})
	}
}

// situations are by what the user thinks.
var situations = map[string]situation{
	"ls, as of rclone":                  {args: []string{"ls", "SRC"}, code: 2, says: []string{`no command "ls": ferry plan SRC DST lists both sides`}},
	"sync, as of juicefs":               {args: []string{"sync", "SRC", "DST"}, code: 2, says: []string{`no command "sync": ferry copy SRC DST moves what the target does not have yet`, "--delete"}},
	"sync, misspelt":                    {args: []string{"sycn", "SRC", "DST"}, code: 2, says: []string{`no command "sycn": ferry copy SRC DST`}},
	"size, as of rclone":                {args: []string{"size", "SRC"}, code: 2, says: []string{`no command "size": ferry plan`, "--quick"}},
	"cp, as of ossutil":                 {args: []string{"cp", "SRC", "DST"}, code: 2, says: []string{`no command "cp": ferry copy SRC DST`}},
	"mv, which would lose the source":   {args: []string{"mv", "SRC", "DST"}, code: 2, says: []string{"Ferry leaves the source as it is", "--releasable"}},
	"a command, misspelt":               {args: []string{"stauts"}, code: 2, says: []string{`no command "stauts" \(did you mean status\?\)`}},
	"a command below another, misspelt": {args: []string{"jobs", "lst"}, code: 2, says: []string{`no command "lst" \(did you mean list\?\): see ferry jobs --help`}},
	"help of what is not there":         {args: []string{"help", "moveit"}, code: 2, says: []string{`no command "moveit"`}},
	"which version is this":             {args: []string{"version"}, says: []string{`^ferry \S+, .*go1\.\d+.*/`}},
	"--version, as of all tools":        {args: []string{"--version"}, says: []string{`^ferry \S+, .*go1\.\d+.*/`}},
	"diff, which Ferry has":             {args: []string{"diff", "SRC", "DST"}, says: []string{"12 the same"}},

	"--transfers, as of rclone":       {args: []string{"copy", "SRC", "DST", "--transfers", "8"}, code: 2, says: []string{"has no flag --transfers: --parallel N"}},
	"--bwlimit, as of rclone":         {args: []string{"copy", "SRC", "DST", "--bwlimit=10M"}, code: 2, says: []string{"has no flag --bwlimit: --bandwidth 20MiB/s"}},
	"-u, as of ossutil":               {args: []string{"copy", "SRC", "DST", "-u"}, code: 2, says: []string{"has no flag -u: --overwrite newer"}},
	"--access-key on a command line":  {args: []string{"copy", "SRC", "DST", "--access-key", "EXTRA"}, code: 2, says: []string{"has no flag --access-key: keys belong in the environment"}},
	"a flag, misspelt":                {args: []string{"copy", "SRC", "DST", "--paralel", "8"}, code: 2, says: []string{`has no flag --paralel \(did you mean --parallel\?\)`}},
	"a flag with one dash":            {args: []string{"copy", "SRC", "DST", "-parallel", "8"}, code: 2, says: []string{"have two dashes, --parallel"}},
	"a flag without its value":        {args: []string{"copy", "SRC", "DST", "--parallel"}, code: 2, says: []string{"--parallel needs a value"}},
	"-n, as of rsync":                 {args: []string{"copy", "SRC", "oss://dry/?region=cn-hangzhou&OSS", "-n"}, says: []string{"a plan: nothing was written", "copy 12 objects"}},
	"--dry-run of a deployment's run": {args: []string{"start", "SRC", "oss://dry/?region=cn-hangzhou&OSS", "--dry-run"}, says: []string{"a plan: nothing was written", "copy 12 objects"}},

	"plain http by insecure=true":     {args: []string{"copy", "kodo://photos/?region=z0&KODO", "oss://plain/?region=cn-hangzhou&OSS", "--ledger", "oss://plain/.ferry/?region=cn-hangzhou&OSS", "--quiet"}, says: []string{"VERIFIED"}},
	"plain http by insecure=true, S3": {args: []string{"plan", "s3://photos-s3/?region=cn-east-1&S3", "oss://dry/?region=cn-hangzhou&OSS", "--quiet"}, says: []string{"copy 12 objects"}},

	"status without a run":          {args: []string{"status"}, says: []string{"photos/.*verified: all 12 objects"}},
	"status of a job that is not":   {args: []string{"status", "fotos"}, code: 2, says: []string{`no run of a job "fotos"`, `there are runs of photos \(did you mean photos\?\)`}},
	"runs of a job that is not":     {args: []string{"runs", "fotos"}, code: 2, says: []string{`no job "fotos"`, `it has photos \(did you mean photos\?\)`}},
	"a job that no file has":        {args: []string{"copy", "fotos", "--file", "FILE"}, code: 2, says: []string{"has no job \"?fotos\"?: it has photos"}},
	"what a shell may complete":     {args: []string{"__complete", "copy", "--file", "FILE", ""}, says: []string{`(?m)^photos$`}},
	"the runs that it may complete": {args: []string{"__complete", "status", ""}, says: []string{`(?m)^photos/\d{8}T\d{6}Z$`}},
	"the values of a flag":          {args: []string{"__complete", "copy", "--overwrite", ""}, says: []string{`(?m)^newer$`}},
}
