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
	o, b := rep.Objects, rep.Bytes
	took := time.Duration(rep.Seconds * float64(time.Second))
	var text strings.Builder
	result := strings.ToUpper(string(rep.Result))
	if rep.Result == report.Unproved {
		result = fmt.Sprintf("VERIFIED, but for %s there before and unproved,", words.Count(o.Present, "object that was", "objects that were"))
	}
	fmt.Fprintf(&text, "%s in %s", result, words.Duration(took))
	if need := needs(rep); need != "" {
		text.WriteString(": " + need)
	}
	if rep.Result != report.Unproved && o.Present > 0 {
		fmt.Fprintf(&text, "; %s there before and unproved", words.Count(o.Present, "object was", "objects were"))
	}
	if n := o.Skipped + o.Gone; n > 0 {
		fmt.Fprintf(&text, "; %s not moved", humanize.Comma(n))
	}
	text.WriteString("\n")
	if rep.Reason != "" {
		text.WriteString("  " + rep.Reason + "\n")
	}

	var sum []string
	for _, s := range []struct {
		n    int64
		word ledger.State
	}{{o.Copied, ledger.Copied}, {o.Updated, ledger.Updated}, {o.Unchanged, ledger.Unchanged}, {o.Present, ledger.Present}, {o.Skipped, ledger.Skipped}, {o.Conflict, ledger.Conflict}, {o.Gone, ledger.Gone}, {o.Failed, ledger.Failed}, {o.Open, "open"}} {
		if s.n > 0 {
			sum = append(sum, humanize.Comma(s.n)+" "+string(s.word))
		}
	}
	if len(sum) > 0 {
		fmt.Fprintf(&text, "  %s listed = %s\n", humanize.Comma(o.Listed), strings.Join(sum, " + "))
	}
	if o.Present > 0 {
		cure := "present=copy copies them, present=accept takes them as they are"
		if rep.Accepted {
			cure = "they are taken as they are, as present=accept says; present=copy would copy them"
		}
		fmt.Fprintf(&text, "  %s present: in the target before, of equal size; nothing ties their bytes to the source\n    %s\n", humanize.Comma(o.Present), cure)
	}
	if o.Restored > 0 {
		fmt.Fprintf(&text, "  %s of them copied again: an earlier run had copied them, and they were deleted in the target since\n    deletedInTarget=leave would leave them so\n", humanize.Comma(o.Restored))
	}
	for _, n := range rep.Unmoved() {
		fmt.Fprintf(&text, "  %s %s: %s\n    %s\n", humanize.Comma(n.Objects), n.State, n.Cause, n.Cure)
	}
	if o.Excluded > 0 {
		fmt.Fprintf(&text, "  %s more at the source, not chosen by the filter\n", words.Count(o.Excluded, "object", "objects"))
	}
	if m := rep.Mirror; m != nil {
		text.WriteString("  " + mirrored(*m) + "\n")
	}
	if s := rep.EndedEarly(); s != "" {
		text.WriteString("  " + s + "\n")
	}
	if o.Verified > 0 {
		fmt.Fprintf(&text, "  %s verified, proved by %s\n", humanize.Comma(o.Verified), proofs(rep.Proofs))
		for _, e := range rep.EarlierRuns() {
			fmt.Fprintf(&text, "    %s of them by %s, and both sides are as they were then\n", humanize.Comma(e.Objects), e.Name)
		}
	}
	if b.Copied > 0 && rep.Seconds > 0 {
		fmt.Fprintf(&text, "  %s copied, %s/s\n", words.Size(b.Copied), words.Size(int64(float64(b.Copied)/rep.Seconds)))
	}
	if rep.Warned > 0 {
		fmt.Fprintf(&text, "  %s with a warning: see column warnings of the report's files\n", words.Count(rep.Warned, "object", "objects"))
	}
	if len(rep.Unknown) > 0 {
		text.WriteString("  " + Unknown(rep.Unknown[0]))
		if more := rep.Stretches() - 1; more > 0 {
			fmt.Fprintf(&text, "; and %s: see the report", words.Count(more, "stretch more", "stretches more"))
		}
		text.WriteString("\n")
	}
	_, err := io.WriteString(w, text.String())
	return err
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
			p.text("  and %s", words.Count(int64(len(groups)-i), "cause more", "causes more"))
			break
		}
		p.lines = append(p.lines, "")
		p.text("  %s %s: %s", humanize.Comma(g.Count()), p.style.paint(red, g.State), words.Printable(g.Cause))
		p.text("    %s", words.Printable(g.Cure))
		for _, k := range g.Keys[:min(len(g.Keys), toldKeys)] {
			p.lines = append(p.lines, cut("      "+strconv.Quote(k.Key), p.width()))
		}
	}
	p.lines = append(p.lines, "")
	p.text("  All of them, each with its reason: %s beside the report, or ferry report %s --out DIR; one alone: ferry why %s KEY", report.ListFile("failed"), rep.Run, rep.Run)
	_, err := io.WriteString(w, strings.Join(p.lines, "\n")+"\n")
	return err
}

// Unknown says which stretch of the listing is not known, and why.
func Unknown(u report.Unknown) string {
	return fmt.Sprintf("not known: the keys after %s up to %s: %s", words.OrOpen(u.After, "the beginning"), words.OrOpen(u.UpTo, "the end"), words.Printable(u.Reason))
}

// mirrored says what became of the target's copies of what the source no longer has.
func mirrored(m report.Mirror) string {
	s := words.Count(m.Deleted.Objects, "object", "objects") + " deleted from the target"
	if m.Refused != "" {
		s = "nothing deleted from the target: " + m.Refused
	}
	if m.Kept.Objects > 0 {
		s += fmt.Sprintf(", %s kept, for the source has them again or someone else wrote them", humanize.Comma(m.Kept.Objects))
	}
	if m.Failed.Objects > 0 {
		s += fmt.Sprintf(", %s could not be", humanize.Comma(m.Failed.Objects))
	}
	if m.Others.Objects > 0 {
		s += fmt.Sprintf("; %s more that the source does not have left there, for they carry the metadata of copies by another job, under another key, or by an earlier version of Ferry", humanize.Comma(m.Others.Objects))
	}
	return s
}

// needs says what needs a person; "" where nothing does.
func needs(rep report.Report) string {
	o := rep.Objects
	parts := o.BadWords()
	if o.Open > 0 {
		parts = append(parts, humanize.Comma(o.Open)+" open")
	}
	if n := rep.Stretches(); n > 0 {
		parts = append(parts, words.Count(n, "stretch of the listing not known", "stretches of the listing not known"))
	}
	if m := rep.Mirror; m != nil && m.Refused != "" {
		parts = append(parts, "deletions refused")
	} else if m != nil && m.Failed.Objects > 0 {
		parts = append(parts, humanize.Comma(m.Failed.Objects)+" not deleted")
	}
	if rep.Reason != "" {
		parts = append(parts, doubted(rep))
	}
	switch {
	case len(parts) > 0:
		return strings.Join(parts, ", ")
	case !rep.Balanced:
		return "the books do not balance"
	}
	return ""
}

// doubted is in short why a run is not verified though its books balance.
func doubted(rep report.Report) string {
	switch {
	case rep.Objects.Excluded > 0 && rep.Objects.Listed == 0:
		return "nothing was chosen"
	case rep.Objects.Listed == 0:
		return "nothing was listed"
	case rep.Absent > 0:
		return words.Count(rep.Absent, "named key is", "named keys are") + " not at the source"
	}
	return "the source's listing is not complete"
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
