// Package language has every sentence of the console, and of what the command prints for
// people, in each language that they speak: one catalogue a language, of all files whose names
// end in en.json, or in zh.json, which have the same names. What the rest of the code says in
// English, errors above all, it tells in another language by zh/*.json: see tell.go.
package language

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
)

//go:embed *.json zh page
var files embed.FS

// Language is a language with its catalogue.
type Language struct {
	Tag  string // en, zh: as an address and a cookie name it
	Name string // in itself
	HTML string // the value of lang=
	all  map[string]string
	told func() *teller // the sentences of the code; nil in the language that they are made in
	// The sentences of a report's page, by their formats; nil in that language.
	paged func() map[string]*form
}

// All are the languages, the first of which is spoken where a browser names none of them.
var All = []*Language{
	{Tag: "en", Name: "English", HTML: "en", all: read("en")},
	{Tag: "zh", Name: "中文", HTML: "zh-CN", all: read("zh"), told: sync.OnceValue(func() *teller { return newTeller(sentences("zh")) }), paged: sync.OnceValue(func() map[string]*form { return formsOf(page("zh")) })},
}

func read(tag string) map[string]string {
	all := map[string]string{}
	names, _ := fs.Glob(files, "*"+tag+".json") // the pattern is right
	for _, name := range names {
		data, err := files.ReadFile(name)
		if err == nil {
			err = json.Unmarshal(data, &all)
		}
		if err != nil { // the file is part of the program, and a test reads it
			return map[string]string{}
		}
	}
	return all
}

// sentences are those of the code, by their formats, in the language of that tag: of all files of
// its directory.
func sentences(tag string) map[string]string {
	entries, err := files.ReadDir(tag)
	if err != nil { // the directory is part of the program, and a test reads it
		return nil
	}
	all := map[string]string{}
	for _, e := range entries {
		data, err := files.ReadFile(tag + "/" + e.Name())
		if err != nil || json.Unmarshal(data, &all) != nil {
			return nil
		}
	}
	return all
}

// page is the sentences of a report's page, by their formats, in the language of that tag.
func page(tag string) map[string]string {
	all := map[string]string{}
	data, err := files.ReadFile("page/" + tag + ".json")
	if err != nil || json.Unmarshal(data, &all) != nil { // the file is part of the program, and a test reads it
		return nil
	}
	return all
}

func formsOf(sentences map[string]string) map[string]*form {
	all := map[string]*form{}
	for format, says := range sentences {
		all[format] = newForm(format, says)
	}
	return all
}

// Spoken returns the language that the variables of a locale name (POSIX, "Internationalization
// Variables"): LC_ALL, else LC_MESSAGES, else LANG. getenv is as os.Getenv.
func Spoken(getenv func(string) string) *Language {
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if value := strings.ToLower(getenv(name)); value != "" {
			tag, _, _ := strings.Cut(strings.NewReplacer("-", "_", ".", "_").Replace(value), "_")
			if l := By(tag); l != nil {
				return l
			}
			break
		}
	}
	return All[0]
}

// By returns the language of that tag, nil where there is none.
func By(tag string) *Language {
	i := slices.IndexFunc(All, func(l *Language) bool { return l.Tag == tag })
	if i < 0 {
		return nil
	}
	return All[i]
}

// Of returns the language of a request: that of the cookie, else the first that
// Accept-Language names of those there are.
func Of(r *http.Request) *Language {
	if c, err := r.Cookie(Cookie); err == nil {
		if l := By(c.Value); l != nil {
			return l
		}
	}
	return Accepted(r.Header.Get("Accept-Language"))
}

// Cookie is the name of the cookie that holds the tag of a language.
const Cookie = "ferry_language"

// Accepted returns the language that an Accept-Language wants most.
func Accepted(header string) *Language {
	best, most := All[0], 0.0
	for part := range strings.SplitSeq(header, ",") {
		tag, weight, _ := strings.Cut(strings.TrimSpace(part), ";")
		q := 1.0
		if v, ok := strings.CutPrefix(strings.TrimSpace(weight), "q="); ok {
			q, _ = strconv.ParseFloat(v, 64) // what is no number weighs nothing
		}
		base, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(tag)), "-")
		if l := By(base); l != nil && q > most {
			best, most = l, q
		}
	}
	return best
}

// Has reports whether the catalogue has a sentence of that name.
func (l *Language) Has(name string) bool { return l.all[name] != "" }

// Names are those of all sentences.
func (l *Language) Names() []string {
	var names []string
	for name := range l.all {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Say returns the sentence of that name with {0}, {1}, … replaced. A name without a
// sentence is returned as it is: a test finds it.
func (l *Language) Say(name string, args ...any) string {
	text, ok := l.all[name]
	if !ok {
		return name
	}
	if len(args) == 0 {
		return text
	}
	pairs := make([]string, 0, 2*len(args))
	for i, a := range args {
		pairs = append(pairs, "{"+strconv.Itoa(i)+"}", fmt.Sprint(a))
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// Or returns the sentence of that name, or text where there is none: a word that a newer
// part of Ferry uses and no catalogue has yet.
func (l *Language) Or(name, text string) string {
	if s, ok := l.all[name]; ok {
		return s
	}
	return text
}
