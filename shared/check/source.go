package check

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"kodoferry/shared/job"
	"kodoferry/shared/pipeline/listing"
	"kodoferry/shared/store"
)

// Checker is a place that can be asked whether its settings are right.
type Checker interface {
	// Check returns nil where the place can be reached and used, and otherwise an error
	// whose text names the cause and the cure. Its kind is that of the service's answer.
	Check(ctx context.Context) error
}

// Source is a place that is read.
type Source interface {
	store.Source
	Checker
}

// firstPage is how many objects of a listing are looked at.
const firstPage = 1000

// source asks of the source whether it can be reached, listed and read.
func (c *checker) source(ctx context.Context) {
	src := c.setup.Source
	if h, ok := src.(hosted); ok && !c.reachable(ctx, h) {
		return
	}
	first, ok := c.listable(ctx, src, c.setup.Job.Source)
	if !ok {
		return
	}
	if len(first) > 1 {
		c.start(ctx)
	}
	c.bytes(ctx, first)
}

// listable lists up to firstPage objects below l's prefix. ok is false where the
// listing fails.
func (c *checker) listable(ctx context.Context, b Source, l job.Location) (first []store.Object, ok bool) {
	state := c.ask(ctx, "listable", func(ctx context.Context) (State, string) {
		var err error
		for o, lerr := range b.List(ctx, store.Range{Prefix: l.Prefix}) {
			if err = lerr; err != nil || len(first) == firstPage {
				break
			}
			first = append(first, o)
		}
		if err == nil {
			many, where := "%d objects %s, in byte order", "in the bucket"
			if len(first) == firstPage {
				many = "%d objects and more %s, in byte order"
			}
			if l.Prefix != "" {
				where = "below " + strconv.Quote(l.Prefix)
			}
			return OK, fmt.Sprintf(many, len(first), where)
		}
		return Fail, sentence(diagnosed(ctx, b, err))
	})
	return first, state != Fail
}

// start asks whether a listing can begin at a key that does not exist.
func (c *checker) start(ctx context.Context) {
	c.ask(ctx, "start keys", func(ctx context.Context) (State, string) {
		chain, err := listing.Chained(ctx, c.setup.Source, store.Range{Prefix: c.setup.Job.Source.Prefix})
		switch {
		case err != nil:
			return Fail, sentence(err)
		case chain:
			return Note, "a listing cannot be proved to begin at a key that does not exist, so a run lists in one chain instead of side by side: slower, and right"
		}
		return OK, "a listing begins anywhere, so a run lists side by side"
	})
}

// sample returns up to n objects of at most maxSize bytes that can be read now:
// images first, since a CDN in front of the source may alter them.
func sample(objects []store.Object, n int, maxSize int64) []store.Object {
	fit := slices.DeleteFunc(slices.Clone(objects), func(o store.Object) bool {
		return o.Frozen || o.Disabled || o.Ambiguous != "" || o.Size == 0 || o.Size > maxSize
	})
	slices.SortStableFunc(fit, func(a, b store.Object) int { return isImage(b) - isImage(a) })
	return fit[:min(n, len(fit))]
}

// isImage is 1 for an image, else 0.
func isImage(o store.Object) int {
	if strings.HasPrefix(o.Type, "image/") {
		return 1
	}
	return 0
}
