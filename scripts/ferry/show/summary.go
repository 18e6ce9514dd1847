package show

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"kodoferry/scripts/ferry/words"
	"kodoferry/shared/ledger"
	"kodoferry/shared/report"
)

// Summary prints the result of a run in a few lines. Of the stretches of the listing
// that are not known it names the first.
func Summary(w io.Writer, rep report.Report) error {
	o, b, s := rep.Objects, rep.Bytes, Style{Tongue: spoken()}
	took := time.Duration(rep.Seconds * float64(time.Second))
	var text strings.Builder
	line := func(name string, args ...any) { text.WriteString(s.say(name, args...) + "\n") }
	result := s.lang().Or("cli.result."+string(rep.Result), strings.ToUpper(string(rep.Result)))
	if rep.Result == report.Unproved {
		result = s.say("sum.unproved", s.count("thatwere", o.Present))
	}
	head := s.say("sum.head", result, s.span(took))
	if need := s.needs(rep); need != "" {
		head = s.say("sum.because", head, need)
	}
	if rep.Result != report.Unproved && o.Present > 0 {
		head = s.say("sum.present", head, s.count("were", o.Present))
	}
	if n := o.Skipped + o.Gone; n > 0 {
		head = s.say("sum.not_moved", head, humanize.Comma(n))
	}
	text.WriteString(head + "\n")
	if rep.Reason != "" {
		text.WriteString("  " + translated(s.lang(), rep.Reason) + "\n")
	}

	var sum []string
	for _, one := range []struct {
		n    int64
		word ledger.State
	}{{o.Copied, ledger.Copied}, {o.Updated, ledger.Updated}, {o.Unchanged, ledger.Unchanged}, {o.Present, ledger.Present}, {o.Skipped, ledger.Skipped}, {o.Conflict, ledger.Conflict}, {o.Gone, ledger.Gone}, {o.Failed, ledger.Failed}, {o.Open, "open"}} {
		if one.n > 0 {
			sum = append(sum, humanize.Comma(one.n)+" "+s.state(one.word))
		}
	}
	if len(sum) > 0 {
		line("sum.books", humanize.Comma(o.Listed), strings.Join(sum, " + "))
	}
	if o.Present > 0 {
		cure := s.say("sum.present.cure")
		if rep.Accepted {
			cure = s.say("sum.present.accepted")
		}
		line("sum.present.why", humanize.Comma(o.Present), cure)
	}
	if o.Restored > 0 {
		line("sum.restored", humanize.Comma(o.Restored))
	}
	for _, n := range rep.Unmoved() {
		cause, cure := s.unmoved(n)
		line("sum.unmoved", humanize.Comma(n.Objects), s.state(n.State), cause, cure)
	}
	if o.Excluded > 0 {
		line("sum.excluded", s.count("objects", o.Excluded))
	}
	if m := rep.Mirror; m != nil {
		text.WriteString("  " + s.mirrored(*m) + "\n")
	}
	if early := rep.EndedEarly(); early != "" {
		text.WriteString("  " + translated(s.lang(), early) + "\n")
	}
	if o.Verified > 0 {
		line("sum.verified", humanize.Comma(o.Verified), proofs(rep.Proofs))
		for _, e := range rep.EarlierRuns() {
			line("sum.earlier", humanize.Comma(e.Objects), e.Name)
		}
	}
	if b.Copied > 0 && rep.Seconds > 0 {
		line("sum.bytes", words.Size(b.Copied), words.Size(int64(float64(b.Copied)/rep.Seconds)))
	}
	if rep.Warned > 0 {
		line("sum.warned", s.count("objects", rep.Warned))
	}
	if len(rep.Unknown) > 0 {
		unknown := s.unknown(rep.Unknown[0])
		if more := rep.Stretches() - 1; more > 0 {
			unknown = s.say("sum.unknown.more", unknown, s.count("morestretches", more))
		}
		text.WriteString("  " + unknown + "\n")
	}
	return Print(w, text.String())
}

// unmoved writes a cause for which objects were not moved, and its cure.
func (s Style) unmoved(n report.NotMoved) (cause, cure string) {
	if n.Name == "" {
		return translated(s.lang(), n.Cause), translated(s.lang(), n.Cure)
	}
	name := "cli.unmoved." + string(n.Name)
	return s.lang().Or(name, n.Cause), s.lang().Or(name+".cure", n.Cure)
}

// How many causes of failures are told behind a summary, and how many keys of each.
const toldCauses, toldKeys = 5, 2

// Failures prints why what needs a person does, cause by cause, and which file has the rest.
func Failures(w io.Writer, rep report.Report) error {
	groups := report.Causes(rep.Failures)
	if len(groups) == 0 {
		return nil
	}
	p := &page{style: StyleOf(w)}
	for i, g := range groups {
		if i == toldCauses {
			p.text("%s", p.style.say("fail.more", p.style.count("causes", int64(len(groups)-i))))
			break
		}
		p.lines = append(p.lines, "")
		p.text("%s", p.style.say("fail.line", humanize.Comma(g.Count()), p.style.paint(red, p.style.state(ledger.State(g.State))), translated(p.style.lang(), g.Cause)))
		p.text("    %s", translated(p.style.lang(), g.Cure))
		for _, k := range g.Keys[:min(len(g.Keys), toldKeys)] {
			p.lines = append(p.lines, cut("      "+strconv.Quote(k.Key), p.width()))
		}
	}
	p.lines = append(p.lines, "")
	p.text("%s", p.style.say("fail.files", report.ListFile("failed"), rep.Run))
	_, err := io.WriteString(w, strings.Join(p.lines, "\n")+"\n")
	return err
}

// Unknown says which stretch of the listing is not known, and why.
func Unknown(u report.Unknown) string { return Style{Tongue: spoken()}.unknown(u) }

func (s Style) unknown(u report.Unknown) string {
	return s.say("sum.unknown", quotedOr(u.After, s.say("sum.beginning")), quotedOr(u.UpTo, s.say("sum.end")), translated(s.lang(), u.Reason))
}

// quotedOr quotes a key; open stands for the open end of a stretch of keys, "".
func quotedOr(key, open string) string {
	if key == "" {
		return open
	}
	return strconv.Quote(key)
}

// mirrored says what became of the target's copies of what the source no longer has.
func (s Style) mirrored(m report.Mirror) string {
	text := s.say("mirror.deleted", s.count("objects", m.Deleted.Objects))
	if m.Refused != "" {
		text = s.say("mirror.refused", m.Refused)
	}
	if m.Kept.Objects > 0 {
		text = s.say("mirror.kept", text, humanize.Comma(m.Kept.Objects))
	}
	if m.Failed.Objects > 0 {
		text = s.say("mirror.failed", text, humanize.Comma(m.Failed.Objects))
	}
	if m.Others.Objects > 0 {
		text = s.say("mirror.others", text, humanize.Comma(m.Others.Objects))
	}
	return text
}

// needs says what needs a person; "" where nothing does.
func (s Style) needs(rep report.Report) string {
	o := rep.Objects
	var parts []string
	for _, one := range []struct {
		n    int64
		name string
	}{{o.Failed, "bad.failed"}, {o.Conflict, "bad.conflict"}, {o.Mismatch, "bad.mismatch"}} {
		if one.n > 0 {
			parts = append(parts, s.say(one.name, humanize.Comma(one.n)))
		}
	}
	if o.Open > 0 {
		parts = append(parts, s.say("need.open", humanize.Comma(o.Open)))
	}
	if n := rep.Stretches(); n > 0 {
		parts = append(parts, s.say("need.stretches", s.count("stretches", n)))
	}
	if m := rep.Mirror; m != nil && m.Refused != "" {
		parts = append(parts, s.say("need.refused"))
	} else if m != nil && m.Failed.Objects > 0 {
		parts = append(parts, s.say("need.not_deleted", humanize.Comma(m.Failed.Objects)))
	}
	if rep.Reason != "" {
		parts = append(parts, s.doubted(rep))
	}
	switch {
	case len(parts) > 0:
		return strings.Join(parts, s.say("comma"))
	case !rep.Balanced:
		return s.say("need.balance")
	}
	return ""
}

// doubted is in short why a run is not verified though its books balance.
func (s Style) doubted(rep report.Report) string {
	switch {
	case rep.Objects.Excluded > 0 && rep.Objects.Listed == 0:
		return s.say("need.unchosen")
	case rep.Objects.Listed == 0:
		return s.say("need.unlisted")
	case rep.Absent > 0:
		return s.say("need.absent", s.count("keysabsent", rep.Absent))
	}
	return s.say("need.listing")
}

// proofs names how objects were proved, the strongest proof first.
func proofs(by map[ledger.Proof]ledger.Tally) string {
	var parts []string
	for _, p := range []ledger.Proof{ledger.ByQetag, ledger.ByMD5, ledger.ByCRC, ledger.ByKept} {
		if n := by[p].Objects; n > 0 {
			parts = append(parts, fmt.Sprintf("%s %s", p, humanize.Comma(n)))
		}
	}
	return strings.Join(parts, ", ")
}
