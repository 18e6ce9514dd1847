package oss

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
)

// Retention returns for how many days no request can overwrite or delete an object
// of the bucket after it was written; 0 where there is no such policy (OSS,
// GetBucketWorm). It needs oss:GetBucketWorm.
func (b *Bucket) Retention(ctx context.Context) (days int, err error) {
	const op = "oss.Retention"
	return again(ctx, b, op, b.name, func() (int, error) {
		var x struct {
			XMLName               xml.Name `xml:"WormConfiguration"`
			State                 string
			RetentionPeriodInDays int
		}
		_, err := b.document(ctx, request{op: op, method: "GET", params: map[string]any{"worm": nil}}, &x, func() error {
			if x.State == "" || x.RetentionPeriodInDays < 0 {
				return fmt.Errorf("a policy of state %q and %d days", x.State, x.RetentionPeriodInDays)
			}
			return nil
		})
		if r, ok := errors.AsType[*refusal](err); ok && r.code == "NoSuchWORMConfiguration" {
			return 0, nil
		}
		if err != nil || x.State == "Expired" { // it was never locked, and lapsed
			return 0, err
		}
		return x.RetentionPeriodInDays, nil
	})
}

// Hosts returns the addresses, scheme://host, that requests go to.
func (b *Bucket) Hosts(context.Context) ([]string, error) {
	if b.where.pathStyle || b.where.cname {
		return []string{b.where.url}, nil
	}
	return []string{fmt.Sprintf("%s://%s.%s", b.scheme, b.name, b.where.host)}, nil
}
