package s3

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"kodoferry/shared/fault"
	"kodoferry/shared/store"
)

// List yields the objects of r by ListObjectsV2, 1,000 a request, one page
// ahead. A listing tells Key, Size, Hash (the ETag), Modified, Class and
// Frozen. It leaves out what only an answer about the object itself tells:
// Type, Header and Meta, and MD5, because whether an ETag is one depends on how
// the object is encrypted. Nor does it tell what is disabled at Kodo: reading
// that is Denied. Whether an archived object is restored takes a HEAD each, but
// at AWS, and so does a key with U+FFFD where the service does not encode keys: one
// of which there is no object as listed is Ambiguous. A page is tried up to 6 times. Only IsTruncated ends
// the listing, and at the end of a bucket or prefix one more request that finds
// nothing behind the last key (store.Pages, Recheck). A bucket that does not exist is NotFound. When the iteration
// ends, no goroutine of it is left.
func (b *Bucket) List(ctx context.Context, r store.Range) iter.Seq2[store.Object, error] {
	return b.pages().List(ctx, r)
}

// FirstPage implements store.Pager.
func (b *Bucket) FirstPage(ctx context.Context, r store.Range) ([]store.Object, bool, error) {
	return b.pages().First(ctx, r)
}

func (b *Bucket) pages() store.Pages {
	return store.Pages{Op: "s3.List", Cut: takeable, Read: b.readPage, Pause: b.pause, Recheck: true}
}

// takeable cuts s to what S3 takes as a parameter: UTF-8 of a key's length.
func takeable(s string) string { return store.UTF8Prefix(s[:min(len(s), maxKey)]) }

// readPage reads the page that token leads to, and asks what it does not tell.
func (b *Bucket) readPage(ctx context.Context, q store.Query, token string) (store.Page, error) {
	p, err := retry(ctx, b, "s3.List", q.Prefix, func() (*page, error) { return b.listPage(ctx, q, token) })
	if err == nil {
		p.ask = slices.DeleteFunc(p.ask, func(i int) bool { return p.objects[i].Key <= q.After }) // not of the range
		err = b.askAmbiguous(ctx, p)
	}
	if err == nil {
		err = b.askRestored(ctx, p)
	}
	if err != nil {
		return store.Page{}, err
	}
	p.place()
	return store.Page{Objects: p.objects, Next: p.token}, nil
}

// listPage reads one page, once.
func (b *Bucket) listPage(ctx context.Context, q store.Query, token string) (*page, error) {
	const op = "s3.List"
	params := url.Values{"list-type": {"2"}, "encoding-type": {"url"}, "max-keys": {strconv.Itoa(q.PageOf(b.cfg.PageSize))}}
	if q.Prefix != "" {
		params.Set("prefix", q.Prefix)
	}
	switch {
	case token != "":
		params.Set("continuation-token", token)
	case q.After != "":
		params.Set("start-after", q.After)
	}
	_, data, err := b.fetch(ctx, request{op: op, method: http.MethodGet, params: params, header: map[string]string{
		"X-Amz-Optional-Object-Attributes": "RestoreStatus", // of archived objects; a service that does not know it ignores it
	}})
	if err != nil {
		return nil, named(err, q.Prefix)
	}
	p, err := parsePage(data, b.coding.Load() == codingPlain)
	if err == nil && p.unclear >= 0 && b.coding.Load() == codingUnknown && b.meansPlain(ctx, data, p) {
		p, err = parsePage(data, true)
	}
	switch {
	case err != nil:
		return nil, fault.New(fault.Temporary, op, q.Prefix, fmt.Errorf("a page that cannot be read: %w", fault.Plain(err)))
	case p.token != "" && p.token == token && len(p.objects) > 0:
		return nil, fault.New(fault.Temporary, op, q.Prefix, errors.New("a page names itself as the next"))
	}
	return p, nil
}

// What is known of how the service writes keys in a page that says it encodes them.
const (
	codingUnknown = iota
	codingTrue    // it does
	codingPlain   // it does not
)

// meansPlain finds out, once for a bucket, whether keys come as they are though
// pages say that they are encoded: "a+b" is then not "a b". It asks for the first
// key of p of which that makes two, a HEAD or two. Where these do not tell, they come so in a
// page in which one key certainly does.
func (b *Bucket) meansPlain(ctx context.Context, data []byte, p *page) bool {
	raw, err := parsePage(data, true)
	if err != nil {
		return false
	}
	const op = "s3.List"
	if _, err := b.head(ctx, op, p.objects[p.unclear].Key, nil); err == nil {
		b.coding.Store(codingTrue)
		return false
	} else if fault.KindOf(err) != fault.NotFound {
		return p.odd // asked again with the next page
	}
	if _, err := b.head(ctx, op, raw.objects[p.unclear].Key, nil); err != nil {
		return p.odd
	}
	b.coding.Store(codingPlain)
	return true
}

// named puts key into a fault that has none.
func named(err error, key string) error {
	if e, ok := errors.AsType[*fault.Error](err); ok && e.Key == "" {
		return &fault.Error{Kind: e.Kind, Op: e.Op, Key: key, Wait: e.Wait, Err: e.Err}
	}
	return err
}
