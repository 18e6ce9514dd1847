package kodo

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"kodoferry/shared/store"
)

var (
	_ store.Gauge = (*Bucket)(nil)
	_ store.Pager = (*Bucket)(nil)
)

// apiHost answers statistics, of every region.
const apiHost = "https://api.qiniuapi.com"

// statistics are the ends of the names of the statistics of each class:
// /v6/space<end> counts bytes, /v6/count<end> objects
// (developer.qiniu.com/kodo/3906/statistic-interface, 2024-08-12).
var statistics = map[store.Class]string{
	store.Standard: "", store.Infrequent: "_line", store.Archive: "_archive",
	store.DeepArchive: "_deep_archive", store.ArchiveIR: "_archive_ir", store.Tiered: "_intelligent_tiering",
}

// beijing is the time zone of Kodo's days.
var beijing = time.FixedZone("UTC+8", 8*3600)

// Usage implements store.Gauge through Kodo's statistics, two requests a
// class. Each tells the newest of the last two days' figures; Kodo says that
// today's are about five minutes old. Each is tried up to 6 times.
func (b *Bucket) Usage(ctx context.Context) (map[store.Class]store.Usage, error) {
	type figures struct{ objects, bytes int64 }
	found := map[store.Class]*figures{}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(4)
	for class, end := range statistics {
		f := &figures{}
		found[class] = f
		for what, into := range map[string]*int64{"count": &f.objects, "space": &f.bytes} {
			g.Go(func() (err error) {
				*into, err = retry(ctx, b, "kodo.Usage", b.cfg.Bucket, func() (int64, error) { return b.statistic(ctx, what+end) })
				return err
			})
		}
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	usage := map[store.Class]store.Usage{}
	for class, f := range found {
		if f.objects > 0 {
			usage[class] = store.Usage{Objects: f.objects, Bytes: f.bytes}
		}
	}
	return usage, nil
}

// statistic asks for one figure, once. The answer must hold times and datas, as
// many of the one as of the other.
func (b *Bucket) statistic(ctx context.Context, name string) (int64, error) {
	const op, form = "kodo.Usage", "20060102150405"
	now := b.cfg.Now().In(beijing)
	q := url.Values{
		"bucket": {b.cfg.Bucket}, "g": {"day"},
		"begin": {now.AddDate(0, 0, -1).Format("20060102") + "000000"}, "end": {now.Format(form)},
		"no_predel": {"1"}, // of space: what was deleted early is billed, but there no more
	}
	base := apiHost
	if b.endpoint != "" {
		base = b.endpoint
	}
	r := request{op: op, key: b.cfg.Bucket}
	data, err := b.get(ctx, r, base+"/v6/"+name+"?"+q.Encode())
	if err != nil {
		return 0, err
	}
	var answer struct {
		Times present[int64] `json:"times"` // seconds since 1970
		Datas present[int64] `json:"datas"`
	}
	err = decode(data, &answer, func() error {
		switch {
		case !answer.Times.there || !answer.Datas.there:
			return errors.New("no times or datas")
		case len(answer.Times.all) != len(answer.Datas.all):
			return fmt.Errorf("%d datas of %d times", len(answer.Datas.all), len(answer.Times.all))
		}
		return nil
	})
	if err != nil {
		return 0, r.unreadable(err)
	}
	// A day that has just begun may not be counted yet.
	for _, n := range slices.Backward(answer.Datas.all) {
		if n > 0 {
			return n, nil
		}
	}
	return 0, nil
}

// FirstPage implements store.Pager.
func (b *Bucket) FirstPage(ctx context.Context, r store.Range) ([]store.Object, bool, error) {
	return b.pages().First(ctx, r)
}
