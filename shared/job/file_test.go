package job_test

import (
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"kodoferry/shared/job"
)

// TestTheExampleFileHasEveryField reads what people copy.
func TestTheExampleFileHasEveryField(t *testing.T) {
	data, err := os.ReadFile("../../infra/ferry.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	jobs, err := job.ParseFile(data, "ferry.example.yaml")
	if err != nil || len(jobs) != 3 {
		t.Fatalf("ParseFile = %d jobs, %v, want 3", len(jobs), err)
	}
	for _, name := range namesOf(reflect.TypeFor[job.Job]()) {
		if !regexp.MustCompile(`(?m)^[^#]*\b`+name+`: `).Match(data) && name != "v" && name != "name" {
			t.Errorf("the example has no field %s", name)
		}
	}
	if got := jobs[1]; got.Name != "photos" || got.Limits.PartSize != 16<<20 || got.Filter.MinSize != 1024 ||
		got.Limits.Bandwidth.Timetable[0].Rate != 20<<20 || got.Filter.Before.Format("2006-01-02T15") != "2023-12-31T16" {
		t.Errorf("the second job is %+v, want what the file says", got)
	}
}

// namesOf are the names in JSON of all fields that hold values, but for those of locations.
func namesOf(t reflect.Type) (names []string) {
	for f := range t.Fields() {
		inner := f.Type
		if inner.Kind() == reflect.Slice {
			inner = inner.Elem()
		}
		if inner.Kind() == reflect.Struct && inner != reflect.TypeFor[job.Location]() && inner != reflect.TypeFor[time.Time]() {
			names = append(names, namesOf(inner)...)
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		names = append(names, name)
	}
	return names
}

const twoJobs = "jobs:\n  a: {source: 'kodo://photos/?region=z0', target: 'oss://photos-new/?region=cn-hangzhou'%s}\n"

func TestJobsOfAFileAreThoseOfTheirWords(t *testing.T) {
	jobs, err := job.ParseFile([]byte(`
jobs:
  b:
    source: &from kodo://photos/2019/?region=z0
    target: oss://photos-new/2019/?region=cn-hangzhou
    filter: {include: "*.jpg", minSize: 7}
    limits: &few
      parallel: 8
      bandwidth: 1MiB/s; sat 09:00-10:00 unlimited
  a:
    source: *from
    target: >-
      oss://photos-new/2020/?region=cn-hangzhou
    limits:
      <<: *few
      attempts: 7
`), "ferry.yaml", func(j *job.Job) { j.Limits.Rounds = 9 })
	if err != nil {
		t.Fatalf("ParseFile = %v, want no error", err)
	}
	want := func(name, dst string, set func(*job.Job)) job.Job {
		j, err := job.New(src, dst, "", func(j *job.Job) {
			j.Name, j.Limits.Rounds, j.Limits.Parallel = name, 9, 8
			j.Limits.Bandwidth = job.Bandwidth{Rate: 1 << 20, Timetable: []job.Window{{Days: "sat", From: "09:00", To: "10:00"}}}
			set(j)
		})
		if err != nil {
			t.Fatal(err)
		}
		return j
	}
	all := []job.Job{
		want("b", dst, func(j *job.Job) { j.Filter = job.Filter{Include: []string{"*.jpg"}, MinSize: 7} }),
		want("a", "oss://photos-new/2020/?region=cn-hangzhou", func(j *job.Job) { j.Limits.Attempts = 7 }),
	}
	if !reflect.DeepEqual(jobs, all) {
		t.Errorf("ParseFile = %+v, want %+v", jobs, all)
	}
}

func TestEveryMistakeOfAFileIsNamedWithItsLine(t *testing.T) {
	_, err := job.ParseFile([]byte(`# a file of mistakes
version: 2
jobs:
  photos:
    source: kodo://AKIDEXAMPLE:s3cr3t@photos/
    target: oss://photos-new/?region=cn-hangzhou
    secretKey: s3cr3t
    clas: ia
    overwrite: sometimes
    delete: yes
    maxDeletes: many
    filter:
      include:
        - "*.jpg"
        - "[a"
      excludeRegexp: ["("]
      minSize: 1,5GiB
      after: yesterday
      classes: [ia, iaa]
    limits:
      parallel: 5000
      partSize: 1000000
      parallel: 6
      fanout: [1, 2]
      bandwidth:
        rate: 20Mb/s
        timetable:
          - {days: mon-fri, from: "09:00", to: "18:00", rate: 20MiB/s}
          - {days: fri, from: "17:00", to: "19:00", rate: 1MiB/s}
          - {days: fry, from: "19:00", to: "20:00", rate: 1MiB/s}
          - {days: fri, from: "19:00", to: "20:00"}
  "a name":
    target: oss://photos-new/?region=cn-hangzhou
    keyList:
  videos: kodo://AKIDEXAMPLE:s3cr3t@videos/
  music:
    source: [kodo://AKIDEXAMPLE:s3cr3t@music/]
    target: oss://Music/?region=cn-hangzhou
    limits:
      bandwidth: 1MiB/s; mon 09:00-10:00 2MiB/s; mon 09:30-10:00 1MiB/s
`), "ferry.yaml")
	want := []string{
		`ferry.yaml:2: unknown field "version": the file takes jobs`,
		"ferry.yaml:5: source: the location has credentials",
		`ferry.yaml:7: "secretKey" looks like a credential`,
		`ferry.yaml:8: unknown field "clas" (did you mean class?)`,
		`ferry.yaml:9: overwrite is "sometimes": write one of changed, newer, never, always`,
		`ferry.yaml:10: delete: "yes" is neither true nor false`,
		`ferry.yaml:11: maxDeletes: "many" is no whole number`,
		`ferry.yaml:15: filter.include "[a" is no glob`,
		`ferry.yaml:16: filter.excludeRegexp "(" does not compile`,
		`ferry.yaml:17: filter.minSize: "1,5GiB" is no size`,
		`ferry.yaml:18: filter.after: "yesterday" is no time`,
		`ferry.yaml:19: filter.classes has "iaa" (did you mean ia?)`,
		"ferry.yaml:21: limits.parallel is 5000",
		"ferry.yaml:22: limits.partSize is 1000000 bytes: OSS takes parts of 100 KB to 5 GB",
		`ferry.yaml:23: "parallel" is there already, at line 21`,
		"ferry.yaml:24: limits.fanout takes a single value",
		`ferry.yaml:26: limits.bandwidth.rate: "20Mb/s" is no rate`,
		"ferry.yaml:29: limits.bandwidth: the windows mon-fri 09:00-18:00 and fri 17:00-19:00 overlap on fri at 17:00",
		`ferry.yaml:30: limits.bandwidth: the window fry 19:00-20:00 is none: the days "fry"`,
		"ferry.yaml:31: limits.bandwidth.timetable[3] has no rate",
		"ferry.yaml:32: source: no location", `ferry.yaml:32: the name "a name"`,
		"ferry.yaml:34: keyList has no value",
		"ferry.yaml:35: a job holds no names: write them one a line, indented, as source: …",
		"ferry.yaml:37: source takes a single value",
		`ferry.yaml:38: target: "Music" is no name of an OSS bucket`,
		"ferry.yaml:40: limits.bandwidth: the windows mon 09:00-10:00 and mon 09:30-10:00 overlap",
	}
	wrong(t, err, want...)
	if got := strings.Count(err.Error(), "ferry.yaml:"); got != len(want) {
		t.Errorf("%d mistakes are named, want %d: %v", got, len(want), err)
	}
}

func TestWhatIsNoJobFileIsRefused(t *testing.T) {
	for name, tc := range map[string]struct{ text, want string }{
		"nothing":              {"", "f:1: there are 0 documents"},
		"a comment":            {"# later\n", "f:1: there"},
		"two documents":        {"jobs: {}\n---\njobs: {}\n", "f:1: there are 2 documents"},
		"no jobs":              {"jobs: {}\n", "f:1: there is no job in it"},
		"a job of nothing":     {"jobs:\n  p:\n", "f:2: source: no location: write one such as kodo://"},
		"a job of nothing, to": {"jobs:\n  p:\n", "f:2: target: no location: write one such as oss://"},
		"jobs of nothing":      {"\njobs:\n", "f:2: jobs holds no names"},
		"a list of jobs":       {"jobs:\n  - source: x\n", "f:2: jobs holds no names"},
		"a text":               {"kodo://AKIDEXAMPLE:s3cr3t@photos/", "f:1: the file holds no names"},
		"no YAML":              {"jobs:\n  a: {source: AKIDEXAMPLE:s3cr3t\n", "this is not YAML"},
		"a tab":                {"jobs:\n\ta: AKIDEXAMPLE\n", "f:2: this is not YAML"},
		"an alias of itself":   {"jobs: &a\n  x: *a\n", "f:"},
		"an alias of nothing":  {"jobs: *a\n", "f:1:"},
		"a merge of itself":    {"jobs:\n  x: &a\n    <<: *a\n", "f:3: <<"},
		"as much as a disk":    {strings.Repeat("#", 1<<20+1), "f:1: the file has 1048577 bytes"},
		"a document of ranges": {fmt.Sprintf(twoJobs, ", limits: {parallel: 99999999999999999999}"), `f:2: limits.parallel: "99999999999999999999" is neither auto nor a whole number`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := job.ParseFile([]byte(tc.text), "f")
			wrong(t, err, tc.want)
		})
	}
}

var located = regexp.MustCompile(`f:[0-9]+: .`)

func FuzzParseFile(f *testing.F) {
	for _, s := range []string{fmt.Sprintf(twoJobs, ""), "jobs: &a\n  x: *a\n  <<: *a\n", "jobs:\n  a:\n    filter: {include: ['{a,b}', !!str x, |\n y]}\n", "a: !!map\n? b\n: [,]\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		jobs, err := job.ParseFile([]byte(text), "f")
		if err != nil {
			if wrong(t, err); !located.MatchString(err.Error()) {
				t.Errorf("ParseFile(%q) = %v, want a line", text, err)
			}
			return
		}
		for _, j := range jobs {
			if err := j.Validate(); err != nil {
				t.Errorf("ParseFile(%q) let pass what Validate does not: %v", text, err)
			}
		}
	})
}

func TestAFileMayBeginWithAByteOrderMark(t *testing.T) {
	good := fmt.Sprintf(twoJobs, "")
	if jobs, err := job.ParseFile([]byte("\ufeff"+good), "f"); err != nil || len(jobs) != 1 || jobs[0].Name != "a" {
		t.Errorf("ParseFile = %+v, %v, want the job a", jobs, err)
	}
	if jobs, err := job.ParseFile([]byte("\ufeff\r\n"+strings.ReplaceAll(good, "\n", "\r\n")), "f"); err != nil || len(jobs) != 1 {
		t.Errorf("ParseFile with the lines of Windows = %+v, %v, want the job a", jobs, err)
	}
	for _, mark := range []string{"\xff\xfe", "\xfe\xff"} {
		if _, err := job.ParseFile([]byte(mark+"j\x00"), "f"); err == nil || !strings.Contains(err.Error(), "UTF-8") {
			t.Errorf("ParseFile of UTF-16: %v, want it to say so", err)
		}
	}
}

func TestTheLeastRateIsAFieldOfTheLimits(t *testing.T) {
	for text, want := range map[string]int64{"": 1024, ", limits: {leastRate: 10KiB/s}": 10240, ", limits: {leastRate: 1B/s}": 1} {
		jobs, err := job.ParseFile([]byte(fmt.Sprintf(twoJobs, text)), "f")
		if err != nil || jobs[0].Limits.LeastRate != want {
			t.Errorf("%s: %+v, %v, want %d", text, jobs, err, want)
		}
	}
	if _, err := job.ParseFile([]byte(fmt.Sprintf(twoJobs, ", limits: {leastRate: 2GiB/s}")), "f"); err == nil {
		t.Error("a least rate that no line has is taken")
	}
}
