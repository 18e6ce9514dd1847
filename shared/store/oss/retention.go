package oss

import (
	"context"
	"errors"
	"fmt"

	sdk "github.com/aliyun/aliyun-oss-go-sdk/oss"
)

// Retention returns for how many days nobody can overwrite or delete an object
// of the bucket after it was written; 0 where there is no such policy (OSS,
// GetBucketWorm). It needs oss:GetBucketWorm.
func (b *Bucket) Retention(ctx context.Context) (days int, err error) {
	const op = "oss.Retention"
	return again(ctx, b, op, b.name, func() (int, error) {
		var policy sdk.WormConfiguration
		_, err := b.vendor(ctx, op, "", func(s *sdk.Bucket, _ *exchange) (err error) {
			policy, err = s.Client.GetBucketWorm(b.name)
			if err == nil && (policy.State == "" || policy.RetentionPeriodInDays < 0) {
				err = fmt.Errorf("a policy of state %q and %d days", policy.State, policy.RetentionPeriodInDays)
			}
			return err
		})
		if r, ok := errors.AsType[*refusal](err); ok && r.code == "NoSuchWORMConfiguration" {
			return 0, nil
		}
		if err != nil || policy.State == "Expired" { // it was never locked, and lapsed
			return 0, err
		}
		return policy.RetentionPeriodInDays, nil
	})
}

// Hosts returns the addresses, scheme://host, that requests go to.
func (b *Bucket) Hosts(context.Context) ([]string, error) {
	if b.where.pathStyle || b.where.cname {
		return []string{b.where.url}, nil
	}
	return []string{fmt.Sprintf("%s://%s.%s", b.scheme, b.name, b.where.host)}, nil
}
