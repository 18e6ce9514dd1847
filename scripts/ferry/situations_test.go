package main

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"kodoferry/shared/emulator/kodo"
)

// situation is what a new user does, and what Ferry must answer.
type situation struct {
	args []string          // SRC, DST, LEDGER and FILE stand for the places of the stand-ins and a file of jobs
	env  map[string]string // what differs in the environment; "" unsets
	code int
	says []string // expressions, each of which what is printed must match
}

// hour is the first hour of a new user: the clouds, with a run that has ended and a file of jobs.
type hour struct {
	c      *clouds
	dir    string
	places *strings.Replacer
}

func newHour(t *testing.T) *hour {
	t.Helper()
	c := newClouds(t)
	c.fill(t, 12)
	atKodo, atOSS := "insecure=true&endpoint="+strings.TrimPrefix(c.kodo.Endpoint(), "http://"), "insecure=true&endpoint="+strings.TrimPrefix(c.oss.Endpoint(), "http://")
	_, s3, _ := strings.Cut(c.s3, "endpoint=http://")
	for _, bucket := range []string{"plain", "dry", "spoilt", "slash"} {
		if err := c.oss.CreateBucket(bucket); err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "ferry.yaml")
	if err := os.WriteFile(file, []byte("jobs:\n  photos:\n    source: '"+c.src+"'\n    target: '"+c.dst+"'\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	holes := "jobs:\n  photos:\n    source:\n    target: [a, b]\n  empty:\n"
	if err := os.WriteFile(filepath.Join(dir, "holes.yaml"), []byte(holes), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, said, code := execute(t, c.env, "copy", "photos", "--file", file, "--quiet"); code != 0 {
		t.Fatalf("the run that the situations ask about: exit code %d\n%s%s", code, out, said)
	}
	if err := c.kodo.CreateBucket("spoilt"); err != nil {
		t.Fatal(err)
	}
	for _, o := range []kodo.Object{{Key: "a.jpg", Body: []byte("bytes"), Hash: "Fto5o-5ea0sNMlW_75VgGJCv2AcJ"}, {Key: "b.jpg", Body: []byte("more bytes")}} {
		if _, err := c.kodo.Put("spoilt", o); err != nil {
			t.Fatal(err)
		}
	}
	return &hour{c: c, dir: dir, places: strings.NewReplacer("SRC", c.src, "DST", c.dst, "LEDGER", c.ledger, "FILE", file, "DIR", dir, "KODO", atKodo, "OSS", atOSS, "S3", "insecure=true&endpoint="+s3)}
}

// play runs the command of a situation in a locale.
func (h *hour) play(t *testing.T, s situation, locale string) (all string) {
	t.Helper()
	env := map[string]string{"LC_ALL": locale, "FERRY_LEDGER": h.c.ledger, "FERRY_QUEUES": ""}
	for _, v := range h.c.env {
		name, value, _ := strings.Cut(v, "=")
		env[name] = value
	}
	maps.Copy(env, s.env)
	var vars []string
	for name, value := range env {
		vars = append(vars, name+"="+h.places.Replace(value))
	}
	args := slices.Clone(s.args)
	for i := range args {
		args[i] = h.places.Replace(args[i])
	}
	out, said, code := execute(t, vars, args...)
	if code != s.code {
		t.Errorf("exit code %d, want %d", code, s.code)
	}
	return out + said
}

// TestASituationIsAnsweredByASentence plays a new user over the real binary: the mistakes that
// people make in their first hour, the words that they bring from other tools, and what they
// ask first. Each is answered by the code and the sentences it must give, without a trace of
// the program in them.
func TestASituationIsAnsweredByASentence(t *testing.T) {
	h := newHour(t)
	for name, s := range situations {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			all := h.play(t, s, "C")
			for _, want := range s.says {
				if !regexp.MustCompile(strings.ReplaceAll(want, "DIR", h.dir)).MatchString(all) {
					t.Errorf("it does not say %q", want)
				}
			}
			for _, never := range []string{"panic:", "goroutine ", ".go:", "%!", "EXTRA", "<nil>", "first record does not look", "context deadline exceeded\n"} {
				if strings.Contains(all, never) {
					t.Errorf("it says %q", never)
				}
			}
			if t.Failed() {
				t.Logf("ferry %q:\n%s", s.args, all)
			}
		})
	}
}

// same finds what is the same in every language: commands and flags, what is quoted, places,
// paths, fields and variables, and what a service or the system answered.
var (
	same    = regexp.MustCompile(`ferry( [a-zA-Z./-]+)*|--[a-z-]+( [A-Z]+)?|"[^"]*"|'[^']*'|[a-z0-9]+://\S*|\S*[=/]\S*|[A-Z]+(_[A-Z]+)+|\(request [0-9A-Z]+\)|status [0-9]+|Invalid signing region in Authorization header|no such bucket|The specified bucket does not exist|The request signature we calculated does not match the signature you provided. Check your key and signing method|proxyconnect tcp|dial tcp`)
	english = regexp.MustCompile(`\b[A-Za-z]?[a-z]+(:?,? [a-z]{2,}){1,}`)
)

// TestASituationIsAnsweredInChinese where something is wrong: by the same code, and no sentence is
// left in English.
func TestASituationIsAnsweredInChinese(t *testing.T) {
	h := newHour(t)
	for name, s := range situations {
		if s.code == 0 || strings.HasPrefix(name, "in ") {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			all := h.play(t, s, "zh_CN.UTF-8")
			for line := range strings.Lines(all) {
				if strings.Contains(line, "# ") { // of the file that init writes, which is English
					continue
				}
				if found := english.FindString(same.ReplaceAllString(line, "·")); found != "" {
					t.Errorf("%q stands in %q", found, line)
				}
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

	"status without a run":               {args: []string{"status"}, says: []string{"photos/.*verified: all 12 objects"}},
	"status of a job that is not":        {args: []string{"status", "fotos"}, code: 2, says: []string{`no run of a job "fotos"`, `there are runs of photos \(did you mean photos\?\)`}},
	"runs of a job that is not":          {args: []string{"runs", "fotos"}, code: 2, says: []string{`no job "fotos"`, `it has photos \(did you mean photos\?\)`}},
	"a job that no file has":             {args: []string{"copy", "fotos", "--file", "FILE"}, code: 2, says: []string{"has no job \"?fotos\"?: it has photos"}},
	"what a shell may complete":          {args: []string{"__complete", "copy", "--file", "FILE", ""}, says: []string{`(?m)^photos$`}},
	"the runs that it may complete":      {args: []string{"__complete", "status", ""}, says: []string{`(?m)^photos/\d{8}T\d{6}Z$`}},
	"completion of a shell that none is": {args: []string{"completion", "tcsh"}, code: 2, says: []string{`no command "tcsh"`}},
	"a word too many behind a shell":     {args: []string{"completion", "bash", "x"}, code: 2, says: []string{`ferry completion bash takes no arguments, not 1 argument`}},
	"a key that no run has":              {args: []string{"why", "photos", "no/such key"}, code: 2, says: []string{`has no object "no/such key": the listing did not show it`}},
	"the values of a flag":               {args: []string{"__complete", "copy", "--overwrite", ""}, says: []string{`(?m)^newer$`}},

	"the places swapped":               {args: []string{"copy", "DST", "SRC"}, code: 2, says: []string{`^ferry: source and target are the wrong way round: kodo://photos/ can only be read`}},
	"a service by its own name":        {args: []string{"copy", "qiniu://photos/", "DST"}, code: 2, says: []string{`^ferry: source: unknown service "qiniu" \(did you mean kodo\?\): write kodo://photos/2019/\?region=z0, s3://\S+, file:///data/photos or oss://\S+\n$`}},
	"an address for a place":           {args: []string{"copy", "SRC", "https://photos-new.oss-cn-hangzhou.aliyuncs.com/"}, code: 2, says: []string{`^ferry: target: unknown service "https": write oss://photos-new/\?region=cn-hangzhou\n$`}},
	"a path for a place":               {args: []string{"copy", "./data", "DST"}, code: 2, says: []string{"no location but a path: a directory is read as file://"}},
	"a slash missing at the end":       {args: []string{"copy", "kodo://photos/photos?region=z0&KODO", "oss://slash/2019/?region=cn-hangzhou&OSS", "--ledger", "oss://slash/.ferry/?region=cn-hangzhou&OSS", "--quiet"}, says: []string{`note: .*"photos/a.jpg" becomes "2019//a.jpg": write a slash at the end of both`, "VERIFIED"}},
	"a slash missing, asked before":    {args: []string{"check", "kodo://photos/photos?region=z0&KODO", "oss://dry/2019/?region=cn-hangzhou&OSS"}, says: []string{`note  prefixes .*"photos/a.jpg" becomes "2019//a.jpg"`}},
	"a test domain, which expires":     {args: []string{"plan", "kodo://photos/?region=z0&domain=p1x2.bkt.clouddn.com&KODO", "oss://dry/?region=cn-hangzhou&insecure=true&endpoint=127.0.0.1:1", "--quick"}, code: 1, says: []string{"note: p1x2.bkt.clouddn.com is one of the test domains that Kodo gives a new bucket and takes back after 30 days: leave domain= out"}},
	"a region that Kodo has not":       {args: []string{"copy", "kodo://photos/?region=z9", "DST"}, code: 2, says: []string{`region "z9" is not known: it is one of z0,`, "leave it out to have Kodo asked"}},
	"Kodo's region at OSS":             {args: []string{"copy", "SRC", "oss://photos-new/?region=z0"}, code: 2, says: []string{`target: the region "z0" is one of Kodo's: write OSS's own, such as region=cn-hangzhou`}},
	"a wrong region of the target":     {args: []string{"copy", "SRC", "oss://photos-new/?region=cn-beijing&OSS"}, code: 2, says: []string{`^ferry: the target oss://photos-new/: region "cn-beijing" is not the one of`, "set region= to the bucket's own"}},
	"nobody at the target's host":      {args: []string{"copy", "SRC", "oss://photos-new/?region=cn-hangzhou&insecure=true&endpoint=127.0.0.1:1"}, code: 1, says: []string{"^ferry: the target oss://photos-new/: 127.0.0.1:1 cannot be reached: check endpoint=, network, firewall and proxy|127.0.0.1:1 cannot be reached"}},
	"a proxy that is not there":        {args: []string{"copy", "kodo://photos/?region=z0", "DST"}, env: map[string]string{"HTTPS_PROXY": "http://127.0.0.1:1"}, code: 1, says: []string{"Kodo cannot be reached: check .*proxy", "the proxy 127.0.0.1:1"}},
	"nonsense for a proxy":             {args: []string{"copy", "SRC", "DST"}, env: map[string]string{"HTTPS_PROXY": "nonsense::"}, code: 2, says: []string{"HTTPS_PROXY holds no address of a proxy"}},
	"a key with a line break":          {args: []string{"copy", "SRC", "DST"}, env: map[string]string{"QINIU_ACCESS_KEY": "key\r"}, code: 2, says: []string{"QINIU_ACCESS_KEY holds a line break, which no key has"}},
	"a key in quotation marks":         {args: []string{"copy", "SRC", "DST"}, env: map[string]string{"ALIBABA_CLOUD_ACCESS_KEY_ID": `"id"`}, code: 2, says: []string{"ALIBABA_CLOUD_ACCESS_KEY_ID holds a quotation mark"}},
	"no key at all":                    {args: []string{"copy", "SRC", "DST"}, env: map[string]string{"QINIU_SECRET_KEY": ""}, code: 2, says: []string{"QINIU_SECRET_KEY is not set: export it"}},
	"nonsense for a ledger":            {args: []string{"status"}, env: map[string]string{"FERRY_LEDGER": "my-ledger"}, code: 2, says: []string{"^ferry: FERRY_LEDGER: this is no location: write it as oss://photos-new/.ferry/\\?region=cn-hangzhou\n$"}},
	"nonsense for a ledger, in a copy": {args: []string{"copy", "SRC", "DST"}, env: map[string]string{"FERRY_LEDGER": "my-ledger"}, code: 2, says: []string{"^ferry: FERRY_LEDGER: this is no location: write it as oss://\\S+\n$"}},
	"a ledger at Kodo":                 {args: []string{"runs", "--ledger", "kodo://photos/"}, code: 2, says: []string{"^ferry: --ledger: a ledger is kept in OSS: write it as oss://"}},
	"a ledger, and a wrong secret":     {args: []string{"status"}, env: map[string]string{"ALIBABA_CLOUD_ACCESS_KEY_SECRET": "wrong"}, code: 2, says: []string{`^ferry: the ledger oss://photos-new/ at http://[^ ]*: the access key secret does not belong[^\n]*ALIBABA_CLOUD_ACCESS_KEY_SECRET[^\n]*\(request [0-9A-F]+\)+\n$`}},
	"a ledger in no bucket":            {args: []string{"runs", "--ledger", "oss://no-ledger/?region=cn-hangzhou&OSS"}, code: 2, says: []string{`^ferry: bucket "no-ledger" does not exist: check its name, and endpoint= \(status 404`}},
	"nobody at the ledger's host":      {args: []string{"report", "photos", "--ledger", "oss://photos-new/.ferry/?region=cn-hangzhou&insecure=true&endpoint=127.0.0.1:1"}, code: 1, says: []string{"^ferry: waiting to hear whether the ledger answers…\n", "127.0.0.1:1 cannot be reached: check endpoint=, network"}},
	"a ledger's host that is not":      {args: []string{"status", "--ledger", "oss://photos-new/.ferry/?region=cn-hangzhou&endpoint=no-such-host.invalid"}, code: 1, says: []string{"the host no-such-host.invalid does not exist: check region=cn-hangzhou and endpoint="}},
	"nonsense for queues":              {args: []string{"start", "SRC", "DST"}, env: map[string]string{"FERRY_QUEUES": "ferry"}, code: 2, says: []string{"FERRY_QUEUES: this is no location: write mns://"}},
	"what failed, and why":             {args: []string{"copy", "kodo://spoilt/?region=z0&KODO", "oss://spoilt/?region=cn-hangzhou&OSS", "--ledger", "oss://spoilt/.ferry/?region=cn-hangzhou&OSS", "--quiet"}, code: 3, says: []string{"1 failed", "(?m)^  1 failed: .*hash", `(?m)^      "a.jpg"$`, "failed.csv beside the report, or ferry report"}},

	"init":                                   {args: []string{"init", "SRC", "DST", "--file", "DIR/init.yaml"}, says: []string{"DIR/init.yaml is written, with the job photos", "delete: false", "All is well", "ferry copy photos --file 'DIR/init.yaml'"}},
	"init, and nobody asked":                 {args: []string{"init", "--source", "SRC", "--target", "DST", "--name", "mine", "--no-check", "--file", "DIR/mine.yaml"}, says: []string{"with the job mine", "Next: ferry check mine --file"}},
	"init over a file":                       {args: []string{"init", "SRC", "DST", "--file", "FILE"}, code: 2, says: []string{"exists already, and is not written over"}},
	"init without a terminal":                {args: []string{"init", "--file", "DIR/none.yaml"}, code: 2, says: []string{"^ferry: nobody answers here, and nothing is written: give SRC and DST"}},
	"init with mistakes":                     {args: []string{"init", "SRC", "oss://Photos/?region=z0", "--file", "DIR/none.yaml"}, code: 2, says: []string{"target: .*no name of an OSS bucket", "one of Kodo's"}},
	"init, and nobody at the source's host":  {args: []string{"init", "kodo://photos/?region=z0&insecure=true&endpoint=127.0.0.1:1", "DST", "--file", "DIR/silent.yaml"}, code: 2, says: []string{"(?m)^ferry: waiting for an answer, source: reachable…$", "127.0.0.1:1|Kodo cannot be reached"}},
	"check, and nobody at the source's host": {args: []string{"check", "kodo://photos/?region=z0&insecure=true&endpoint=127.0.0.1:1", "DST", "--json"}, code: 2, says: []string{"(?m)^ferry: waiting for an answer, source: reachable…$"}},
	"init without keys":                      {args: []string{"init", "SRC", "DST", "--file", "DIR/keyless.yaml"}, env: map[string]string{"QINIU_ACCESS_KEY": ""}, code: 2, says: []string{"keyless.yaml is written", "QINIU_ACCESS_KEY is not set", "then ask whether all is well: ferry check photos --file"}},
	"init, and the source is not there":      {args: []string{"init", "kodo://fotos/?region=z0&KODO", "DST", "--file", "DIR/fotos.yaml"}, code: 2, says: []string{`FAIL .*"fotos" does not exist`, "checks failed"}},
	"a file for a shell":                     {args: []string{"emulate", "--env", "DIR/emulated.env", "--until-eof"}, says: []string{"\\. 'DIR/emulated.env'"}},

	"a value left out in a file":         {args: []string{"copy", "photos", "--file", "DIR/holes.yaml"}, code: 2, says: []string{`:3: source has no value: give it one or leave it out`, `:4: target takes a single value: write it on the line of its name`}},
	"a job without content":              {args: []string{"copy", "empty", "--file", "DIR/holes.yaml"}, code: 2, says: []string{`:5: source: no location: write one such as kodo://`, `:5: target: no location: write one such as oss://`}},
	"a directory for a file of jobs":     {args: []string{"copy", "photos", "--file", "DIR"}, code: 2, says: []string{`^ferry: --file: read DIR: is a directory\n`}},
	"a directory for a list of keys":     {args: []string{"copy", "SRC", "DST", "--keys", "DIR"}, code: 2, says: []string{`read DIR: is a directory\n`}},
	"a directory for a file of prices":   {args: []string{"plan", "SRC", "DST", "--prices", "DIR"}, code: 2, says: []string{`--prices: read DIR: is a directory\n`}},
	"a file of jobs without a name":      {args: []string{"plan", "photos", "--file", ""}, code: 2, says: []string{`^ferry: --file names no file: name one, or leave it out for ferry.yaml\n$`}},
	"a job of a ledger without any":      {args: []string{"start", "fotos"}, code: 2, says: []string{`the ledger keeps no job "fotos", and no other: ferry jobs apply fotos keeps one of a file\n`}},
	"prices, printed for a job":          {args: []string{"plan", "photos", "--print-prices"}, code: 2, says: []string{`^ferry: --print-prices stands alone: leave out the places, or the name of a job\n$`}},
	"less than no requests":              {args: []string{"limits", "photos", "--requests", "-2"}, code: 2, says: []string{`^ferry: --requests: "-2": want a whole number from 0 to 1000000, or none\n`}},
	"a sample of nothing":                {args: []string{"verify", "photos", "--sample", "x"}, code: 2, says: []string{`^ferry: --sample: "x" is no share of the objects: write one from`}},
	"stand-ins of less than no objects":  {args: []string{"emulate", "--objects", "-3"}, code: 2, says: []string{`--objects, --synthetic, --min-size and --max-size: want numbers from 0`}},
	"a stand-in at no port":              {args: []string{"emulate", "--kodo-addr", "localhost"}, code: 2, says: []string{`--kodo-addr "localhost": want host:port, as in`}},
	"a stand-in with a fault of no kind": {args: []string{"emulate", "--kodo-fault", "get"}, code: 2, says: []string{`--kodo-fault: fault "get": want operation:kind:rate`}},

	"in Chinese, kinds to be typed":  {args: []string{"emulate", "--oss-fault", "get:explode:1", "--lang", "zh"}, code: 2, says: []string{`--oss-fault：故障 "get:explode:1"：没有种类 "explode"，应为 .latency status throttle`}},
	"in Chinese, values to be typed": {args: []string{"policy", "SRC", "DST", "--role", "x", "--lang", "zh"}, code: 2, says: []string{`--role "x"：应为 here, list, copy, verify, delete, [a-z, ]*kodo 之一\n`}},
	"in Chinese, by the locale":      {args: []string{"status"}, env: map[string]string{"LC_ALL": "zh_CN.UTF-8"}, says: []string{"已验证：全部 12 个对象", "下一步"}},
	"in Chinese, by a flag":          {args: []string{"check", "SRC", "DST", "--lang", "zh"}, says: []string{"(?m)^源端 ", "一切正常。下一步"}},
	"in Chinese, and JSON stays":     {args: []string{"status", "photos", "--json", "--lang", "zh"}, says: []string{`"state":"over"`, `"code":"state.verified"`}},
	"in Chinese, findings as JSON":   {args: []string{"check", "SRC", "oss://photos-new/?region=cn-beijing&OSS", "--json", "--lang", "zh"}, code: 2, says: []string{`"what":"listable","state":"fail","says":"region \\"cn-beijing\\" is not the one of`, "检查中有 1 项失败"}},
	"in a language nobody wrote":     {args: []string{"status", "--lang", "fr"}, code: 2, says: []string{`--lang "fr": want en or zh`}},
	"in English where LANG is no":    {args: []string{"status"}, env: map[string]string{"LC_ALL": "fr_FR.UTF-8"}, says: []string{"verified: all 12 objects"}},
}
