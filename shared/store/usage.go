package store

import "context"

// Usage is how much a bucket holds of one storage class.
type Usage struct {
	Objects int64 `json:"objects"`
	Bytes   int64 `json:"bytes"`
}

// Gauge is a Source whose service counts buckets by itself.
type Gauge interface {
	// Usage returns what the service counted, of the whole bucket whatever the
	// prefix, by class; a class that holds nothing is absent. The count is
	// late, by minutes to a day. Denied where the keys may not ask.
	Usage(ctx context.Context) (map[Class]Usage, error)
}

// Pager is a Source that reads single pages. Plans use it, which look into a
// bucket here and there; List would read ahead.
type Pager interface {
	// FirstPage returns the first objects of r, as many as one request tells,
	// and whether that may not be all of r. It tries again as List does.
	FirstPage(ctx context.Context, r Range) (objects []Object, more bool, err error)
}
