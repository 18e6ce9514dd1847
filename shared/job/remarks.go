package job

import (
	"fmt"
	"strings"
)

// Remark is what is odd about a job that can be run all the same, with its cure.
type Remark struct {
	Side string // source or target
	What string // in one word or two
	Says string
}

// Remarks are what is odd about j.
func (j Job) Remarks() []Remark {
	var all []Remark
	if says := j.slashes(); says != "" {
		all = append(all, Remark{"target", "prefixes", says})
	}
	if j.Source.Scheme == Kodo && testDomain(j.Source.Domain) {
		all = append(all, Remark{"source", "test domain", fmt.Sprintf("%s is one of the test domains that Kodo gives a new bucket and takes back after 30 days: leave domain= out, for the region's own source host, or bind a domain of your own", j.Source.Domain)})
	}
	return all
}

// testDomain reports whether a domain is one that Kodo lends (Kodo manual, "test domains").
func testDomain(domain string) bool {
	host, _, _ := strings.Cut(strings.ToLower(domain), ":")
	for _, end := range []string{".clouddn.com", ".qiniudn.com", ".gdipper.com"} {
		if strings.HasSuffix(host, end) {
			return true
		}
	}
	return false
}

// slashes says what becomes of keys where one prefix ends with a slash and the other does not:
// nearly always one was forgotten. "" is the whole bucket.
func (j Job) slashes() string {
	ends := func(prefix string) bool { return prefix == "" || strings.HasSuffix(prefix, "/") }
	src, dst := j.Source.Prefix, j.Target.Prefix
	if ends(src) == ends(dst) {
		return ""
	}
	sample := src + "a.jpg"
	if !ends(src) {
		sample = src + "/a.jpg"
	}
	with, without, longer, shorter := src, dst, "source", "target"
	if !ends(src) {
		with, without, longer, shorter = dst, src, "target", "source"
	}
	if with == "" {
		return fmt.Sprintf("the %s's prefix %q does not end with a slash, so %q becomes %q: write %q if it is a directory", shorter, without, sample, j.TargetKey(sample), without+"/")
	}
	return fmt.Sprintf("the %s's prefix %q ends with a slash and the %s's %q does not, so %q becomes %q: write a slash at the end of both, or of neither", longer, with, shorter, without, sample, j.TargetKey(sample))
}
