package kodo

import (
	"context"
	"errors"
	"iter"
	"net/url"
	"slices"
	"strconv"

	"kodoferry/shared/fault"
	"kodoferry/shared/store"
)

const maxPage = 1000 // keys a listing request (developer.qiniu.com/kodo/api/list)

// List yields the objects of r through /list, 1,000 keys a request, one page
// ahead. All that Stat knows comes with the page: Hash (empty where Kodo has
// none), MD5 (where Kodo keeps one), Parts, Modified (to 100 ns), Type, Header,
// Meta, Class, Disabled; of archived objects a batch request per 250 tells
// Frozen. A page is tried up to 6 times. Only an empty marker ends the listing,
// and at the end of a bucket or prefix one more request that finds nothing behind
// the last key (store.Pages, Recheck). A time, class or metadata that is odd is a
// warning of its object. A bucket that does not exist is NotFound. When the iteration ends, no
// goroutine of it is left.
func (b *Bucket) List(ctx context.Context, r store.Range) iter.Seq2[store.Object, error] {
	return b.pages().List(ctx, r)
}

func (b *Bucket) pages() store.Pages {
	return store.Pages{Op: "kodo.List", Cut: store.UTF8Prefix, Read: b.readPage, Pause: b.pause, Recheck: true}
}

// readPage reads the page after marker, and asks what it does not tell.
func (b *Bucket) readPage(ctx context.Context, q store.Query, marker string) (store.Page, error) {
	if marker == "" {
		marker = startMarker(q.After)
	}
	p, err := retry(ctx, b, "kodo.List", q.Prefix, func() (*page, error) { return b.listPage(ctx, q, marker) })
	if err == nil {
		p.thaw = slices.DeleteFunc(p.thaw, func(i int) bool { return p.objects[i].Key <= q.After }) // not of the range
		err = b.askThawed(ctx, p)
	}
	if err != nil {
		return store.Page{}, err
	}
	return store.Page{Objects: p.objects, Next: p.marker}, nil
}

// listPage reads one page, once.
func (b *Bucket) listPage(ctx context.Context, of store.Query, marker string) (*page, error) {
	const op = "kodo.List"
	prefix := of.Prefix
	h, err := b.resolve(ctx, false)
	if err != nil {
		return nil, err
	}
	q := url.Values{"bucket": {b.cfg.Bucket}, "limit": {strconv.Itoa(of.PageOf(b.cfg.PageSize))}, "needparts": {"true"}}
	if prefix != "" {
		q.Set("prefix", prefix)
	}
	if marker != "" {
		q.Set("marker", marker)
	}
	r := request{op: op, key: prefix}
	data, err := b.get(ctx, r, h.rsf+"/list?"+q.Encode())
	if err != nil {
		return nil, err
	}
	p, err := parsePage(data)
	switch {
	case err != nil:
		return nil, r.unreadable(err)
	case marker != "" && p.marker == marker && len(p.objects) > 0:
		return nil, fault.New(fault.Temporary, op, prefix, errors.New("a page names itself as the next"))
	}
	return p, nil
}
