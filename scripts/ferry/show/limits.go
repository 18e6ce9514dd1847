package show

import (
	"fmt"
	"io"
	"strings"

	"github.com/dustin/go-humanize"

	"kodoferry/scripts/ferry/words"
	"kodoferry/shared/control"
)

// Limits prints what bounds a run and which processes are at work.
func Limits(w io.Writer, b control.Limits) error {
	var text strings.Builder
	from := "as its job says"
	if b.Changed {
		from = "as changed by ferry limits"
	}
	count := func(n int, of string) string {
		if n == 0 {
			return "none"
		}
		return humanize.Comma(int64(n)) + of
	}
	fmt.Fprintf(&text, "%s: bound %s\n", b.Run, from)
	fmt.Fprintf(&text, "  bandwidth  %s\n", b.Limits.Bandwidth.Legible())
	fmt.Fprintf(&text, "  requests   %s\n", count(b.Limits.Requests, " a second"))
	fmt.Fprintf(&text, "  instances  %s\n", count(b.Limits.Instances, ""))
	switch {
	case len(b.Living) > 0:
		fmt.Fprintf(&text, "  at work    %s\n", words.Count(int64(len(b.Living)), "process", "processes"))
	case !b.Limits.Any():
		fmt.Fprintf(&text, "  at work    not known: processes tell only where a limit is set\n")
	default:
		fmt.Fprintf(&text, "  at work    nobody in the last minute\n")
	}
	for _, p := range b.Living {
		does := "lists and verifies"
		switch {
		case p.Copies:
			does = "copies"
		case p.Waits:
			does = "waits for a place among those that copy"
		}
		fmt.Fprintf(&text, "    %s  %s since %s, last seen %s\n", p.Process, does, Moment(p.Since), Clock(p.Seen))
	}
	_, err := io.WriteString(w, text.String())
	return err
}
