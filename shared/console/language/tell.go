package language

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// How a sentence that is made deep in the code reaches a person in his language.
//
// All parts of Ferry below the edge speak English and know of no language: an error, a finding
// of a check, the reason of a row. Most of these travel as text: by a record that a process
// wrote last week, by JSON, by an error that another one wraps. So it is the text that is
// translated, where it is shown, by Tell. A sentence is known by the format that it was made
// of, as it stands in the code, which is its name in the catalogue of a language (zh/*.json).
// Its values are read out of the text, each is told in turn, for it may be a sentence of its
// own, and they are put where the sentence of the language has {0}, {1}, … A value of one word is
// a name and stays, unless it stands at {0!}: a side, a state. Whoever writes a sentence in the
// code has nothing to call, register or import.
//
// What no format fits stays as it is: keys, names, commands, and the words of a service.
// TestEverySentenceOfTheSourceIsTold finds the formats in the source, and fails for one that a
// language lacks, or whose values it does not all tell.
//
//	tell.go  Tell: which format fits a text, or which fit its parts
//	form.go  form: one format, by which values are read out of a text and put into another

// Tell returns text, English that some part of Ferry made, in the language: as it is in the
// first, and for those parts of it that no sentence of the catalogue fits.
func (l *Language) Tell(text string) string {
	if l.told == nil || text == "" {
		return text
	}
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		telling := telling{teller: l.told(), left: most}
		lines[i], _ = telling.tell(line)
	}
	return strings.Join(lines, "\n")
}

// In is what a format of the page of a report and its values make, in the language; one that its
// catalogue, page/*.json, lacks makes English.
func (l *Language) In(format string, args ...any) string {
	var f *form
	if l.paged != nil {
		f = l.paged()[format]
	}
	if f == nil {
		return fmt.Sprintf(format, args...)
	}
	values := make([]value, len(args))
	for i, a := range args {
		values[i] = value{text: fmt.Sprint(a)}
	}
	return f.fill(values)
}

// most bounds how often the parts of a line are looked up, for the line may be somebody else's.
const most = 300

// teller has the sentences of a language.
type teller struct {
	whole map[string]string  // of formats without values
	by    map[string][]*form // by what they begin with, the weightiest first
}

// begin is how many bytes of a form's beginning it is found by.
const begin = 3

func newTeller(sentences map[string]string) *teller {
	t := &teller{whole: map[string]string{}, by: map[string][]*form{}}
	formats := slices.Sorted(maps.Keys(sentences))
	for _, format := range formats {
		t.add(newForm(format, sentences[format]))
	}
	for _, format := range formats { // of two that are alike the first counts
		for _, clause := range clauses(format, sentences[format]) {
			t.add(newForm(clause[0], clause[1]))
		}
		if named, says, ok := anyField(format, sentences[format]); ok {
			t.add(newForm(named, says))
		}
	}
	for _, forms := range t.by {
		slices.SortStableFunc(forms, func(a, b *form) int { return b.weight - a.weight })
	}
	return t
}

// least is how many bytes of a form are not its values', at least: one of fewer fits anything.
const least = 3

func (t *teller) add(f *form) {
	if len(f.verbs) == 0 {
		if _, ok := t.whole[f.pieces[0]]; !ok {
			t.whole[f.pieces[0]] = f.fill(nil)
		}
		return
	}
	if f.weight < least {
		return
	}
	at := ""
	if len(f.pieces[0]) >= begin {
		at = f.pieces[0][:begin]
	}
	t.by[at] = append(t.by[at], f)
}

// telling is one line that is told.
type telling struct {
	*teller
	left int // how often parts of it may still be looked up
}

// tell returns text in the language; ok is false where no sentence fits it or a part of it.
func (t *telling) tell(text string) (told string, ok bool) {
	// A sentence that begins a line has a capital that the code has not.
	first, n := utf8.DecodeRuneInString(text)
	lower := string(unicode.ToLower(first)) + text[n:]
	told, weight := t.sentence(text)
	if unicode.IsUpper(first) {
		if of, more := t.sentence(lower); more > weight {
			told, weight = of, more
		}
	}
	if behind, more := t.behind(text); more > weight {
		return behind, true
	}
	if weight > 0 {
		return told, true
	}
	for _, s := range seams {
		if told, ok = t.apart(text, s); ok {
			return told, true
		}
	}
	return text, false
}

// behind tells a sentence and what stands behind it in brackets, as the words of a service.
// weight is the sentence's, 0 where there is none.
func (t *telling) behind(text string) (told string, weight int) {
	if !strings.HasSuffix(text, ")") {
		return "", 0
	}
	for _, at := range (seam{english: " ("}).in(text) {
		first, weight := t.sentence(text[:at])
		inner, known := text[at+2:len(text)-1], false
		if weight > 0 || !strings.Contains(first, " ") { // a name, and a hint at another
			inner, known = t.tell(inner)
		}
		if weight > 0 || known {
			return first + "（" + inner + "）", max(weight, 1)
		}
	}
	return "", 0
}

// seam joins sentences to a text. Where each is true, all of them have to be known.
type seam struct {
	english, other string
	each           bool
}

// seams are tried in this order.
var seams = []seam{{". ", "。", false}, {"; ", "；", false}, {": ", "：", false}, {", ", "，", true}}

// apart tells a text as what stands before and behind a seam: the first one with a sentence
// before it, else the first one.
func (t *telling) apart(text string, s seam) (told string, ok bool) {
	all := s.in(text)
	for _, at := range all {
		left, weight := t.sentence(text[:at])
		if weight == 0 {
			continue
		}
		if right, knows := t.tell(text[at+len(s.english):]); knows || !s.each {
			return left + s.other + right, true
		}
	}
	if len(all) == 0 || s.each {
		return "", false
	}
	left, known := t.tell(text[:all[0]])
	right, knows := t.tell(text[all[0]+len(s.english):])
	return left + s.other + right, known || knows
}

// in returns where the seam is in a text, outside of quotes.
func (s seam) in(text string) (all []int) {
	quoted := false
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '\\':
			i++
		case text[i] == '"':
			quoted = !quoted
		case !quoted && strings.HasPrefix(text[i:], s.english):
			all = append(all, i)
		}
	}
	return all
}

// sentence returns text in the language where it is one sentence of the catalogue as a whole.
// weight is how much of the text is the sentence's own; 0 where none fits.
func (t *telling) sentence(text string) (told string, weight int) {
	if told, ok := t.whole[text]; ok {
		return told, len(text)
	}
	if t.left--; t.left < 0 {
		return text, 0
	}
	best, found := (*form)(nil), []string(nil)
	for _, at := range []string{text[:min(begin, len(text))], ""} {
		for _, f := range t.by[at] {
			if best != nil && f.weight <= best.weight {
				break
			}
			if v := f.values(text); v != nil {
				best, found = f, v
				break
			}
		}
	}
	if name, rest, ok := strings.Cut(text, ": "); ok && strings.HasPrefix(name, "--") && !strings.Contains(name, " ") { // a flag, and what is wrong with its value
		if told, weight := t.sentence(rest); weight > 0 && (best == nil || weight > best.weight) {
			return t.name(name) + "：" + told, weight
		}
	}
	if best == nil {
		return text, 0
	}
	if best.pieces[0] == "" {
		if told, ok := t.before(text, found[0], best.weight); ok {
			return told, best.weight
		}
	}
	values := make([]value, len(found))
	for i, v := range found {
		values[i] = value{text: v}
		if strings.IndexByte(worded, best.verbs[i]) >= 0 && (strings.Contains(v, " ") || slices.Contains(best.words, i)) {
			values[i].text, values[i].told = t.value(v)
		}
	}
	return best.fill(values), best.weight
}

// before tells a text whose sentence, of that weight, begins with a value, where that is no value
// alone: a field, a line of a file or a place that the sentence is about, or another sentence,
// stands before it.
func (t *telling) before(text, first string, weight int) (told string, ok bool) {
	if name, rest, ok := strings.Cut(text, ": "); ok && !strings.ContainsAny(name, ` "`) {
		if told, more := t.sentence(rest); more > 0 && (len(name) < len(first) || more > weight) {
			return t.name(name) + "：" + told, true
		}
	}
	for _, at := range (seam{english: ": "}).in(first) {
		head, weight := t.sentence(text[:at])
		if rest, ok := t.tell(text[at+len(": "):]); ok && weight > 0 {
			return head + "：" + rest, true
		}
	}
	if strings.Contains(first, ", ") {
		return t.apart(text, seam{", ", "，", true})
	}
	return "", false
}

// name is a name in the language, as it is where the catalogue does not have it.
func (t *teller) name(name string) string {
	if told, ok := t.whole[name]; ok {
		return told
	}
	return name
}

// value tells the value of a sentence: a sentence, or names that are listed.
func (t *telling) value(text string) (told string, ok bool) {
	if told, ok = t.tell(text); ok {
		return told, ok
	}
	for _, word := range []string{"and", "or"} {
		rest, last, ok := strings.Cut(text, " "+word+" ")
		names := append(strings.Split(rest, ", "), last)
		if !ok || slices.ContainsFunc(names, func(name string) bool { return strings.Count(name, " ") > 1 }) {
			continue
		}
		for i, name := range names {
			names[i] = t.name(name)
		}
		both := newForm("%s"+word+"%s", "{0} "+t.whole[word]+" {1}")
		return both.fill([]value{{strings.Join(names[:len(names)-1], "、"), true}, {names[len(names)-1], true}}), true
	}
	return text, false
}
