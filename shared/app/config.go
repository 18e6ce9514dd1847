package app

import (
	"errors"
	"fmt"
	"sync/atomic"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/store/oss"
)

// Config is what the environment tells: secrets, which are nowhere else. Each
// field names its variable. Under a role, the platform sets the last three.
type Config struct {
	KodoAccessKey    string // QINIU_ACCESS_KEY
	KodoSecretKey    string // QINIU_SECRET_KEY
	OSSAccessKeyID   string // ALIBABA_CLOUD_ACCESS_KEY_ID
	OSSAccessSecret  string // ALIBABA_CLOUD_ACCESS_KEY_SECRET
	OSSSecurityToken string // ALIBABA_CLOUD_SECURITY_TOKEN, only with temporary credentials

	// Of a deployment alone.
	LedgerAt string // FERRY_LEDGER: where its runs are kept, an oss:// location
	QueuesAt string // FERRY_QUEUES: its queues, an mns:// location whose prefix begins their names
	Pause    string // FERRY_PAUSE: the first wait of a task for others, doubling after; "" is 30s

	getenv func(string) string // for what a job names: the variables of its alerts; may be nil

	role *role // the keys of the function's role; nil where there is none
}

// Load reads a Config through getenv, as os.Getenv.
func Load(getenv func(string) string) Config {
	return Config{
		KodoAccessKey: getenv("QINIU_ACCESS_KEY"), KodoSecretKey: getenv("QINIU_SECRET_KEY"),
		OSSAccessKeyID: getenv("ALIBABA_CLOUD_ACCESS_KEY_ID"), OSSAccessSecret: getenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET"),
		OSSSecurityToken: getenv("ALIBABA_CLOUD_SECURITY_TOKEN"),
		LedgerAt:         getenv("FERRY_LEDGER"), QueuesAt: getenv("FERRY_QUEUES"), Pause: getenv("FERRY_PAUSE"),
		getenv: getenv,
	}
}

// role holds the newest keys that the platform gave.
type role struct {
	now atomic.Pointer[oss.Credentials]
}

// Missing names, for the services that locations use, every variable that is
// not set; nil if none is missing.
func (c Config) Missing(locations ...job.Location) error {
	used := map[string]bool{}
	for _, l := range locations {
		used[l.Scheme] = true
	}
	var errs []error
	for _, v := range []struct{ scheme, name, value string }{
		{job.Kodo, "QINIU_ACCESS_KEY", c.KodoAccessKey},
		{job.Kodo, "QINIU_SECRET_KEY", c.KodoSecretKey},
		{job.OSS, "ALIBABA_CLOUD_ACCESS_KEY_ID", c.OSSAccessKeyID},
		{job.OSS, "ALIBABA_CLOUD_ACCESS_KEY_SECRET", c.OSSAccessSecret},
	} {
		if v.scheme == job.OSS && c.role != nil {
			continue // they come with each invocation
		}
		if used[v.scheme] && v.value == "" {
			errs = append(errs, fault.New(fault.Invalid, "environment", v.name, fmt.Errorf("%s is not set: export it with the %s credentials", v.name, v.scheme)))
		}
	}
	return errors.Join(errs...)
}

// oss returns the keys that count now, for OSS and for MNS.
func (c Config) oss() oss.Credentials {
	if c.role != nil {
		if now := c.role.now.Load(); now != nil {
			return *now
		}
	}
	return oss.Credentials{AccessKeyID: c.OSSAccessKeyID, AccessKeySecret: c.OSSAccessSecret, SecurityToken: c.OSSSecurityToken}
}
