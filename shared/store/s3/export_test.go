package s3

import "github.com/cenkalti/backoff/v5"

// Hurry makes b try again without a pause.
func (b *Bucket) Hurry() { b.pause = func() backoff.BackOff { return &backoff.ZeroBackOff{} } }
