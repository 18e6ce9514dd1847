package show

import (
	"io"

	"github.com/dustin/go-humanize"

	"kodoferry/shared/control"
)

// Limits prints what bounds a run and which processes are at work.
func Limits(w io.Writer, b control.Limits) error {
	s := StyleOf(w)
	from := s.say("limits.of_job")
	if b.Changed {
		from = s.say("limits.changed")
	}
	text := s.say("limits.head", b.Run, from) + "\n"
	line := func(label, of string) { text += "  " + pad(label, labelled-2) + " " + of + "\n" }
	count := func(n int, of string) string {
		if n == 0 {
			return s.say("limits.none")
		}
		return s.say(of, humanize.Comma(int64(n)))
	}
	bandwidth := b.Limits.Bandwidth.Legible()
	if bandwidth == "none" {
		bandwidth = s.say("limits.none")
	}
	line(s.say("limits.bandwidth"), bandwidth)
	line(s.say("limits.requests"), count(b.Limits.Requests, "limits.a_second"))
	line(s.say("limits.instances"), count(b.Limits.Instances, "limits.number"))
	atWork := s.say("limits.nobody")
	switch {
	case len(b.Living) > 0:
		atWork = s.count("processes", int64(len(b.Living)))
	case !b.Limits.Any():
		atWork = s.say("limits.not_known")
	}
	line(s.say("limits.at_work"), atWork)
	for _, p := range b.Living {
		does := s.say("limits.lists")
		switch {
		case p.Copies:
			does = s.say("limits.copies")
		case p.Waits:
			does = s.say("limits.waits")
		}
		text += "    " + s.say("limits.process", p.Process, does, Moment(p.Since), Clock(p.Seen)) + "\n"
	}
	return Print(w, text)
}
