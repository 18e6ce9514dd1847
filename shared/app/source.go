package app

import (
	"context"
	"fmt"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/store"
	"kodoferry/shared/store/kodo"
	"kodoferry/shared/store/s3"
)

// source is a bucket to read, of any service.
type source interface {
	store.Source
	Check(ctx context.Context) error
	CloseIdle()
}

// openSource opens the bucket at l. It makes no request. Its error names every
// mistake, missing variables included.
func (c Config) openSource(l job.Location) (source, error) {
	if err := c.Missing(l); err != nil {
		return nil, err
	}
	switch l.Scheme {
	case job.Kodo:
		return c.openKodo(l)
	case job.S3:
		keys, variables := c.s3(l)
		return s3.Open(s3.Config{
			Bucket: l.Bucket, Region: l.Region, Endpoint: l.S3Endpoint(), Insecure: l.Insecure,
			Credentials: func() s3.Credentials { return keys }, Variables: variables, LeastRate: c.leastRate,
		})
	}
	return nil, fault.New(fault.Invalid, "app.Connect", l.String(), fmt.Errorf("a source is kodo://bucket/prefix or s3://bucket/prefix"))
}

func (c Config) openKodo(l job.Location) (*kodo.Bucket, error) {
	return kodo.Open(kodo.Config{
		Bucket: l.Bucket, Region: l.Region, Endpoint: l.Endpoint, Domain: l.Domain, Insecure: l.Insecure,
		AccessKey: c.KodoAccessKey, SecretKey: c.KodoSecretKey, LeastRate: c.leastRate,
	})
}

// s3 returns the keys for an s3:// location and what their variables are
// called: at Kodo's S3 interface they are Kodo's.
func (c Config) s3(l job.Location) (s3.Credentials, string) {
	if l.AtKodo() {
		return s3.Credentials{AccessKeyID: c.KodoAccessKey, SecretAccessKey: c.KodoSecretKey}, "QINIU_ACCESS_KEY and QINIU_SECRET_KEY"
	}
	return s3.Credentials{AccessKeyID: c.AWSAccessKeyID, SecretAccessKey: c.AWSSecretAccessKey, SessionToken: c.AWSSessionToken}, "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
}
