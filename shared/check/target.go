package check

import (
	"context"
	"fmt"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/store"
)

// Bucket is a place that is written.
type Bucket interface {
	store.Writer
	Checker
	// Versioned reports whether the bucket is, or was, versioned: conditional PUTs are
	// ignored then.
	Versioned(ctx context.Context) (bool, error)
}

// retained is a bucket that may be under a retention policy.
type retained interface {
	// Retention returns for how many days no object can be changed or deleted, 0 for none.
	Retention(ctx context.Context) (days int, err error)
}

// target asks of b, which is at l, whether it can be reached and listed, and whether
// it keeps versions. It returns false where a probe object makes no sense.
func (c *checker) target(ctx context.Context, b Bucket, l job.Location) bool {
	if h, ok := b.(hosted); ok && !c.reachable(ctx, h) {
		return false
	}
	if _, ok := c.listable(ctx, b, l); !ok {
		return false
	}
	c.versions(ctx, b)
	return true
}

// versions asks whether b keeps versions.
func (c *checker) versions(ctx context.Context, b Bucket) {
	c.ask(ctx, "versioning", func(ctx context.Context) (State, string) {
		versioned, err := b.Versioned(ctx)
		switch {
		case fault.KindOf(err) == fault.Denied:
			return Fail, fmt.Sprintf("the keys may not ask: grant them oss:GetBucketVersioning on the bucket (%s)", answered(err))
		case err != nil:
			return Fail, sentence(err)
		case versioned && c.place == "ledger":
			return Fail, "the bucket is, or was, versioned, and OSS ignores conditional PUTs there, on which every record depends: keep the ledger in a bucket that never was, --ledger oss://another-bucket/.ferry/?region=…"
		case versioned:
			return Note, "the bucket is, or was, versioned: OSS ignores conditional PUTs there, so Ferry looks before each; what it overwrites or deletes stays billed as a version"
		}
		return OK, "never versioned: conditional PUTs hold"
	})
}

// retention asks for how many days no object of b can be changed or deleted.
func (c *checker) retention(ctx context.Context, b Bucket) (days int) {
	r, ok := b.(retained)
	if !ok {
		return 0
	}
	c.ask(ctx, "retention", func(ctx context.Context) (_ State, says string) {
		var err error
		days, err = r.Retention(ctx)
		switch {
		case fault.KindOf(err) == fault.Denied:
			return Note, "the keys may not ask whether the bucket is under a retention policy (WORM): grant them oss:GetBucketWorm, or look in OSS's console"
		case err != nil:
			return Fail, sentence(err)
		case days == 0:
			return OK, "no retention policy (WORM)"
		case c.place == "ledger":
			return Fail, fmt.Sprintf("a retention policy (WORM) keeps every object for %d days, and Ferry changes and expires files of a run: keep the ledger in another bucket", days)
		case c.setup.Job.Delete:
			return Fail, fmt.Sprintf("a retention policy (WORM) keeps every object for %d days: what the source changes or deletes before cannot be mirrored; leave delete: out, or take another bucket", days)
		}
		return Note, fmt.Sprintf("a retention policy (WORM) keeps every object for %d days: what the source overwrites before ends as failed", days)
	})
	return days
}
