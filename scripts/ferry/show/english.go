package show

import (
	"strconv"
	"time"

	"github.com/dustin/go-humanize"

	"kodoferry/scripts/ferry/words"
	"kodoferry/shared/overview"
)

// Moment writes a time as people at this machine read it, with its zone.
func Moment(t time.Time) string { return t.Local().Format("2006-01-02 15:04:05 MST") }

// Clock writes the time of day of a time, with its zone.
func Clock(t time.Time) string { return t.Local().Format("15:04:05 MST") }

// Say writes a sentence of the model in English.
func Say(s overview.Sentence) string { return s.In(overview.Forms, argument) }

// argument writes an argument of a sentence.
func argument(a overview.Arg) string {
	switch a.Kind {
	case overview.Number:
		return humanize.Comma(a.Number)
	case overview.Size:
		return words.Size(a.Number)
	case overview.Instant:
		return Moment(a.Time)
	case overview.Span:
		return words.Duration(a.Duration)
	case overview.Key:
		return strconv.Quote(a.Text)
	}
	return words.Printable(a.Text)
}
