package keylist_test

import (
	"strings"
	"testing"

	"kodoferry/shared/job"
	"kodoferry/shared/job/keylist"
)

func TestAHintSaysWhatLinesLookLikeThatAreNoKeys(t *testing.T) {
	for key, want := range map[string]string{
		"a/b.jpg\t1024": "tabs",
		"a/b.jpg,1024":  "commas",
		"a/b.jpg,1024,FhGxwS3kQk9JHq9w-aBcDeFgHiJk": "commas",
		`a/b.jpg;"1024"`:                         "commas",
		"a/b.jpg 1024":                           "spaces between",
		"a/b.jpg  1024  FhGx":                    "spaces between",
		"1024 a/b.jpg":                           "a number first",
		"2024-01-02 03:04:05       1024 a/b.jpg": "time and size",
		"-rw-r--r-- 1 u g 1024 a/b.jpg":          "rights",
		"http://img.example.com/a/b.jpg":         "URLs",
		"https://img.example.com/a/b.jpg?e=1":    "URLs",
		"kodo://photos/a/b.jpg":                  "URLs",
		"img.example.com/a/b.jpg":                "without their scheme",
		"a%2Fb.jpg":                              "percent-encoded",
		"%E7%8C%AB.jpg":                          "percent-encoded",
		"a&amp;b.jpg":                            "XML",
		`a\u732b.jpg`:                            "escape",
		"'a/b.jpg'":                              "quotes",
		`{"key":"a/b.jpg"}`:                      "JSON",
		"/a/b.jpg":                               "in front",
		"./a/b.jpg":                              "in front",
		`C:\photos\b.jpg`:                        "Windows",
		`a\b.jpg`:                                "Windows",
		"photos/a/b.jpg":                         "bucket's name",
		"ç\u008c«.jpg":                           "another",
		"caf\u00c3\u00a9.jpg":                    "another",
		"a\ufffdb.jpg":                           "lost characters",
		"cafe\u0301.jpg":                         "macOS",
		"a\x00/\x00b\x00":                        "UTF-16",
		"a/b.jpg ":                               "at their ends",
		"a/b.jpg":                                "",
		"a,1.jpg":                                "",
		"2019/猫 (1).jpg":                         "",
	} {
		got := keylist.Hint([]string{"x", key}, job.Location{Bucket: "photos"})
		if want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%q: %q, want …%s…", key, got, want)
		}
	}
}
