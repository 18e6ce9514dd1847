package storm

import (
	"fmt"
	"strconv"
)

// Corpus lists the seeds that ever failed, and what each showed; the test runs
// them always. A seed means another storm once a draw is added to those that it
// makes: what a seed found has a test of its own, too, beside the code that was mended.
var Corpus = []struct {
	Seed   uint64
	Showed string
}{
	{136, "a HEAD that failed while listing had the application's newer object replaced"},
	{227, "an object that was overwritten once it was listed was copied, and the filter chose its old size alone"},
	{105806, "the storm took a deletion that came to nothing for a listed object's row"},
	{108325, "the storm did not bear that one content has several versions"},
	{115958, "the application wrote the same bytes anew, and the copy took them for what it had judged"},
	{32842, "the storm did not bear that an empty object is checked before its PUT, having no last byte to hold back"},
	{77677, "a run that began while its job was ended for good had no report when ferry seal returned"},
	{15626, "what the application wrote over a copy, with the same bytes, was taken for it"},
	{71617, "a big object whose target was not described while it was listed went over another's of equal size, which was to be proved"},
	{160000111, "an event was verified as of a version that the source had lost before the target had it"},
	{210080670, "the storm took a body that a PUT had failed to read for one that was read"},
}

// ParseSeed reads a seed: a whole number from 1.
func ParseSeed(s string) (uint64, error) {
	seed, err := strconv.ParseUint(s, 10, 64)
	if err != nil || seed == 0 {
		return 0, fmt.Errorf("%q is no seed of a storm: write a whole number from 1 to %d", s, uint64(1<<64-1))
	}
	return seed, nil
}

// Last returns the last n lines of the journal.
func (o Outcome) Last(n int) []string { return o.Journal[max(0, len(o.Journal)-n):] }
