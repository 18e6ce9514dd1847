package s3

import (
	"context"

	"golang.org/x/sync/errgroup"

	"kodoferry/shared/fault"
	"kodoferry/shared/store"
)

// askedTogether is how many objects of a page are asked for at the same time.
const askedTogether = 16

// askRestored asks of each archived object of p by a HEAD whether it is
// restored, where the listing did not tell. AWS's does, and leaves out what was
// never restored; of others it is not known.
func (b *Bucket) askRestored(ctx context.Context, p *page) error {
	if b.tells {
		return nil
	}
	return b.statEach(ctx, p, p.ask, func(listed *store.Object, o store.Object) {
		listed.Frozen = o.Frozen // of one that was deleted since it was listed, too: reading it will tell
	})
}

// askAmbiguous asks of each key of p that may stand for another by a HEAD whether
// there is an object of that name that is as listed: then it is no other's.
func (b *Bucket) askAmbiguous(ctx context.Context, p *page) error {
	var odd []int
	for i, o := range p.objects {
		if o.Ambiguous != "" {
			odd = append(odd, i)
		}
	}
	return b.statEach(ctx, p, odd, func(listed *store.Object, o store.Object) {
		if o.Key != "" && o.Size == listed.Size && o.Hash == listed.Hash {
			listed.Ambiguous = ""
		}
	})
}

// statEach asks for objects of p, some at a time, and hands each as listed and as it
// is to f, a zero Object where there is none.
func (b *Bucket) statEach(ctx context.Context, p *page, which []int, f func(listed *store.Object, o store.Object)) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(askedTogether)
	for _, i := range which {
		g.Go(func() error {
			o, err := b.Stat(ctx, p.objects[i].Key)
			if err != nil && fault.KindOf(err) != fault.NotFound {
				return err
			}
			f(&p.objects[i], o)
			return nil
		})
	}
	return g.Wait()
}
