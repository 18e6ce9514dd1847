package outcome

import (
	"errors"
	"fmt"

	"kodoferry/scripts/ferry/show"
)

// ErrDiffers ends a command in which something is not as it must be; its findings are
// printed already.
var ErrDiffers = errors.New("not everything happened as it must")

// Findings are what differs from what must be.
type Findings []string

// Add adds a finding.
func (f *Findings) Add(format string, args ...any) { *f = append(*f, fmt.Sprintf(format, args...)) }

// mostPrinted is how many findings are printed.
const mostPrinted = 20

// Print prints the first findings, and how many more there are.
func (f Findings) Print(tell *show.Teller) {
	for i, one := range f {
		if i == mostPrinted {
			tell.Plain("  … %s", show.Sentence("and_more", len(f)-i))
			break
		}
		tell.Plain("  %s  %s", show.Sentence("demo.differs"), one)
	}
}
