package bench

import (
	"context"
	"fmt"
)

// trialRounds is how many objects each of those under way at a time copies one after the
// other in a trial: what begins and ends it matters little then.
const trialRounds = 20

// tryWidths has bare try each of widths, and sets the best.
func (b *session) tryWidths(ctx context.Context) error {
	b.step("how many at a time are best for bare")
	all := b.spec
	defer func() { b.spec = all }()
	best := 0.0
	for i, n := range widths {
		if b.of.stage == stageCopy && i > 0 && widths[i-1] >= len(all.Keys) {
			break // all are under way at once already
		}
		b.spec, b.width = all, n
		if b.of.stage == stageCopy {
			b.spec.Keys = all.Keys[:min(len(all.Keys), n*trialRounds)]
			b.spec.Objects = int64(len(b.spec.Keys))
			b.spec.Bytes = b.spec.Objects * b.of.size
		}
		r, err := b.turn(ctx, programBare, -n) // no turn that counts has that number
		if err != nil {
			return fmt.Errorf("%s, %d at a time: %w", programBare, n, err)
		}
		b.trials = append(b.trials, Width{n, spread([]float64{r.objects(r.Measured)}).Median})
	}
	for _, t := range b.trials {
		if t.Objects > best {
			best, b.width = t.Objects, t.Parallel
		}
	}
	return nil
}
