package report

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"strconv"
	"strings"
	"sync"
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
	t, err := english()
	if err != nil {
		return nil, err
	}
	return fill(t, English, rep, m)
}

// Page is Page in a language.
func (w Words) Page(rep Report, m Manifest) ([]byte, error) {
	t, err := parsed()
	if err != nil {
		return nil, err
	}
	if t, err = t.Clone(); err != nil { // its functions are those of this page
		return nil, err
	}
	t.Funcs(template.FuncMap{"t": w.marked, "tell": func(text any) string { return w.Tell(fmt.Sprint(text)) }})
	return fill(t, w, rep, m)
}

// fill is the page that t, whose functions are those of w, makes of a report.
func fill(t *template.Template, w Words, rep Report, m Manifest) ([]byte, error) {
	var out bytes.Buffer
	err := t.Execute(&out, page{
		Words: w, Report: rep, Manifest: m, Sum: rep.Manifest, Causes: Causes(rep.Failures), Books: booksOf(rep), Files: foldFiles(m.Files),
		Times: w.timePlots(rep.Profile.Times), Sizes: w.sizePlots(rep.Profile.Sizes), Classes: classLines(rep.Profile.Classes),
	})
	return out.Bytes(), err
}

// english is the template that makes pages in English: html/template works out how it escapes
// them with the first page of a process. parsed is never executed, as only such a template has
// copies, which pages in other languages are made by.
var english, parsed = sync.OnceValues(parse), sync.OnceValues(parse)

func parse() (*template.Template, error) {
	return template.New("report").Funcs(template.FuncMap{
		"num": humanize.Comma, "size": size, "utc": utc, "day": day, "clock": clock, "pieces": Pieces, "place": place, "way": way, "stretch": stretch, "t": English.marked, "tell": fmt.Sprint,
	}).Parse(pageText)
}

// page is the data of the template.
type page struct {
	Words
	Report   Report
	Manifest Manifest
	Sum      string // SHA-256 of manifest.json; "" in a report of an older version
	Causes   []Group
	Books    books
	Files    folded
	Times    []plot
	Sizes    []plot
	Classes  []classLine
}

// Verified reports whether the run is verified.
func (p page) Verified() bool { return p.Report.Result == Verified }

// Bad counts the objects that need a human.
func (p page) Bad() int64 {
	return p.Report.Objects.Failed + p.Report.Objects.Conflict + p.Report.Objects.Mismatch
}

// Unlisted counts the objects that need a human and that the page does not name.
func (p page) Unlisted() int64 { return max(0, p.Bad()-int64(len(p.Report.Failures))) }

// UnnamedStretches counts the stretches given up that the page does not name.
func (p page) UnnamedStretches() int64 { return p.Report.Stretches() - int64(len(p.Report.Unknown)) }

// Named counts the objects that the page names.
func (p page) Named() int64 { return int64(len(p.Report.Failures)) }

// Took is how long the run took, in words: seconds, minutes or hours.
func (p page) Took() string {
	d := time.Duration(p.Report.Seconds * float64(time.Second))
	switch {
	case d < time.Minute:
		return p.In("%s s", strconv.FormatFloat(d.Seconds(), 'f', 1, 64))
	case d < time.Hour:
		return p.In("%d min %02d s", int64(d/time.Minute), int64(d%time.Minute/time.Second))
	}
	return p.In("%d h %02d min", int64(d/time.Hour), int64(d%time.Hour/time.Minute))
}

// Rate is what the run copied a second; "" where nothing was copied.
func (p page) Rate() string {
	if p.Report.Seconds <= 0 || p.Report.Objects.Copied == 0 {
		return ""
	}
	return p.In("%s objects/s, %s/s copied",
		humanize.Comma(int64(float64(p.Report.Objects.Copied)/p.Report.Seconds+0.5)), size(int64(float64(p.Report.Bytes.Copied)/p.Report.Seconds)))
}

// Sentence says in one sentence what the result means.
func (p page) Sentence() string {
	o := p.Report.Objects
	switch {
	case p.Verified() && o.Listed == 0:
		return p.In("The source held no object under this prefix, so there was nothing to copy.")
	case p.Verified():
		return p.verifiedSentence()
	case p.Report.Result == Cancelled:
		return p.cancelledSentence()
	case p.Report.Result == Unproved:
		return p.things(p.Report.Objects.Present, "One object was in the target before, of equal size, and nothing ties its bytes to the source: the source lists no hash that could be recomputed, or the target's object cannot be read.", "%s objects were in the target before, of equal size, and nothing ties their bytes to the source: the source lists no hash that could be recomputed, or the target's object cannot be read.") +
			" " + p.In("Everything else is proved. The job's word present says what becomes of such objects: copy copies them, accept takes them as they are.")
	case p.Report.Reason != "" && p.Bad() == 0 && p.Report.Balanced:
		return p.In("%s.", p.Tell(sentence(p.Report.Reason)))
	case len(p.Report.Unknown) > 0:
		return p.In("%s could not be listed or verified to its end. What lies there is not known, so nothing is proved of it; all other numbers on this page hold.",
			p.things(p.Report.Stretches(), "One stretch of the source", "%s stretches of the source"))
	case !p.Report.Balanced:
		return p.In("The books do not balance: what was listed is not the sum of how it ended. Treat nothing on this page as proof.")
	case p.Bad() == 0 && p.Report.Mirror != nil && p.Report.Mirror.Refused != "":
		return p.In("Every object listed at the source is accounted for, but what the source no longer has was not deleted from the target: %s.", p.Tell(p.Report.Mirror.Refused))
	case p.Bad() == 0 && p.Report.Mirror != nil && p.Report.Mirror.Failed.Objects > 0:
		return p.In("Every object listed at the source is accounted for, but %s could not be deleted from the target.", p.things(p.Report.Mirror.Failed.Objects, "one object", "%s objects"))
	case p.Bad() == 0:
		return p.In("Every object ended, but only %s of the %s copied or unchanged ones could be verified.", humanize.Comma(o.Verified), humanize.Comma(o.Held()))
	}
	return p.In("The run went to its end, and %s a person to look: %s. The other %s are accounted for.",
		p.things(p.Bad(), "one object needs", "%s objects need"), strings.Join(badWords(p.Words, o), p.In(", ")), humanize.Comma(o.Listed-p.Bad()))
}

// cancelledSentence is the Sentence of a cancelled run.
func (p page) cancelledSentence() string {
	s := p.In("The run was cancelled. Of the %s that it had listed, %s open: not copied, or not written down as copied; the files below name each.",
		p.things(p.Report.Objects.Listed, "one object", "%s objects"), p.things(p.Report.Objects.Open, "one is", "%s are"))
	if n := p.Report.Stretches(); n > 0 {
		s += " " + p.things(n, "One stretch of the source was not listed or verified to its end.", "%s stretches of the source were not listed or verified to their end.")
	}
	return s
}

// Headline is the result in a word, and how many objects were not moved.
func (p page) Headline() string {
	word := p.Tell(map[Result]string{Verified: "Verified", Incomplete: "Incomplete", Cancelled: "Cancelled"}[p.Report.Result])
	switch n := p.Report.Objects.Present; {
	case p.Report.Result == Unproved:
		word = p.things(n, "Verified, but for one that was there before and is unproved", "Verified, but for %s that were there before and are unproved")
	case n > 0:
		word = p.In("%s; %s", word, p.things(n, "one was there before and is unproved", "%s were there before and are unproved"))
	}
	if n := p.Report.Objects.Skipped + p.Report.Objects.Gone; n > 0 {
		word = p.In("%s; %s not moved", word, humanize.Comma(n))
	}
	return word
}

// verifiedSentence is the Sentence of a verified run.
func (p page) verifiedSentence() string {
	o := p.Report.Objects
	s := p.things(o.Listed, "The one object listed at the source is accounted for", "All %s objects listed at the source are accounted for")
	switch {
	case o.Verified == 0:
		s = p.In("%s; none was to be copied.", s)
	case o.Listed == 1:
		s = p.In("%s: it was found in the target by a second listing, tied to its source by a proof.", s)
	default:
		s = p.In("%s. %s found in the target by a second listing of both sides, tied to its source by a proof.", s,
			p.things(o.Verified, "The one copied or unchanged was", "Each of the %s copied or unchanged ones was"))
	}
	var others []string
	if o.Present > 0 {
		others = append(others, p.things(o.Present, "One was in the target before, of equal size, and is accepted without a proof", "%s were in the target before, of equal size, and are accepted without a proof"))
	}
	if o.Restored > 0 {
		others = append(others, p.things(o.Restored, "One had been deleted in the target since an earlier run copied it, and was copied again", "%s had been deleted in the target since an earlier run copied them, and were copied again"))
	}
	if o.Skipped > 0 {
		others = append(others, p.things(o.Skipped, "One was skipped as its owner or the job had set", "%s were skipped as their owner or the job had set"))
	}
	if o.Gone > 0 {
		others = append(others, p.things(o.Gone, "one was deleted at the source meanwhile", "%s were deleted at the source meanwhile"))
	}
	if len(others) == 0 {
		return s
	}
	return p.In("%s %s.", s, sentence(strings.Join(others, p.In(", "))))
}

// badWords counts in words the objects that need a human.
func badWords(w Words, t Totals) (words []string) {
	for _, of := range []struct {
		n    int64
		word string
	}{{t.Failed, "failed"}, {t.Conflict, "in conflict"}, {t.Mismatch, "different in the target"}} {
		if of.n > 0 {
			words = append(words, w.In("%s %s", humanize.Comma(of.n), w.Tell(of.word)))
		}
	}
	return words
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
		{Name: string(ledger.ByKept), Text: "Unchanged: the target's object carries the source's hash, and names this job and its key: an earlier copy left them there."},
		{Name: string(ledger.ByTime), Text: "Unchanged, as an earlier version of Ferry took it: equal size, and a newer target. It proves nothing."},
	} {
		if l.Tally = p.Report.Proofs[ledger.Proof(l.Name)]; l.Objects > 0 {
			lines = append(lines, l)
		}
	}
	return lines
}

// manyFiles is how many files the page shows unfolded.
const manyFiles = 20

// folded are files with rows, the first of them unfolded.
type folded struct {
	Head, Tail []ledger.File
	Rows       int64 // how many lines they have together
}

func foldFiles(files []ledger.File) (f folded) {
	n := min(manyFiles, len(files))
	f.Head, f.Tail = files[:n], files[n:]
	for _, one := range files {
		f.Rows += one.Rows
	}
	return f
}
