package mirror

import (
	"context"
	"sync"

	"golang.org/x/sync/errgroup"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/limit"
	"kodoferry/shared/pipeline/outage"
	"kodoferry/shared/pipeline/verdict"
	"kodoferry/shared/store"
)

// looked is what source and target have of a key right before its copy is removed.
type looked struct {
	src      store.Object
	inSource bool         // the source has it
	dst      store.Object // the target's object
	inTarget bool         // the target has one
	job      job.Job      // as it is kept now

	failed outage.Side // the one that failed first; outage.Neither where none did, or the ledger did first
}

// lookOnce asks the source, the target and the ledger about a key whose copy is to
// be removed, of whose objects in the target known is known, all at the same time, so that as little as can be lies between the
// source's answer and the removal: the slowest of these answers, and the way of
// the DELETE. A key that is written at the source within that time is removed from
// the target nonetheless, for OSS has no conditional DELETE; the notification of
// it, or the next run, copies it again. The error is an *verdict.Unwanted where nothing
// is to be removed any more.
func (m *Remover) lookOnce(ctx context.Context, key string, known ...*ledger.Dst) (looked, error) {
	l := looked{failed: outage.Neither}
	g, gctx := errgroup.WithContext(ctx)
	var first sync.Once
	statInto := func(into *store.Object, has *bool, of outage.Side, stat func() (store.Object, error)) func() error {
		return func() error {
			o, err := stat()
			if fault.KindOf(err) == fault.NotFound {
				return nil
			}
			if err != nil {
				first.Do(func() { l.failed = of })
			}
			*into, *has = o, err == nil
			return err
		}
	}
	g.Go(statInto(&l.src, &l.inSource, outage.Source, func() (store.Object, error) { return m.Source.Stat(gctx, key) }))
	g.Go(statInto(&l.dst, &l.inTarget, outage.Target, func() (store.Object, error) { return verdict.Look(gctx, m.Rules, key, known...) }))
	g.Go(func() (err error) {
		if l.job, err = m.Removable(gctx, key); err != nil {
			first.Do(func() {}) // neither side failed: the ledger did
		}
		return err
	})
	err := g.Wait()
	return l, err
}

// deleteObject removes key from the target, by the one DELETE of the engine. The caller has
// called Share.Request for it before lookOnce: a wait for the limit on requests must not come after that.
func (m *Remover) deleteObject(ctx context.Context, key string) error {
	ctx, cancel := context.WithTimeout(ctx, limit.Flight)
	defer cancel()
	return m.Target.Delete(ctx, key)
}
