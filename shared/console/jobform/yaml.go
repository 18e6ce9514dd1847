package jobform

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/job/keylist"
)

// File is a file with one job.
type File struct {
	Text  []byte
	field []string // by line: the path of the field that the line holds, "" for none
}

// plain are texts that YAML takes as they are.
var plain = regexp.MustCompile(`^[A-Za-z0-9/.][A-Za-z0-9 _./+~%?&=:;,@-]*$`)

// quoted writes a text so that YAML reads the same.
func quoted(text string) string {
	if plain.MatchString(text) && !strings.Contains(text, ": ") && !strings.HasSuffix(text, ":") && !strings.HasSuffix(text, " ") && !strings.Contains(text, " #") && !slices.Contains(words, strings.ToLower(text)) {
		return text
	}
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(text) // a text
	return strings.TrimSuffix(b.String(), "\n")
}

// words are read as something else than texts.
var words = []string{"null", "yes", "no", "on", "off", "y", "n", "~", "...", "---"}

func (f *File) line(field, text string) {
	f.Text = append(append(f.Text, text...), '\n')
	f.field = append(f.field, field)
}

// YAML writes what is filled in as a file with one job. A Flag is written without quotes,
// and so is whatever else stands on a line of its own.
func (v Values) YAML() File {
	var f File
	name := v["name"]
	if name == "" {
		name = "job"
	}
	f.line("", "jobs:")
	f.line("name", "  "+quoted(name)+":")
	var above string
	for _, g := range Groups {
		for _, field := range g.Fields {
			if field.Path == "name" || field.Path == "keys" || v[field.Path] == "" {
				continue
			}
			indent, last := "    ", field.Path
			if group, below, ok := strings.Cut(field.Path, "."); ok {
				if above != group {
					f.line("", indent+group+":")
					above = group
				}
				indent, last = indent+"  ", below
			}
			v.field(&f, field, indent, last)
		}
	}
	return f
}

func (v Values) field(f *File, field Field, indent, last string) {
	switch field.Kind {
	case Lines:
		f.line(field.Path, indent+last+":")
		for _, item := range v.items(field.Path) {
			f.line(field.Path, indent+"  - "+quoted(item))
		}
	case Hooks:
		f.line(field.Path, indent+last+":")
		for _, item := range v.items(field.Path) {
			f.line(field.Path, indent+"  - "+hook(item))
		}
	default:
		f.line(field.Path, indent+last+": "+quoted(v[field.Path]))
	}
}

// hook writes a line of the form's alerts, to, kind, sign=… and insecure, as an item.
func hook(line string) string {
	var parts []string
	for i, word := range strings.Fields(line) {
		name, value, ok := strings.Cut(word, "=")
		switch {
		case ok:
		case i == 0:
			name, value = "to", word
		case i == 1:
			name, value = "kind", word
		default: // insecure, or a word that is none
			value = "true"
		}
		parts = append(parts, quoted(name)+": "+quoted(value))
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// Mistake is what is wrong with a field; of Field "" with the whole.
type Mistake struct {
	Field string `json:"field"`
	Says  string `json:"says"`
}

// Job reads what is filled in as a job of a file is read, with the keys of its list. Where
// it has mistakes the job counts for nothing. ledger is that of a job that names none.
func (v Values) Job(ledger job.Location) (job.Filed, []string, []Mistake) {
	file := v.YAML()
	filed, wrong := job.Examine(file.Text, func(j *job.Job) {
		if j.Ledger == (job.Location{}) {
			j.Ledger = ledger
		}
	})
	var mistakes []Mistake
	for _, m := range wrong {
		mistakes = append(mistakes, file.mistake(m))
	}
	if v["name"] == "" {
		mistakes = append(mistakes, Mistake{"name", "a job has a name: letters, digits, - and _"})
	}
	if len(filed) != 1 {
		return job.Filed{}, nil, mistakes
	}
	keys, kwrong := v.keys(filed[0].Job)
	return filed[0], keys, append(mistakes, kwrong...)
}

// mistake is what is wrong, beside its field. What is missing has no line of its own: it is
// told of the job, with the field's name before it.
func (f File) mistake(m job.Mistake) Mistake {
	at := f.at(m.Line)
	if field, says, ok := strings.Cut(m.Says, ": "); ok && (at == "name" || at == "") && slices.Contains(Paths(), field) {
		return Mistake{field, says}
	}
	return Mistake{at, m.Says}
}

// keys reads the list of keys of a job that has one.
func (v Values) keys(j job.Job) (keys []string, wrong []Mistake) {
	switch {
	case j.KeyList == "" && v.Keys() != "":
		return nil, []Mistake{{"keyList", "the keys need a name that tells where they come from: write one such as damaged-keys.txt, or take the keys away"}}
	case j.KeyList == "":
		return nil, nil
	case v.Keys() == "":
		return nil, []Mistake{{"keys", "the list has no keys: write them one a line, whole keys as the source has them, or take its name away"}}
	}
	keys, err := keylist.Read(strings.NewReader(v.Keys()), "keys", j.Source.Prefix)
	if err != nil {
		for line := range strings.SplitSeq(sentence(err), "\n") {
			wrong = append(wrong, Mistake{"keys", line})
		}
	}
	return keys, wrong
}

// at is the field of a line of the file.
func (f File) at(line int) string {
	if line < 1 || line > len(f.field) {
		return ""
	}
	return f.field[line-1]
}

func sentence(err error) string { return fault.Sentence(err) }
