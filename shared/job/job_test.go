package job_test

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/fault/faulttest"
	"kodoferry/shared/job"
	"kodoferry/shared/store"
)

const (
	src = "kodo://photos/2019/?region=z0"
	dst = "oss://photos-new/2019/?region=cn-hangzhou"
)

func TestDefaultsAreFilledIn(t *testing.T) {
	j, err := job.New(src, dst, "")
	if err != nil {
		t.Fatalf("New = %v, want no error", err)
	}
	if want := "oss://photos-new/.ferry/?region=cn-hangzhou"; j.Ledger.String() != want {
		t.Errorf("Ledger = %s, want %s", j.Ledger, want)
	}
	if j.Class != job.KeepClass || j.HashMismatch != job.FailMismatch || j.Overwrite != job.OverwriteChanged || j.Unguarded {
		t.Errorf("policies = %q %q %q %v, want keep, fail, changed and guarded", j.Class, j.HashMismatch, j.Overwrite, j.Unguarded)
	}
	want := job.Limits{
		Parallel: job.AutoParallel, BatchObjects: 10000, BatchBytes: 16 << 30, ShardKeys: 200000, ShardBytes: 32 << 20, Attempts: 5, Rounds: 3,
		Fanout: 8, PartSize: 16 << 20, LeastRate: 1 << 10, Outage: job.Span(24 * time.Hour),
	}
	if j.MaxDeletes != 1000 || j.Delete {
		t.Errorf("Delete, MaxDeletes = %v, %d, want false, 1000", j.Delete, j.MaxDeletes)
	}
	if !reflect.DeepEqual(j.Limits, want) {
		t.Errorf("Limits = %+v, want %+v", j.Limits, want)
	}
	if !strings.HasPrefix(j.Name, "photos-2019-to-photos-new-2019-") {
		t.Errorf("Name = %q, want one that tells source and target", j.Name)
	}
	if err := j.Validate(); err != nil {
		t.Errorf("Validate = %v, want no error", err)
	}
}

func TestDerivedNamesTellPairsApart(t *testing.T) {
	pairs := [][2]string{
		{src, dst}, {"kodo://photos/2019?region=z0", dst}, {"kodo://photos-2019/?region=z0", dst},
		{"kodo://photos/%E5%9B%BE/?region=z0", dst}, {"kodo://photos/%E7%89%87/?region=z0", dst},
		{"s3://photos/2019/?region=cn-east-1", dst}, {"s3://photos/2019/?region=eu-west-1", dst}, {"s3://photos/2019/?region=eu-west-1&endpoint=minio.example.com", dst},
		{"kodo://photos/" + strings.Repeat("long/", 100), dst}, {"kodo://photos/" + strings.Repeat("long/", 101), dst},
	}
	seen := map[string][2]string{}
	for _, p := range pairs {
		j, err := job.New(p[0], p[1], "")
		if err != nil {
			t.Fatalf("New(%q) = %v, want no error", p, err)
		}
		if other, twice := seen[j.Name]; twice {
			t.Errorf("the name %q is given to %q and %q, want two names", j.Name, p, other)
		}
		if len(j.Name) > 60 {
			t.Errorf("the name %q has %d characters, want at most 60", j.Name, len(j.Name))
		}
		seen[j.Name] = p
	}
	a, _ := job.New(src, dst, "")
	b, err := job.New(src, dst+"&endpoint=internal", "")
	if err != nil || a.Name != b.Name {
		t.Errorf("by another endpoint the name is %q (%v), want %q", b.Name, err, a.Name)
	}
}

// wrong checks that err is Invalid, says each of want, and nothing of secret.
func wrong(t *testing.T, err error, want ...string) {
	t.Helper()
	faulttest.Says(t, err, fault.Invalid, want...)
	for _, secret := range []string{"AKIDEXAMPLE", "s3cr3t"} {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("error = %v, want no secret in it", err)
		}
	}
}

func TestTenMistakesAreToldAtOnce(t *testing.T) {
	_, err := job.New(
		"kodo://AKIDEXAMPLE:s3cr3t@photos/?regoin=z0&endpoint=internal",
		"oss://Photos/%zz?endpoint=http://127.0.0.1:9001&domain=img.example.com",
		"osss://ledger-bucket/state?region=cn-hangzhou&insecure=maybe",
		func(j *job.Job) {
			j.Name = "a name"
			j.Class = "glacier"
			j.HashMismatch = "ignore"
			j.Overwrite = "sometimes"
			j.Limits.Parallel = -1
			j.Limits.BatchObjects = 10001
		})
	want := []string{
		"source: the location has credentials", `source: unknown parameter "regoin" (did you mean region?)`, "source: endpoint=internal is not for kodo://",
		`target: "Photos" is no name of an OSS bucket`, "target: the prefix has a %", "target: region is missing",
		"target: the endpoint is plain http", "target: domain is for kodo://",
		`ledger: unknown service "osss" (did you mean oss?)`, "ledger: insecure is neither true nor false", "the ledger's prefix does not end in /",
		`the name "a name"`, `class is "glacier"`, `hashMismatch is "ignore"`, `overwrite is "sometimes"`,
		"limits.parallel is -1", "limits.batchObjects is 10001",
	}
	wrong(t, err, want...)
	e, _ := errors.AsType[*fault.Error](err)
	if all, ok := e.Err.(interface{ Unwrap() []error }); !ok || len(all.Unwrap()) != len(want) {
		t.Errorf("the error joins other sentences than the %d expected: %v", len(want), err)
	}
}

func TestWhatCannotWorkIsRefused(t *testing.T) {
	for name, tc := range map[string]struct{ src, dst, ledger, want string }{
		"no source":                         {"", dst, "", "source: no location"},
		"source is the target":              {dst, dst, "", "the same place"},
		"target inside the source":          {"oss://photos-new/?region=cn-hangzhou", dst, "", "overlap"},
		"source is the target by S3":        {"s3://photos-new/2019/?region=cn-hangzhou&endpoint=oss-cn-hangzhou.aliyuncs.com", dst, "", "the same place"},
		"target at S3":                      {src, "s3://b/?region=cn-east-1", "", "target: Ferry writes to OSS alone"},
		"ledger at S3":                      {src, dst, "s3://b/l/?region=cn-east-1", "ledger: Ferry writes to OSS alone"},
		"source at OSS":                     {"oss://a-bucket/?region=cn-hangzhou", dst, "", "such as kodo://photos/2019/?region=z0, s3://photos/2019/?region=cn-east-1 or file:///data/photos"},
		"target at Kodo":                    {src, "kodo://b/", "", "target: Ferry writes to OSS alone"},
		"target with a leading slash":       {src, "oss://photos-new//x?region=cn-hangzhou", "", `no key that begins with "/"`},
		"ledger at Kodo":                    {src, dst, "kodo://b/l/", "ledger: Ferry writes to OSS alone"},
		"ledger is the whole target bucket": {src, dst, "oss://photos-new/?region=cn-hangzhou", "the ledger needs a prefix of its own"},
		"target inside the ledger":          {src, "oss://photos-new/.ferry/x/?region=cn-hangzhou", "", "lies inside the ledger's"},
		"ledger inside the source":          {"oss://a-bucket/?region=cn-hangzhou", dst, "oss://a-bucket/l/?region=cn-hangzhou", "the ledger lies inside the source"},
		"ledger without a slash at its end": {src, dst, "oss://photos-new/l?region=cn-hangzhou", "does not end in /"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := job.New(tc.src, tc.dst, tc.ledger)
			wrong(t, err, tc.want)
		})
	}
	for name, ledger := range map[string]string{
		"a ledger bucket of its own":     "oss://ledgers/?region=cn-hangzhou",
		"a ledger inside the whole copy": "oss://photos-new/l/?region=cn-hangzhou",
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := job.New(src, "oss://photos-new/?region=cn-hangzhou", ledger); err != nil {
				t.Errorf("New = %v, want no error", err)
			}
		})
	}
}

func TestAJobBuiltByHandIsCheckedToo(t *testing.T) {
	j, err := job.New(src, dst, "")
	if err != nil {
		t.Fatal(err)
	}
	j.Source.Bucket, j.Target.Region, j.Limits.Rounds = "AKIDEXAMPLE:s3cr3t@b", "", 21
	wrong(t, j.Validate(), "source: the location has credentials", "target: region is missing", "limits.rounds is 21")
}

func TestEveryClassIsAWord(t *testing.T) {
	for _, c := range []store.Class{store.Standard, store.Infrequent, store.Archive, store.DeepArchive, store.ArchiveIR, store.Tiered, store.ColdDeep} {
		if _, err := job.New(src, dst, "", func(j *job.Job) { j.Class = string(c) }); err != nil {
			t.Errorf("class %q: %v, want no error", c, err)
		}
	}
}

func TestKeysSwapOnePrefix(t *testing.T) {
	for name, tc := range map[string]struct{ from, to, key, want string }{
		"both empty":           {"", "", "a//b", "a//b"},
		"swapped":              {"2019/", "old/2019/", "2019/2019/x", "old/2019/2019/x"},
		"taken away":           {"2019/", "", "2019/x", "x"},
		"the prefix is a key":  {"2019", "y", "2019", "y"},
		"nothing is cleaned":   {"a/", "b/", "a/../c", "b/../c"},
		"not at a slash's end": {"20", "x", "2019/a", "x19/a"},
	} {
		t.Run(name, func(t *testing.T) {
			j := job.Job{Source: job.Location{Prefix: tc.from}, Target: job.Location{Prefix: tc.to}}
			got := j.TargetKey(tc.key)
			if got != tc.want {
				t.Errorf("TargetKey(%q) = %q, want %q", tc.key, got, tc.want)
			}
			if back, ok := j.SourceKey(got); back != tc.key || !ok {
				t.Errorf("SourceKey(%q) = %q %v, want %q true", got, back, ok, tc.key)
			}
		})
	}
	j := job.Job{Target: job.Location{Prefix: "new/"}}
	if _, ok := j.SourceKey("old/x"); ok {
		t.Error("SourceKey of a key outside the target = true, want false")
	}
}

func TestSwappingKeepsOrder(t *testing.T) {
	const seed = 7
	r := rand.New(rand.NewPCG(seed, seed))
	j := job.Job{Source: job.Location{Prefix: "a/"}, Target: job.Location{Prefix: "z"}}
	var keys []string
	for range 1000 {
		b := make([]byte, r.IntN(6))
		for i := range b {
			b[i] = byte(r.UintN(256))
		}
		keys = append(keys, "a/"+string(b))
	}
	slices.Sort(keys)
	for i, k := range keys {
		keys[i] = j.TargetKey(k)
	}
	if !slices.IsSorted(keys) {
		t.Errorf("the target's keys are out of order (seed %d), want the source's order", seed)
	}
}

func TestEncodedJobsComeBack(t *testing.T) {
	j, err := job.New("kodo://photos/%E5%9B%BE%2F%01<&>/?domain=img.example.com", dst, "", func(j *job.Job) {
		j.Unguarded, j.Delete, j.Overwrite = true, true, job.OverwriteNever
		j.Filter = job.Filter{Include: []string{"**/*<&>"}, Suffix: []string{"图"}, MinSize: 1, After: time.Unix(1e9, 5).UTC(), Classes: []string{"ia"}}
		j.Limits.Bandwidth = job.Bandwidth{Zone: "Asia/Shanghai", Timetable: []job.Window{{From: "09:00", To: "18:00", Rate: 1}}}
	})
	if err != nil {
		t.Fatal(err)
	}
	data, err := job.Encode(j)
	if err != nil {
		t.Fatalf("Encode = %v, want no error", err)
	}
	if got, err := job.Decode(data); err != nil || !reflect.DeepEqual(got, j) {
		t.Errorf("Decode = %+v, %v, want %+v", got, err, j)
	}
	var fields map[string]any
	if err := json.Unmarshal(data, &fields); err != nil {
		t.Fatal(err)
	}
	fields["later"] = true
	data, _ = json.Marshal(fields)
	if got, err := job.Decode(data); err != nil || !reflect.DeepEqual(got, j) {
		t.Errorf("Decode with an unknown field = %+v, %v, want %+v", got, err, j)
	}
}

func TestOtherFormatsAreRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		data string
		want fault.Kind
		says string
	}{
		"a newer one": {`{"v":2,"name":"x"}`, fault.Newer, "upgrade Ferry"},
		"a newer one with a field of another type": {`{"v":2,"name":"x","limits":7}`, fault.Newer, "upgrade Ferry"},
		"one without v":  {`{"name":"x"}`, fault.Invalid, "make the job again"},
		"no JSON at all": {`ferry`, fault.Invalid, "not a job"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := job.Decode([]byte(tc.data))
			if fault.KindOf(err) != tc.want || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("Decode = %v, want kind %s that says %q", err, tc.want, tc.says)
			}
		})
	}
	for name, j := range map[string]job.Job{
		"a prefix": {Name: "x", Source: job.Location{Prefix: "\xff"}}, "a pattern": {Name: "x", Filter: job.Filter{Suffix: []string{"\xff"}}},
	} {
		if _, err := job.Encode(j); fault.KindOf(err) != fault.Invalid {
			t.Errorf("Encode of %s that is not UTF-8 = %v, want kind %s", name, err, fault.Invalid)
		}
	}
}

func TestParallelIsANumberOrAuto(t *testing.T) {
	for text, want := range map[string]int{"auto": job.AutoParallel, "1": 1, "64": 64, "1024": 1024, "100000": 100_000, "-1": -1} {
		if n, err := job.ParseParallel(text); err != nil || n != want || job.FormatParallel(n) != text {
			t.Errorf("%q: %d, %v, written %q", text, n, err, job.FormatParallel(n))
		}
	}
	for _, bad := range []string{"", "0", "many", "Auto", "6.4", "99999999999999999999", " 8"} {
		if n, err := job.ParseParallel(bad); err == nil || !strings.Contains(err.Error(), "write auto, or a number from 1 to 1024") {
			t.Errorf("%q: %d, %v", bad, n, err)
		}
	}
	_, err := job.New(src, dst, "", func(j *job.Job) { j.Limits.Parallel = 100_000 })
	if err == nil || !strings.Contains(err.Error(), "limits.parallel is 100000: more than 1024 objects in flight do not fit the 256 MiB") {
		t.Errorf("%v, want the bound and what sets it", err)
	}
	j, err := job.New(src, dst, "", func(j *job.Job) { j.Limits.Parallel = job.AutoParallel })
	if err != nil {
		t.Fatal(err)
	}
	raw, err := job.Encode(j)
	if err != nil || strings.Contains(string(raw), "parallel") {
		t.Errorf("%s, %v: an earlier version is to read its own default", raw, err)
	}
	if n := j.Limits.AtOnce(7); n != 7 {
		t.Errorf("auto makes %d requests at once of 7", n)
	}
	if j.Limits.Parallel = 3; j.Limits.AtOnce(7) != 3 || j.Limits.AtOnce(2) != 2 {
		t.Error("3 at a time are exceeded")
	}
}
