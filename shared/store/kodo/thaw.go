package kodo

import (
	"context"

	"github.com/qiniu/go-sdk/v7/storagev2/apis"
)

// Thaw implements store.Thawer by restoreAr, which takes 1 to 7 days.
func (b *Bucket) Thaw(ctx context.Context, key string, days int) error {
	const op = "kodo.Thaw"
	h, err := b.resolve(ctx, false)
	if err != nil {
		return err
	}
	_, err = retry(ctx, b, op, key, func() (struct{}, error) {
		r := request{op: op, key: key, asked: ofObject, own: true, read: func([]byte) error { return nil }}
		_, err := ask(ctx, b, r, h.rs, func(ctx context.Context, o *apis.Options) (*apis.RestoreArchivedObjectResponse, error) {
			return newSDK(b).RestoreArchivedObject(ctx, &apis.RestoreArchivedObjectRequest{Entry: b.cfg.Bucket + ":" + key, FreezeAfterDays: int64(days)}, o)
		})
		return struct{}{}, err
	})
	return err
}
