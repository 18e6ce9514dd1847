package consoles

import (
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"kodoferry/shared/job"
)

// words are the texts of a page but those that are the same in every language: commands, keys,
// places, YAML.
const words = `(() => {
	const all = [], walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	for (let n; (n = walk.nextNode());) {
		if (n.textContent.trim() && !n.parentElement.closest("script, style, code, pre, .mono, .key, option, textarea, noscript")) all.push(n.textContent.trim());
	}
	return all.join("\n");
})()`

// english finds words of English that stand together; answers is what a service says, in its own words.
var (
	english = regexp.MustCompile(`\b[A-Za-z]?[a-z]+(?:,? [a-z]{2,}){1,}`)
	answers = regexp.MustCompile(`bad token|no such bucket|Invalid signing region in Authorization header\.|\(request [0-9A-Za-z]+\)|"[^"]*"|ferry [a-z]+( [A-Za-z/0-9-]+)?|zone Asia/Shanghai|dingtalk sign=`)
)

// TestPagesAreChinese with failures, a test of addresses that fails, a form with mistakes and the
// story of an object: what another part of Ferry says is told in Chinese, too.
func TestPagesAreChinese(t *testing.T) {
	s, p := look(t)
	failed := s.begun[Avatars]
	s.over(t, failed)
	j, err := job.New(strings.Replace(s.SourceOf(Photos), "kodo://"+Photos, "kodo://nobodys", 1), strings.Replace(s.TargetOf("astray-new"), "cn-hangzhou", "cn-beijing", 1), s.Ledger.String(), func(j *job.Job) { j.Name = "astray" })
	if err != nil {
		t.Fatal(err)
	}
	if err := s.keepJob(t.Context(), j); err != nil {
		t.Fatal(err)
	}
	p.do(chromedp.Evaluate[chromedp.Void](`document.cookie = "ferry_language=zh; path=/"`))
	seen := func(page string) {
		t.Helper()
		text := value[string](p, words)
		for line := range strings.Lines(text) {
			if found := english.FindString(answers.ReplaceAllString(line, "")); found != "" {
				t.Errorf("%s: %q stands in %q", page, found, strings.TrimSpace(line))
			}
		}
	}
	p.open("/addresses")
	p.press(`button[value="astray"]`)
	p.until(`document.querySelector("#tested")`)
	seen("a test of addresses")
	for _, path := range append(pagesOf(s), "/runs/"+failed+"/object?key=nothing", "/runs/x/y", "/runs/"+Photos+"/20200101T000000Z") {
		p.open(path)
		seen(path)
	}
	for _, key := range s.failed(t, failed) {
		p.open("/runs/" + failed + "/object?encoded=1&key=" + url.QueryEscape(url.PathEscape(key)))
		seen("the story of " + key)
	}
	p.open("/jobs/new")
	for field, text := range map[string]string{
		"name": "a b", "source": "kodo://x", "target": "oss://B", "limits.partSize": "1MB", "limits.bandwidth": "fast", "limits.fanout": "99", "filter.minSize": "big", "filter.include": "[", "filter.after": "soon", "thawDays": "99",
	} {
		p.fill(field, text)
	}
	p.press(`button[value="review"]`)
	p.until(`document.querySelectorAll(".mistakes li").length > 5`)
	seen("a form with mistakes")
	p.clean()
}

// failed are the keys of a report's failures, a few.
func (s *served) failed(t testing.TB, run string) (keys []string) {
	for i, f := range s.over(t, run).Failures {
		if i < 3 {
			keys = append(keys, f.Key)
		}
	}
	return keys
}
