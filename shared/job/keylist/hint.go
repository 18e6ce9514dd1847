package keylist

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"kodoferry/shared/job"
)

// looks are what lines look like that are taken for keys and are none, and what
// to do about it: the first that fits is told. Each begins "the lines look like".
var looks = []struct {
	fit func(key string, source job.Location) bool
	say string
}{
	{matches("\x00"), "text in UTF-16: save the list in UTF-8"},
	{matches(`^[A-Za-z][A-Za-z0-9+.-]*://`), "URLs: write the keys alone, without scheme, host and parameters, percent-decoded"},
	{matches(`^(www\.)?[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\.(com|cn|net|org|io)(:\d+)?/`), "URLs without their scheme: write the keys alone, without the host"},
	{matches("\t"), "columns with tabs between them: write the keys alone, one a line"},
	{matches(`^\d{4}-\d\d-\d\d[ T]\d\d:\d\d`), "the lines of a listing, with time and size in front: write the keys alone, one a line"},
	{matches(`^[d-][rwx-]{9}`), "the lines of a listing, with rights and sizes in front: write the keys alone, one a line"},
	{matches(`^\d+ +\S`), "columns with spaces between them, a number first: write the keys alone, one a line"},
	{matches(`^\{.*\}$|^\[.*\]$`), "JSON documents: write the keys alone, one a line, each as it is or as a JSON string"},
	{matches(`^'.*'$|^“.*”$|^".*"$`), "keys in quotes: write them without, or as JSON strings in double quotes"},
	{matches(`^.+(,|;|\|) *("[^"]*"|'[^']*'|[0-9.]+|[A-Za-z0-9_+/=-]{28,}) *([,;|].*)?$`), "columns with commas, semicolons or bars between them: write the keys alone, one a line"},
	{matches(`^.+ +\d+( +\S.*)?$`), "columns with spaces between them: write the keys alone, one a line"},
	{matches(`\\u[0-9A-Fa-f]{4}|\\"`), "escaped keys: put a line that has escapes into double quotes, as a JSON string"},
	{matches(`^[A-Za-z]:[\\/]|\\`), "paths of Windows: write keys with / between their parts, and without a drive"},
	{matches(`%[0-9A-Fa-f]{2}`), "percent-encoded keys: write them decoded, %2F as / and %20 as a space"},
	{matches(`&(amp|lt|gt|quot|apos|#\d+|#x[0-9A-Fa-f]+);`), "keys escaped for XML or HTML: write them as they are, &amp; as &"},
	{matches(`^/|^\./`), "paths: write keys without the / or ./ in front"},
	{garbled, "text that was saved in one encoding and read in another: write the list anew in UTF-8"},
	{matches("\uFFFD"), "text that lost characters when its encoding was changed: write the list anew in UTF-8"},
	{decomposed, "names of files as macOS writes them, with accents as characters of their own: the source may have them composed (Unicode NFC)"},
	{func(key string, l job.Location) bool { return strings.HasPrefix(key, l.Bucket+"/") }, "keys with the bucket's name in front: leave it out"},
	{matches(`^\s|\s$`), "keys with spaces in front or at their ends, which count: take them out"},
	{matches(`\+`), "keys encoded for a form, where + stands for a space: write them decoded"},
}

// Hint says what lines look like that were read as keys, some of which are
// given, and that the source does not have; "" where they look like keys.
func Hint(keys []string, source job.Location) string {
	for _, l := range looks {
		for _, key := range keys {
			if l.fit(key, source) {
				return "the lines look like " + l.say
			}
		}
	}
	return ""
}

func matches(expression string) func(string, job.Location) bool {
	re := regexp.MustCompile(expression)
	return func(key string, _ job.Location) bool { return re.MatchString(key) }
}

// garbled reports whether a key is what UTF-8 looks like when it is read as Latin-1.
func garbled(key string, _ job.Location) bool {
	var bytes []byte
	more := false
	for _, r := range key {
		if r > 0xFF {
			return false
		}
		more = more || r >= utf8.RuneSelf
		bytes = append(bytes, byte(r))
	}
	return more && utf8.Valid(bytes)
}

// decomposed reports whether a key has an accent as a character of its own.
func decomposed(key string, _ job.Location) bool {
	return strings.ContainsFunc(key, func(r rune) bool { return unicode.Is(unicode.Mn, r) })
}
