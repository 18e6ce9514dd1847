package overview

import (
	"strings"
	"time"
)

// Sentence is something that is said in words: which words is a matter of the language.
// English are those of this package; another language has a Form for each code, and writes
// arguments by their Kind.
type Sentence struct {
	Code string `json:"code"`
	Args []Arg  `json:"args,omitempty"`
}

// Arg is an argument of a Sentence. Its value is in the one of the fields that its Kind
// names.
type Arg struct {
	Name     string        `json:"name"`
	Kind     Kind          `json:"kind"`
	Text     string        `json:"text,omitempty"`
	Number   int64         `json:"number,omitempty"`
	Time     time.Time     `json:"time,omitzero"`
	Duration time.Duration `json:"duration,omitempty"` // nanoseconds
}

// Kind says how an argument is written.
type Kind string

// The kinds of arguments.
const (
	Word    Kind = "word"    // Text, one of a few: source, target; a language may have its own for each
	Text    Kind = "text"    // Text as it is: what a service answered
	Key     Kind = "key"     // Text, a key: it is quoted
	Command Kind = "command" // Text, a command line to be copied
	Number  Kind = "number"  // Number
	Size    Kind = "size"    // Number, bytes
	Instant Kind = "time"    // Time, with its zone
	Span    Kind = "span"    // Duration
)

// IsZero reports whether nothing is said.
func (s Sentence) IsZero() bool { return s.Code == "" }

// Of returns the argument of that name; ok is false where there is none.
func (s Sentence) Of(name string) (a Arg, ok bool) {
	for _, a := range s.Args {
		if a.Name == name {
			return a, true
		}
	}
	return Arg{}, false
}

// In writes the sentence by the forms of a language, and its arguments by write. A code that
// the language has no form for is written by the English one, and one of a newer version,
// which has none either, as it is.
func (s Sentence) In(forms map[string]string, write func(Arg) string) string {
	form, ok := forms[s.Code]
	if !ok {
		form, ok = Forms[s.Code]
	}
	if !ok {
		return s.Code
	}
	var pairs []string
	for _, a := range s.Args {
		pairs = append(pairs, "{"+a.Name+"}", write(a))
	}
	return strings.NewReplacer(pairs...).Replace(form)
}

func say(code string, args ...Arg) Sentence { return Sentence{Code: code, Args: args} }

func word(name, text string) Arg      { return Arg{Name: name, Kind: Word, Text: text} }
func text(name, text string) Arg      { return Arg{Name: name, Kind: Text, Text: text} }
func command(text string) Arg         { return Arg{Name: "command", Kind: Command, Text: text} }
func number(name string, n int64) Arg { return Arg{Name: name, Kind: Number, Number: n} }
func bytes(name string, n int64) Arg  { return Arg{Name: name, Kind: Size, Number: n} }
func at(name string, t time.Time) Arg { return Arg{Name: name, Kind: Instant, Time: t.UTC()} }
func span(name string, d time.Duration) Arg {
	return Arg{Name: name, Kind: Span, Duration: d}
}

// Forms are the English forms of all sentences, by code, with the names of their arguments
// in braces. A catalogue of another language has a form for each of these codes, of the
// same arguments, though in any order.
var Forms = map[string]string{
	// How a run stands: Overview.Says.
	"state.listing":               "listing: {listed} objects found so far, {ended} of {to_copy} to copy have ended",
	"state.copying":               "copying: {ended} of {to_copy} objects have ended",
	"state.verifying":             "verifying: everything has ended, {checked} of {listed} objects are verified",
	"state.reporting":             "everything is verified, and the report is being written",
	"state.following":             "following events: {listed} looked at, {open} not through",
	"state.verified":              "verified: all {listed} objects",
	"state.unproved":              "verified, but for what was there before and is unproved: {present}",
	"state.incomplete":            "over, and not complete: need a person: {failed}",
	"state.incomplete.other":      "over, and not complete: {reason}",
	"state.incomplete.unknown":    "over, and not complete: stretches of the source not listed or verified to their end: {shards}",
	"state.incomplete.books":      "over, and not complete: the books do not balance",
	"state.incomplete.kept":       "over, and not complete: could not be deleted from the target: {failed}",
	"state.incomplete.unverified": "over, and not complete: {verified} of {held} copied or unchanged objects are verified",
	"state.cancelled":             "cancelled: {ended} of {listed} objects had ended",
	"state.paused":                "paused since {since}",
	"state.resuming":              "being resumed: its open tasks are sent",
	"state.cancelling":            "cancelled since {since}, and its report is not written yet",
	"state.sealed":                "its job was ended for good at {since}, and its report is not written yet",
	"state.waits":                 "waiting: the {side} has not answered since {since}",
	"state.stalled":               "STALLED: nothing was written down since {since}",
	"state.nobody":                "nobody works on it since {since}; {open} objects are open",
	"state.nobody.ever":           "nobody works on it; {open} objects are open",

	// What to do next: Overview.Next.
	"next.report":    "{command}",
	"next.failures":  "see what needs a person: {command}",
	"next.retry":     "try those that failed again: {retry}; what they are: {command}",
	"next.cure":      "see to this, or what failed fails again: {cure}. Then try it again: {retry}; what it is: {command}",
	"next.resume":    "{command}",
	"next.cancel":    "{command}, which writes the report",
	"next.seal":      "{command}, which writes the report",
	"next.side":      "see to the {side}, and the run goes on by itself; asked last at {asked}, it said: {why}",
	"next.stalled":   "look for errors in the functions' logs and at the queues, dead letters too; the sweeper sends again what is lost",
	"next.copy":      "go on with it by the command that began it: {command}",
	"next.agent":     "see whether functions or agents run; an agent goes on with it: {command}",
	"next.events":    "nothing: the day is reported after {due}",
	"next.cancelled": "run the job again: what was copied is not copied again",
	"next.unproved":  "present=copy copies them, present=accept takes them as they are",

	// What the time left rests on: Overview.Left.Rests.
	"left.rate":      "at the rate of the last {over}: {objects} objects and {bytes} a second",
	"left.listing":   "not known while the listing goes on",
	"left.none":      "not known: nothing has ended lately",
	"left.stopped":   "it does not go on",
	"left.nothing":   "nothing is left to be copied",
	"left.verifying": "at the rate at which shards were verified",

	// What bounds the speed: Binding.Says.
	"binds.window":    "{most} objects at a time are best: more in flight were not served sooner",
	"binds.parallel":  "limits.parallel, which lets {most} objects be under way at a time",
	"binds.capacity":  "the processes hold no more than {most} objects in flight: more memory, or more of them, would",
	"binds.throttle":  "a service asks to slow down",
	"binds.bandwidth": "the bandwidth that the run may take (limits.bandwidth)",
	"binds.requests":  "the requests a second that the run may make (limits.requests)",
	"binds.instances": "how many processes may copy (limits.instances)",
	"binds.outage":    "the {side} does not answer",
	"binds.tasks":     "there are too few batches to keep all busy",

	// What else is odd: Overview.Notes.
	"note.damaged": "{records} records of the ledger cannot be read, the first is {name}",
	"note.givenup": "{shards} stretches of the key space were given up: what they hold is not known",
	"note.scaled":  "figures are scaled up from {read} of {records} records; the rest is being read",
}
