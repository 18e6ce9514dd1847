package show

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/dustin/go-humanize"

	"kodoferry/scripts/ferry/words"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/reproof"
)

// namedFailures is how many objects a verification prints.
const namedFailures = 20

// Verification prints what a verification came to, for a person.
func Verification(w io.Writer, r reproof.Report) error {
	s := StyleOf(w)
	var text strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&text, format+"\n", args...) }
	head := s.say("again.head", r.Verification, r.Mode, r.Sample, r.Seed)
	if r.Prefix != "" {
		head = s.say("again.prefix", head, strconv.Quote(r.Prefix))
	}
	line("%s", head)
	line("  %s", s.say("again.looked", humanize.Comma(r.Sampled.Objects), s.count("objects", r.Rows.Objects), words.Size(r.Sampled.Bytes), s.span(r.Finished.Sub(r.Started))))
	for _, f := range ledger.Findings {
		n := r.Findings[f]
		if n.Objects == 0 {
			continue
		}
		found := s.say("again.found." + string(f))
		if f == ledger.Holds {
			found = s.say("again.by", found, evidences(r.Evidence))
		}
		line("  %12s %s", humanize.Comma(n.Objects), found)
	}
	for i, f := range r.Failures {
		if i == namedFailures {
			line("  %s", s.say("again.more", humanize.Comma(int64(len(r.Failures)))))
			break
		}
		line("  %s", s.say("again.failure", strconv.Quote(f.Key), translated(s.lang(), f.Reason)))
	}
	for i, u := range r.Unknown {
		if i == namedFailures {
			line("  %s", s.say("again.more_stretches", humanize.Comma(int64(max(r.Unknowns, len(r.Unknown))-i))))
			break
		}
		line("  %s", s.say("again.unknown", strconv.Quote(u.Range.After), translated(s.lang(), u.Reason)))
	}
	if r.Verified {
		line("%s", s.say("again.verified"))
	} else {
		line("%s", s.say("again.not_verified", translated(s.lang(), r.Reason)))
	}
	return Print(w, text.String())
}

// evidences are "md5 (3), qetag (5)".
func evidences(by map[ledger.Proof]ledger.Tally) string {
	var all []string
	for _, p := range slices.Sorted(maps.Keys(by)) {
		all = append(all, fmt.Sprintf("%s (%s)", p, humanize.Comma(by[p].Objects)))
	}
	return strings.Join(all, ", ")
}

// VerificationLine is a verification on one line, for a list of them.
func VerificationLine(r reproof.Report) string {
	result := Sentence("again.is")
	if !r.Verified {
		result = Sentence("again.is_not", Translated(r.Reason))
	}
	return Sentence("again.line", Moment(r.Finished), r.Mode, r.Sample, result)
}
