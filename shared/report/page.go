package report

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"kodoferry/shared/ledger"
)

//go:embed page.html
var pageText string

// Page returns the report as one HTML page without scripts and without fonts or
// images from elsewhere. The page is kept as a proof: it says how every number came
// about, shows the books even where they fail to balance, and spells out whatever
// of a key does not print as it is.
func Page(rep Report, m Manifest) ([]byte, error) {
	t, err := template.New("report").Funcs(template.FuncMap{
		"num": humanize.Comma, "size": size, "utc": utc, "day": day, "clock": clock, "pieces": pieces, "place": place, "way": way, "stretch": stretch,
	}).Parse(pageText)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = t.Execute(&out, page{Report: rep, Manifest: m, Causes: Causes(rep.Failures)})
	return out.Bytes(), err
}

// page is the data of the template.
type page struct {
	Report
	Manifest Manifest
	Causes   []Group
}

// Verified reports whether the run is verified.
func (p page) Verified() bool { return p.Result == Verified }

// Bad counts the objects that need a human.
func (p page) Bad() int64 { return p.Objects.Failed + p.Objects.Conflict + p.Objects.Mismatch }

// Unlisted counts the objects that need a human and that the page does not name.
func (p page) Unlisted() int64 { return max(0, p.Bad()-int64(len(p.Failures))) }

// UnnamedStretches counts the stretches given up that the page does not name.
func (p page) UnnamedStretches() int64 { return p.Stretches() - int64(len(p.Unknown)) }

// Named counts the objects that the page names.
func (p page) Named() int64 { return int64(len(p.Failures)) }

// SumObjects is the right side of the balance.
func (p page) SumObjects() int64 { return sum(p.Objects) }

// SumBytes is the right side of the balance, in bytes.
func (p page) SumBytes() int64 { return sum(p.Bytes) }

// DiffObjects is what the balance is off by: 0 in good books.
func (p page) DiffObjects() int64 { return p.Objects.Listed - sum(p.Objects) }

// DiffBytes is what the balance is off by, in bytes.
func (p page) DiffBytes() int64 { return p.Bytes.Listed - sum(p.Bytes) }

// sum adds up the ends of what was listed.
func sum(t Totals) int64 {
	return t.Copied + t.Unchanged + t.Skipped + t.Conflict + t.Gone + t.Failed + t.Open
}

// Took is how long the run took, in words: seconds, minutes or hours.
func (p page) Took() string {
	d := time.Duration(p.Seconds * float64(time.Second))
	switch {
	case d < time.Minute:
		return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) + " s"
	case d < time.Hour:
		return fmt.Sprintf("%d min %02d s", d/time.Minute, d%time.Minute/time.Second)
	}
	return fmt.Sprintf("%d h %02d min", d/time.Hour, d%time.Hour/time.Minute)
}

// Rate is what the run copied a second; "" where nothing was copied.
func (p page) Rate() string {
	if p.Seconds <= 0 || p.Objects.Copied == 0 {
		return ""
	}
	return fmt.Sprintf("%s objects/s, %s/s copied",
		humanize.Comma(int64(float64(p.Objects.Copied)/p.Seconds+0.5)), size(int64(float64(p.Bytes.Copied)/p.Seconds)))
}

// Sentence says in one sentence what the result means.
func (p page) Sentence() string {
	o := p.Objects
	switch {
	case p.Verified() && o.Listed == 0:
		return "The source held no object under this prefix, so there was nothing to copy."
	case p.Verified():
		return p.verifiedSentence()
	case p.Result == Cancelled:
		return p.cancelledSentence()
	case p.Reason != "" && p.Bad() == 0 && p.Balanced:
		return sentence(p.Reason) + "."
	case len(p.Unknown) > 0:
		return fmt.Sprintf("%s could not be listed or verified to its end. What lies there is not known, so nothing is proved of it; all other numbers on this page hold.",
			things(p.Stretches(), "One stretch of the source", "%s stretches of the source"))
	case !p.Balanced:
		return "The books do not balance: what was listed is not the sum of how it ended. Treat nothing on this page as proof."
	case p.Bad() == 0 && p.Mirror != nil && p.Mirror.Refused != "":
		return "Every object listed at the source is accounted for, but what the source no longer has was not deleted from the target: " + p.Mirror.Refused + "."
	case p.Bad() == 0 && p.Mirror != nil && p.Mirror.Failed.Objects > 0:
		return fmt.Sprintf("Every object listed at the source is accounted for, but %s could not be deleted from the target.", things(p.Mirror.Failed.Objects, "one object", "%s objects"))
	case p.Bad() == 0:
		return fmt.Sprintf("Every object ended, but only %s of the %s copied or unchanged ones could be verified.", humanize.Comma(o.Verified), humanize.Comma(o.Copied+o.Unchanged))
	}
	return fmt.Sprintf("The run went to its end, and %s a person to look: %s. The other %s are accounted for.",
		things(p.Bad(), "one object needs", "%s objects need"), badWords(o), humanize.Comma(o.Listed-p.Bad()))
}

// cancelledSentence is the Sentence of a cancelled run.
func (p page) cancelledSentence() string {
	s := fmt.Sprintf("The run was cancelled. Of the %s that it had listed, %s open: not copied, or not written down as copied; the files below name each.",
		things(p.Objects.Listed, "one object", "%s objects"), things(p.Objects.Open, "one is", "%s are"))
	if n := p.Stretches(); n > 0 {
		s += things(n, " One stretch of the source was not listed or verified to its end.", " %s stretches of the source were not listed or verified to their end.")
	}
	return s
}

// Headline is the result in a word, and how many objects were not moved.
func (p page) Headline() string {
	word := map[Result]string{Verified: "Verified", Incomplete: "Incomplete", Cancelled: "Cancelled"}[p.Result]
	if n := p.Objects.Skipped + p.Objects.Gone; n > 0 {
		word += fmt.Sprintf("; %s not moved", humanize.Comma(n))
	}
	return word
}

// verifiedSentence is the Sentence of a verified run.
func (p page) verifiedSentence() string {
	o := p.Objects
	s := things(o.Listed, "The one object listed at the source is accounted for", "All %s objects listed at the source are accounted for")
	switch {
	case o.Verified == 0:
		s += "; none was to be copied."
	case o.Listed == 1:
		s += ": it was found in the target by a second listing, tied to its source by a proof."
	default:
		s += fmt.Sprintf(". %s found in the target by a second listing of both sides, tied to its source by a proof.",
			things(o.Verified, "The one copied or unchanged was", "Each of the %s copied or unchanged ones was"))
	}
	var others []string
	if o.Skipped > 0 {
		others = append(others, things(o.Skipped, "One was skipped as its owner or the job had set", "%s were skipped as their owner or the job had set"))
	}
	if o.Gone > 0 {
		others = append(others, things(o.Gone, "one was deleted at the source meanwhile", "%s were deleted at the source meanwhile"))
	}
	if len(others) == 0 {
		return s
	}
	rest := strings.Join(others, ", ")
	return s + " " + strings.ToUpper(rest[:1]) + rest[1:] + "."
}

// badWords counts in words the objects that need a human.
func badWords(t Totals) string {
	var words []string
	for _, w := range []struct {
		n    int64
		word string
	}{{t.Failed, "failed"}, {t.Conflict, "in conflict"}, {t.Mismatch, "different in the target"}} {
		if w.n > 0 {
			words = append(words, humanize.Comma(w.n)+" "+w.word)
		}
	}
	return strings.Join(words, ", ")
}

// BalanceWord says what the difference between both sides of the balance means.
func (p page) BalanceWord() string {
	switch {
	case p.Balanced:
		return "the books balance"
	case len(p.Unknown) > 0:
		return "what was given up is not in these books"
	}
	return "the books do not balance"
}

// bookLine is one line of the balance.
type bookLine struct {
	Name, Class, Text string
	Objects, Bytes    int64
	Share             float64 // of what was listed, in percent
}

// Books are the ends of what was listed, in the order of ledger.Finals.
func (p page) Books() []bookLine {
	lines := []bookLine{
		{Name: "Copied", Text: "stored in the target; the bytes were checked on the way", Objects: p.Objects.Copied, Bytes: p.Bytes.Copied},
		{Name: "Unchanged", Text: "the target already held the same content", Objects: p.Objects.Unchanged, Bytes: p.Bytes.Unchanged},
		{Name: "Skipped", Text: "its owner disabled it or archived it without thawing it, or the job leaves alone what the target holds", Objects: p.Objects.Skipped, Bytes: p.Bytes.Skipped},
		{Name: "Conflict", Text: "the target holds something newer that Ferry did not write; left alone", Objects: p.Objects.Conflict, Bytes: p.Bytes.Conflict},
		{Name: "Gone", Text: "deleted at the source after it was listed, or named in a list of keys and not there", Objects: p.Objects.Gone, Bytes: p.Bytes.Gone},
		{Name: "Failed", Text: "given up; the reason and its cure are below", Objects: p.Objects.Failed, Bytes: p.Bytes.Failed},
	}
	if p.Objects.Open > 0 {
		lines = append(lines, bookLine{Name: "Open", Text: "the run was cancelled before they ended; what was in flight then may be in the target", Objects: p.Objects.Open, Bytes: p.Bytes.Open})
	}
	for i := range lines {
		lines[i].Class = strings.ToLower(lines[i].Name)
		if p.Objects.Listed > 0 {
			lines[i].Share = float64(lines[i].Objects) / float64(p.Objects.Listed) * 100
		}
	}
	return lines
}

// proofLine is one kind of proof, and what it covers.
type proofLine struct {
	Name, Text string
	ledger.Tally
}

// ProofLines are the kinds of proof that this run has, the strongest first.
func (p page) ProofLines() []proofLine {
	var lines []proofLine
	for _, l := range []proofLine{
		{Name: string(ledger.ByQetag), Text: "The bytes had the hash that Kodo lists. It was computed while they streamed, and the last byte left only once it agreed."},
		{Name: string(ledger.ByMD5), Text: "The content has the MD5 that the source lists."},
		{Name: string(ledger.ByCRC), Text: "The source lists no usable hash. The size is the listed one, and the CRC64 of what was read is the CRC64 of what is stored."},
		{Name: string(ledger.ByKept), Text: "Unchanged: the target's object carries the source's hash, kept there by an earlier run."},
		{Name: string(ledger.ByTime), Text: "Unchanged: equal size, and the target is newer by more than 15 minutes; no hash is known to both sides. The weakest of the five."},
	} {
		if l.Tally = p.Proofs[ledger.Proof(l.Name)]; l.Objects > 0 {
			lines = append(lines, l)
		}
	}
	return lines
}

// manyFiles is how many files the page shows unfolded.
const manyFiles = 20

// Many reports whether some files are folded away.
func (p page) Many() bool { return len(p.Manifest.Files) > manyFiles }

// Head are the files that are shown unfolded where there are many.
func (p page) Head() []ledger.File { return p.Manifest.Files[:manyFiles] }

// Tail are the files that are folded away.
func (p page) Tail() []ledger.File { return p.Manifest.Files[manyFiles:] }

// Rows is how many lines the files of the manifest have together.
func (p page) Rows() (n int64) {
	for _, f := range p.Manifest.Files {
		n += f.Rows
	}
	return n
}
