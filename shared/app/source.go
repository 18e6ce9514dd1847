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

// sources say how the sources of each scheme are opened. What else a new one takes is
// told at job's table of schemes.
var sources = map[string]func(Config, job.Location, opening) (source, error){
	job.Kodo: func(c Config, l job.Location, how opening) (source, error) { return openKodo(c, l, how) },
	job.S3:   func(c Config, l job.Location, how opening) (source, error) { return openS3(c, l, how) },
	job.File: func(_ Config, l job.Location, how opening) (source, error) { return openFile(l, how) },
}

// openSource opens the bucket at l. It makes no request. Its error names every
// mistake, missing variables included.
func openSource(c Config, l job.Location, how opening) (source, error) {
	if err := c.Missing(l); err != nil {
		return nil, err
	}
	open, ok := sources[l.Scheme]
	if !ok {
		return nil, fault.New(fault.Invalid, "app.open", l.String(), fmt.Errorf("a source is %s", strings.Join(job.Sources(), "://, ")+"://"))
	}
	return open(c, l, how)
}

func openKodo(c Config, l job.Location, how opening) (*kodo.Bucket, error) {
	return kodo.Open(kodo.Config{
		Bucket: l.Bucket, Region: l.Region, Endpoint: l.Endpoint, Domain: l.Domain, Insecure: l.Insecure,
		AccessKey: c.KodoAccessKey, SecretKey: c.KodoSecretKey, LeastRate: how.leastRate,
	})
}

func openS3(c Config, l job.Location, how opening) (*s3.Bucket, error) {
	keys, variables := s3Keys(c, l)
	return s3.Open(s3.Config{
		Bucket: l.Bucket, Region: l.Region, Endpoint: l.S3Endpoint(), Insecure: l.Insecure,
		Credentials: func() s3.Credentials { return keys }, Variables: variables, LeastRate: how.leastRate,
	})
}

// openFile refuses what a deployment's processes would each look for at their own.
func openFile(l job.Location, how opening) (*file.Bucket, error) {
	if how.spread {
		return nil, fault.New(fault.Invalid, "app.open", l.String(), errors.New("a directory is on one machine, and a deployment's processes are on many: move it with ferry copy, from the machine that has it"))
	}
	return file.Open(file.Config{Dir: l.Bucket})
}

// s3Keys returns the keys for an s3:// location and what their variables are
// called: at Kodo's S3 interface they are Kodo's.
func s3Keys(c Config, l job.Location) (s3.Credentials, string) {
	if l.AtKodo() {
		return s3.Credentials{AccessKeyID: c.KodoAccessKey, SecretAccessKey: c.KodoSecretKey}, "QINIU_ACCESS_KEY and QINIU_SECRET_KEY"
	}
	return s3.Credentials{AccessKeyID: c.AWSAccessKeyID, SecretAccessKey: c.AWSSecretAccessKey, SessionToken: c.AWSSessionToken}, "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
}
