package jobform

import (
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"kodoferry/shared/job"
)

// TestTheFormHasEveryFieldOfAJobFile, and none that a file has not.
func TestTheFormHasEveryFieldOfAJobFile(t *testing.T) {
	got := slices.DeleteFunc(slices.Sorted(slices.Values(Paths())), func(p string) bool { return p == "name" || p == "keys" })
	if want := job.Fields(); !slices.Equal(got, want) {
		t.Errorf("the form has %q, a file %q", got, want)
	}
}

// TestAJobComesBackFromItsForm reads the jobs of the example file, which has every field,
// off a form and writes them again.
func TestAJobComesBackFromItsForm(t *testing.T) {
	data, err := os.ReadFile("../../../infra/ferry.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	jobs, err := job.ParseFile(data, "ferry.example.yaml")
	if err != nil || len(jobs) < 3 {
		t.Fatalf("%d jobs, %v", len(jobs), err)
	}
	for _, j := range jobs {
		v := Of(j)
		if j.KeyList != "" {
			v["keys"] = "a\nb"
		}
		back, _, wrong := v.Job(j.Ledger)
		if len(wrong) > 0 {
			t.Errorf("%s: %v\n%s", j.Name, wrong, v.YAML().Text)
			continue
		}
		if !reflect.DeepEqual(back.Job, j) {
			t.Errorf("%s came back as\n%+v, want\n%+v\n%s", j.Name, back.Job, j, v.YAML().Text)
		}
	}
}

// TestWhatIsWrongIsToldBesideItsField has a mistake of each kind of field.
func TestWhatIsWrongIsToldBesideItsField(t *testing.T) {
	good := func() Values {
		return Values{"name": "photos", "source": "kodo://photos/?region=z0", "target": "oss://photos-new/?region=cn-hangzhou"}
	}
	for name, c := range map[string]struct {
		set         Values
		field, says string
	}{
		"no name":                 {Values{"name": ""}, "name", "a job has a name"},
		"a name with a blank":     {Values{"name": "my photos"}, "name", "letters, digits"},
		"no source":               {Values{"source": ""}, "source", "no location"},
		"no target":               {Values{"target": ""}, "target", "no location"},
		"an empty form":           {Values{"name": "", "source": "", "target": ""}, "source", "no location: write one"},
		"an empty form's target":  {Values{"name": "", "source": "", "target": ""}, "target", "no location: write one"},
		"a source that is none":   {Values{"source": "photos"}, "source", "this is no location"},
		"credentials in a source": {Values{"source": "kodo://AKIDEXAMPLE:secret@photos/"}, "source", "credentials"},
		"a target in the source":  {Values{"target": "kodo://photos/x/?region=z0"}, "target", "writes to"},
		"a word of a policy":      {Values{"overwrite": "sometimes"}, "overwrite", "write one of changed"},
		"a size":                  {Values{"limits.partSize": "1MB"}, "limits.partSize", "multiples of 4 MiB"},
		"a number":                {Values{"limits.attempts": "many"}, "limits.attempts", "no whole number"},
		"a rate":                  {Values{"limits.bandwidth": "20Mb/s"}, "limits.bandwidth", "no rate"},
		"a time":                  {Values{"filter.after": "yesterday"}, "filter.after", "no time"},
		"a pattern":               {Values{"filter.includeRegexp": "^ok\n(["}, "filter.includeRegexp", "missing closing"},
		"a share":                 {Values{"delete": "true", "maxDeleteShare": "200%"}, "maxDeleteShare", "no share"},
		"a webhook":               {Values{"alerts": "https://example.com/secret json"}, "alerts", "names no variable"},
		"keys without a name":     {Values{"keys": "a"}, "keyList", "name"},
		"a name without keys":     {Values{"keyList": "damaged.txt"}, "keys", "no keys"},
		"mirroring a list":        {Values{"keyList": "x", "keys": "a", "delete": "true"}, "delete", "list of keys"},
		"a text that breaks out":  {Values{"class": "keep\n    delete: true"}, "class", "write one of keep"},
	} {
		v := good()
		for field, text := range c.set {
			v[field] = text
		}
		_, _, wrong := v.Job(job.Location{})
		if !slices.ContainsFunc(wrong, func(m Mistake) bool { return m.Field == c.field && strings.Contains(m.Says, c.says) }) {
			t.Errorf("%s: %+v, want %q beside %s\n%s", name, wrong, c.says, c.field, v.YAML().Text)
		}
	}
	if _, _, wrong := good().Job(job.Location{}); len(wrong) > 0 {
		t.Errorf("a job without a mistake has %+v", wrong)
	}
}

func TestATriggerTicksAsItIsAsked(t *testing.T) {
	for in, want := range map[[2]string]string{
		{"hour", "02:30"}: "0 30 * * * *", {"day", "02:30"}: "0 30 2 * * *", {"week", "00:05"}: "0 5 0 * * 0", {"", ""}: "0 30 2 * * *", {"day", "25:61"}: "0 30 2 * * *", {"day", "-1:99 *"}: "0 30 2 * * *",
	} {
		if got := Cron(in[0], in[1]); got != want {
			t.Errorf("each %s at %q is %s, want %s", in[0], in[1], got, want)
		}
	}
}
