package language

import (
	"regexp"
	"strconv"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// form is a format of the source, or a clause of one, and what that is in a language.
type form struct {
	pieces []string // what stands before, between and behind the values
	verbs  []byte   // how each value is written
	says   []string // what stands before, between and behind the places
	places []int    // which value stands there
	words  []int    // which values may be single words of the catalogue
	weight int      // bytes of pieces: of two forms that fit a text, the one that leaves less to its values counts
	read   func() *regexp.Regexp
}

// value is a value of a sentence; told is true where it is one of the language's.
type value struct {
	text string
	told bool
}

var (
	// verb is a verb of a format without an explicit index, which no sentence has.
	verb = regexp.MustCompile(`%[-+# 0]*[0-9]*(?:\.[0-9]*)?[%svwdqfxgtc]`)
	// spot is where a sentence of a language has a value; one with a ! may be a single word of the
	// catalogue. Elsewhere a word is a name, which is the same in every language.
	spot = regexp.MustCompile(`\{[0-9]+!?\}`)
)

// worded are the verbs of values that may be sentences.
const worded = "svw"

// kinds are what the verbs write that write no words. An error's cause has … in place of a value.
var kinds = map[byte]string{'q': `"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)+'|“…”|…`, 'd': `[-+]?[0-9][0-9,]*|…`, 'f': `[-+]?[0-9.]+|…`}

func newForm(format, says string) *form {
	f := &form{}
	f.pieces, f.verbs = parse(format)
	for _, p := range f.pieces {
		f.weight += len(p)
	}
	last := 0
	for _, at := range spot.FindAllStringIndex(says, -1) {
		digits, word := strings.CutSuffix(says[at[0]+1:at[1]-1], "!")
		n, _ := strconv.Atoi(digits) // the pattern has digits alone
		f.says, f.places = append(f.says, says[last:at[0]]), append(f.places, n)
		if word {
			f.words = append(f.words, n)
		}
		last = at[1]
	}
	f.says = append(f.says, says[last:])
	f.read = sync.OnceValue(f.pattern)
	return f
}

// parse takes a format apart: the pieces of text, and the verbs between them.
func parse(format string) (pieces []string, verbs []byte) {
	piece, last := "", 0
	for _, at := range verb.FindAllStringIndex(format, -1) {
		piece += format[last:at[0]]
		last = at[1]
		if kind := format[at[1]-1]; kind == '%' {
			piece += "%"
		} else {
			pieces, verbs, piece = append(pieces, piece), append(verbs, kind), ""
		}
	}
	return append(pieces, piece+format[last:]), verbs
}

// pattern matches what the format makes.
func (f *form) pattern() *regexp.Regexp {
	var b strings.Builder
	for i, piece := range f.pieces {
		b.WriteString(regexp.QuoteMeta(piece))
		if i == len(f.verbs) {
			break
		}
		kind := kinds[f.verbs[i]]
		if kind == "" {
			kind = ".*?"
		}
		b.WriteString("(" + kind + ")")
	}
	return regexp.MustCompile(`^(?s:` + b.String() + `)$`)
}

// values reads the values out of a text that the format made, nil out of any other.
func (f *form) values(text string) []string {
	rest := text
	for _, piece := range f.pieces { // which is faster than the pattern, and nearly always the answer
		at := strings.Index(rest, piece)
		if at < 0 {
			return nil
		}
		rest = rest[at+len(piece):]
	}
	m := f.read().FindStringSubmatch(text)
	if m == nil {
		return nil
	}
	return m[1:]
}

// fill puts values where the sentence has them. Between two words of a language that is written
// without blanks there is none.
func (f *form) fill(values []value) string {
	var b strings.Builder
	for i, piece := range f.says {
		if i > 0 {
			v := values[f.places[i-1]]
			if before := b.String(); v.told && dense(before, true) && dense(v.text, false) {
				b.Reset()
				b.WriteString(strings.TrimSuffix(before, " "))
			}
			b.WriteString(v.text)
			if v.told && dense(v.text, true) && dense(strings.TrimPrefix(piece, " "), false) {
				piece = strings.TrimPrefix(piece, " ")
			}
		}
		b.WriteString(piece)
	}
	return b.String()
}

// dense reports whether a text ends, or begins, but for a blank, with a character that has no
// blank beside its like.
func dense(text string, ends bool) bool {
	r, _ := utf8.DecodeRuneInString(text)
	if ends {
		r, _ = utf8.DecodeLastRuneInString(strings.TrimSuffix(text, " "))
	}
	return unicode.Is(unicode.Han, r) || strings.ContainsRune("，。；：、（）“”", r)
}

// field is what begins a sentence about a field of a job.
var field = regexp.MustCompile(`^[a-z][A-Za-z]+(?:\.[A-Za-z]+)? (?:is|has|does) `)

// anyField is a sentence about a field with the name of that as a value: a flag stands in its
// place on a command line. ok is false where the sentence is about none, or says it otherwise.
func anyField(format, says string) (named, told string, ok bool) {
	name, _, _ := strings.Cut(field.FindString(format), " ")
	rest, ok := strings.CutPrefix(says, name+" ")
	if name == "" || !ok {
		return "", "", false
	}
	rest = spot.ReplaceAllStringFunc(rest, func(p string) string {
		digits, word := strings.CutSuffix(p[1:len(p)-1], "!")
		n, _ := strconv.Atoi(digits) // the pattern has digits alone
		return "{" + strconv.Itoa(n+1) + map[bool]string{true: "!"}[word] + "}"
	})
	return "%s" + format[len(name):], "{0} " + rest, true
}

// clauses are a format and its sentence apart, where both have the same clauses with the same
// values: a cause and its cure are shown apart, too.
func clauses(format, says string) (all [][2]string) {
	of, in := strings.Split(format, "; "), strings.Split(says, "；")
	if len(of) < 2 || len(of) != len(in) {
		return nil
	}
	before := 0
	for i := range of {
		_, verbs := parse(of[i])
		if strings.Count(of[i], "(") != strings.Count(of[i], ")") {
			return nil
		}
		fits := true
		text := spot.ReplaceAllStringFunc(in[i], func(p string) string {
			digits, word := strings.CutSuffix(p[1:len(p)-1], "!")
			n, _ := strconv.Atoi(digits) // the pattern has digits alone
			fits = fits && n >= before && n < before+len(verbs)
			return "{" + strconv.Itoa(n-before) + map[bool]string{true: "!"}[word] + "}"
		})
		if !fits {
			return nil
		}
		all = append(all, [2]string{of[i], text})
		before += len(verbs)
	}
	return all
}
