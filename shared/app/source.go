package app

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/store"
	"kodoferry/shared/store/file"
	"kodoferry/shared/store/kodo"
	"kodoferry/shared/store/s3"
)

// source is a bucket to read, of any service.
type source interface {
	store.Source
	Check(ctx context.Context) error
	CloseIdle()
}

// sources say how the sources of each scheme are opened. A new one is a line here,
// one in job's schemes, and a folder with its driver.
var sources = map[string]func(Config, job.Location) (source, error){
	job.Kodo: func(c Config, l job.Location) (source, error) { return c.openKodo(l) },
	job.S3:   func(c Config, l job.Location) (source, error) { return c.openS3(l) },
	job.File: func(c Config, l job.Location) (source, error) { return c.openFile(l) },
}

// openSource opens the bucket at l. It makes no request. Its error names every
// mistake, missing variables included.
func (c Config) openSource(l job.Location) (source, error) {
	if err := c.Missing(l); err != nil {
		return nil, err
	}
	open, ok := sources[l.Scheme]
	if !ok {
		return nil, fault.New(fault.Invalid, "app.Connect", l.String(), fmt.Errorf("a source is %s", strings.Join(job.Sources(), "://, ")+"://"))
	}
	return open(c, l)
}

func (c Config) openKodo(l job.Location) (*kodo.Bucket, error) {
	return kodo.Open(kodo.Config{
		Bucket: l.Bucket, Region: l.Region, Endpoint: l.Endpoint, Domain: l.Domain, Insecure: l.Insecure,
		AccessKey: c.KodoAccessKey, SecretKey: c.KodoSecretKey, LeastRate: c.leastRate,
	})
}

func (c Config) openS3(l job.Location) (*s3.Bucket, error) {
	keys, variables := c.s3(l)
	return s3.Open(s3.Config{
		Bucket: l.Bucket, Region: l.Region, Endpoint: l.S3Endpoint(), Insecure: l.Insecure,
		Credentials: func() s3.Credentials { return keys }, Variables: variables, LeastRate: c.leastRate,
	})
}

// openFile refuses what a deployment's processes would each look for at their own.
func (c Config) openFile(l job.Location) (*file.Bucket, error) {
	if c.spread {
		return nil, fault.New(fault.Invalid, "app.Connect", l.String(), errors.New("a directory is on one machine, and a deployment's processes are on many: move it with ferry copy, from the machine that has it"))
	}
	return file.Open(file.Config{Dir: l.Bucket})
}

// s3 returns the keys for an s3:// location and what their variables are
// called: at Kodo's S3 interface they are Kodo's.
func (c Config) s3(l job.Location) (s3.Credentials, string) {
	if l.AtKodo() {
		return s3.Credentials{AccessKeyID: c.KodoAccessKey, SecretAccessKey: c.KodoSecretKey}, "QINIU_ACCESS_KEY and QINIU_SECRET_KEY"
	}
	return s3.Credentials{AccessKeyID: c.AWSAccessKeyID, SecretAccessKey: c.AWSSecretAccessKey, SessionToken: c.AWSSessionToken}, "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
}
