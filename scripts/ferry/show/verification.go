package show

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"kodoferry/scripts/ferry/words"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/reproof"
)

// findingWords say what a verification found of objects.
var findingWords = map[ledger.Finding]string{
	ledger.Holds: "verified", ledger.Differs: "differ in the target", ledger.Lost: "missing in the target",
	ledger.Moved: "changed at the source since the run", ledger.Vanish: "deleted at the source since the run",
	ledger.Unproved: "could not be looked at",
}

// namedFailures is how many objects a verification prints.
const namedFailures = 20

// Verification prints what a verification came to, for a person.
func Verification(w io.Writer, r reproof.Report) error {
	var text strings.Builder
	of := ""
	if r.Prefix != "" {
		of = ", of keys that begin with " + strconv.Quote(r.Prefix)
	}
	fmt.Fprintf(&text, "%s by %s, %s (seed %s)%s\n", r.Verification, r.Mode, r.Sample, r.Seed, of)
	fmt.Fprintf(&text, "  %s of %s looked at, %s, in %s\n", humanize.Comma(r.Sampled.Objects), words.Count(r.Rows.Objects, "object", "objects"), words.Size(r.Sampled.Bytes), r.Finished.Sub(r.Started).Round(time.Second/10))
	for _, f := range ledger.Findings {
		n := r.Findings[f]
		if n.Objects == 0 {
			continue
		}
		fmt.Fprintf(&text, "  %12s %s", humanize.Comma(n.Objects), findingWords[f])
		if f == ledger.Holds {
			text.WriteString(", by" + evidences(r.Evidence))
		}
		text.WriteString("\n")
	}
	for i, f := range r.Failures {
		if i == namedFailures {
			fmt.Fprintf(&text, "  and more: the report has the first %s\n", humanize.Comma(int64(len(r.Failures))))
			break
		}
		fmt.Fprintf(&text, "  %s: %s\n", strconv.Quote(f.Key), f.Reason)
	}
	for i, u := range r.Unknown {
		if i == namedFailures {
			fmt.Fprintf(&text, "  and %s more stretches: the report names them\n", humanize.Comma(int64(max(r.Unknowns, len(r.Unknown))-i)))
			break
		}
		fmt.Fprintf(&text, "  not looked at: keys behind %s: %s\n", strconv.Quote(u.Range.After), u.Reason)
	}
	if r.Verified {
		text.WriteString("VERIFIED\n")
	} else {
		fmt.Fprintf(&text, "NOT VERIFIED: %s\n", r.Reason)
	}
	_, err := io.WriteString(w, text.String())
	return err
}

// evidences are " md5 (3), qetag (5)".
func evidences(by map[ledger.Proof]ledger.Tally) string {
	var all []string
	for _, p := range slices.Sorted(maps.Keys(by)) {
		all = append(all, fmt.Sprintf(" %s (%s)", p, humanize.Comma(by[p].Objects)))
	}
	return strings.Join(all, ",")
}

// VerificationLine is a verification on one line, for a list of them.
func VerificationLine(r reproof.Report) string {
	result := "verified"
	if !r.Verified {
		result = "not verified: " + r.Reason
	}
	return fmt.Sprintf("verified once more %s by %s, %s: %s", Moment(r.Finished), r.Mode, r.Sample, result)
}
