package job_test

import (
	"strings"
	"testing"

	"kodoferry/shared/job"
)

func TestOddPlacesAreRemarkedOn(t *testing.T) {
	for name, tc := range map[string]struct {
		src, dst string
		want     string // "" is no remark
	}{
		"both are directories":               {"kodo://b/2019/", "oss://bucket/old/?region=cn-hangzhou", ""},
		"both are beginnings of names":       {"kodo://b/2019", "oss://bucket/old?region=cn-hangzhou", ""},
		"both are whole buckets":             {"kodo://b/", "oss://bucket/?region=cn-hangzhou", ""},
		"a bucket into a directory":          {"kodo://b/", "oss://bucket/old/?region=cn-hangzhou", ""},
		"a directory of this machine":        {"file:///data", "oss://bucket/old/?region=cn-hangzhou", ""},
		"the source's slash is missing":      {"kodo://b/2019", "oss://bucket/old/?region=cn-hangzhou", `"2019/a.jpg" becomes "old//a.jpg": write a slash at the end of both`},
		"the target's slash is missing":      {"kodo://b/2019/", "oss://bucket/old?region=cn-hangzhou", `"2019/a.jpg" becomes "olda.jpg": write a slash at the end of both`},
		"a directory into a bucket":          {"kodo://b/2019", "oss://bucket/?region=cn-hangzhou", `"2019/a.jpg" becomes "/a.jpg": write "2019/"`},
		"a bucket into what is no directory": {"kodo://b/", "oss://bucket/old?region=cn-hangzhou", `"a.jpg" becomes "olda.jpg": write "old/"`},
		"a domain that is lent":              {"kodo://b/?domain=p1x2.hd-bkt.clouddn.com", "oss://bucket/?region=cn-hangzhou", "takes back after 30 days"},
		"a domain of one's own":              {"kodo://b/?domain=img.example.com", "oss://bucket/?region=cn-hangzhou", ""},
	} {
		j, err := job.New(tc.src, tc.dst, "")
		if err != nil {
			t.Fatal(name, err)
		}
		got := ""
		for _, r := range j.Remarks() {
			got += r.Says
		}
		if tc.want == "" && got != "" || !strings.Contains(got, tc.want) {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}

func TestARegionThatIsNearAKnownOneIsHintedAt(t *testing.T) {
	for region, want := range map[string]string{"cn-hangzhuo": " (did you mean cn-hangzhou?)", "cn-hangzhou": "", "hangzhou": " (did you mean cn-hangzhou?)", "central-1": "", "mars-north-1": "", "eu-cental-1": " (did you mean eu-central-1?)"} {
		if got := job.MeantRegion(job.Location{Scheme: job.OSS, Region: region}); got != want {
			t.Errorf("%s: %q, want %q", region, got, want)
		}
	}
}
