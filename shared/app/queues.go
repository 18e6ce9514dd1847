package app

import (
	"fmt"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/queue"
	"kodoferry/shared/queue/mns"
)

// openQueue opens the queue whose name is the prefix of l and then suffix.
func (c Config) openQueue(l job.Location, suffix string) (*mns.Queue, error) {
	if l.Scheme != job.MNS {
		return nil, fault.New(fault.Invalid, "app.openQueue", l.String(), fmt.Errorf("queues are at mns://account/prefix"))
	}
	return mns.Open(mns.Config{
		Queue: l.Prefix + suffix, Account: l.Bucket, Region: l.Region, Endpoint: l.Endpoint, Insecure: l.Insecure,
		Credentials: func() mns.Credentials {
			k := c.oss()
			return mns.Credentials{AccessKeyID: k.AccessKeyID, AccessKeySecret: k.AccessKeySecret, SecurityToken: k.SecurityToken}
		},
	})
}

var _ queue.Queue = (*mns.Queue)(nil)
