package s3

import (
	"context"

	"golang.org/x/sync/errgroup"

	"kodoferry/shared/fault"
)

// askedTogether is how many archived objects of a page are asked for at the same time.
const askedTogether = 16

// askRestored asks of each archived object of p by a HEAD whether it is
// restored, where the listing did not tell. AWS's does, and leaves out what was
// never restored; of others it is not known.
func (b *Bucket) askRestored(ctx context.Context, p *page) error {
	if b.tells {
		return nil
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(askedTogether)
	for _, i := range p.ask {
		g.Go(func() error {
			o, err := b.Stat(ctx, p.objects[i].Key)
			switch fault.KindOf(err) {
			case "":
				p.objects[i].Frozen = o.Frozen
			case fault.NotFound: // deleted since it was listed: reading it will tell
				p.objects[i].Frozen = false
			default:
				return err
			}
			return nil
		})
	}
	return g.Wait()
}
