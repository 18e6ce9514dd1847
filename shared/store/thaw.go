package store

import "context"

// Thawer is a Source whose archived objects can be restored.
type Thawer interface {
	// Thaw asks the service to make an archived object readable for so many days. It
	// returns at once: the object is readable minutes or hours later, when Stat tells
	// that it is not Frozen. To ask again while it is being restored is no error.
	Thaw(ctx context.Context, key string, days int) error
}
