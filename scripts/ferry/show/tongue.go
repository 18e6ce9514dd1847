package show

import (
	"os"
	"strconv"
	"time"

	"github.com/dustin/go-humanize"

	"kodoferry/scripts/ferry/words"
	"kodoferry/shared/console/language"
	tongue "kodoferry/shared/console/words"
	"kodoferry/shared/ledger"
	"kodoferry/shared/overview"
	"kodoferry/shared/report"
)

// Moment writes a time as people at this machine read it, with its zone.
func Moment(t time.Time) string { return t.Local().Format("2006-01-02 15:04:05 MST") }

// Clock writes the time of day of a time, with its zone.
func Clock(t time.Time) string { return t.Local().Format("15:04:05 MST") }

// Spoken is the language of this process.
func Spoken() *language.Language { return spoken() }

func spoken() *language.Language { return language.Spoken(os.Getenv) }

// lang is the language of a style, English where it has none.
func (s Style) lang() *language.Language {
	if s.Tongue == nil {
		return language.All[0]
	}
	return s.Tongue
}

// say is the sentence of that name in the catalogue of what the command prints, filled in.
func (s Style) say(name string, args ...any) string { return s.lang().Say("cli."+name, args...) }

// Sentence is the sentence of that name, filled in, in the language of this process.
func Sentence(name string, args ...any) string { return Style{Tongue: spoken()}.say(name, args...) }

// Question is what a check asks, in a word or two; names of queues and variables are theirs.
func Question(what string) string { return spoken().Or("question."+what, what) }

// Count writes a number with what it counts, by its name in the catalogue: n.objects.one,
// n.objects.many.
func Count[N int | int64](what string, n N) string {
	return Style{Tongue: spoken()}.count(what, int64(n))
}

// Span writes a duration in its two largest units.
func Span(d time.Duration) string { return Style{Tongue: spoken()}.span(d) }

// State is the word for a state of rows, or a verdict.
func State(state ledger.State) string { return Style{Tongue: spoken()}.state(state) }

// Result is the word for what a run came to.
func Result(r report.Result) string {
	return spoken().Or("cli.came."+string(r), string(r))
}

// PageWords are the words of a report's page in the language of this process.
func PageWords() report.Words {
	l := spoken()
	return report.Words{HTML: l.HTML, In: l.In, Tell: l.Tell}
}

// Next says which command comes next.
func Next(command string) string { return Sentence("next", command) }

// Padded is Sentence in at least so many columns.
func Padded(name string, to int) string { return pad(Sentence(name), to) }

// Column is text in at least so many columns.
func Column(text string, to int) string { return pad(text, to) }

// translated is what another part of Ferry says, which may hold what a service answered, in a
// language, on one line.
func translated(l *language.Language, text string) string { return words.Printable(l.Tell(text)) }

// Translated is what another part of Ferry says, in the language of this process.
func Translated(text string) string { return translated(spoken(), text) }

// count writes a number with what it counts: n.objects.one, n.objects.many.
func (s Style) count(what string, n int64) string {
	return tongue.Words{Lang: s.lang()}.Count(what, n)
}

// span writes a duration in its two largest units.
func (s Style) span(d time.Duration) string {
	if s.lang() == language.All[0] {
		return words.Duration(d)
	}
	return tongue.Words{Lang: s.lang()}.Span(d)
}

// state is the word for a state of rows.
func (s Style) state(state ledger.State) string {
	return s.lang().Or("cli.state."+string(state), string(state))
}

// sentence writes a sentence of the model.
func (s Style) sentence(o overview.Sentence) string {
	forms := overview.Forms
	if s.lang() != language.All[0] {
		forms = map[string]string{}
		if s.lang().Has("says." + o.Code) {
			forms[o.Code] = s.lang().Say("says." + o.Code)
		}
	}
	return o.In(forms, s.argument)
}

// Say writes a sentence of the model in English.
func Say(s overview.Sentence) string { return Style{}.sentence(s) }

// argument writes an argument of a sentence.
func (s Style) argument(a overview.Arg) string {
	switch a.Kind {
	case overview.Word:
		return s.lang().Or("word."+a.Text, words.Printable(a.Text))
	case overview.Number:
		return humanize.Comma(a.Number)
	case overview.Size:
		return words.Size(a.Number)
	case overview.Instant:
		return Moment(a.Time)
	case overview.Span:
		return s.span(a.Duration)
	case overview.Key:
		return strconv.Quote(a.Text)
	}
	return translated(s.lang(), a.Text)
}
