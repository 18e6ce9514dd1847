package app

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync/atomic"
	"unicode"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/store/oss"
)

// Config is read from the environment: secrets, which are nowhere else. Each field's
// comment names its variable. Under a role, the platform sets the keys of its own
// cloud: Function Compute those for OSS and MNS, Lambda those for SQS.
type Config struct {
	KodoAccessKey    string // QINIU_ACCESS_KEY
	KodoSecretKey    string // QINIU_SECRET_KEY
	OSSAccessKeyID   string // ALIBABA_CLOUD_ACCESS_KEY_ID
	OSSAccessSecret  string // ALIBABA_CLOUD_ACCESS_KEY_SECRET
	OSSSecurityToken string // ALIBABA_CLOUD_SECURITY_TOKEN, only with temporary credentials

	// Of an s3:// source that is not Kodo's, and of a deployment whose queues are at SQS. On Lambda they are those of the
	// function's role and as good as the instance is old: AWS ends an instance
	// before they end.
	AWSAccessKeyID     string // AWS_ACCESS_KEY_ID
	AWSSecretAccessKey string // AWS_SECRET_ACCESS_KEY
	AWSSessionToken    string // AWS_SESSION_TOKEN, only with temporary credentials

	// Of a deployment alone.
	LedgerAt string // FERRY_LEDGER: where its runs are kept, an oss:// location
	QueuesAt string // FERRY_QUEUES: its queues, an mns:// or sqs:// location whose prefix begins their names
	Pause    string // FERRY_PAUSE: the first wait of a task for others, doubling after; "" is 30s
	Pullers  string // FERRY_PULL_INSTANCES: how many invocations of the pull function work at the same time; "" is 10

	getenv func(string) string // for what a job names: the variables of its alerts; may be nil

	role *role // the keys of the function's role; nil where there is none
}

// Load reads a Config through getenv, as os.Getenv.
func Load(getenv func(string) string) Config {
	return Config{
		KodoAccessKey: getenv("QINIU_ACCESS_KEY"), KodoSecretKey: getenv("QINIU_SECRET_KEY"),
		OSSAccessKeyID: getenv("ALIBABA_CLOUD_ACCESS_KEY_ID"), OSSAccessSecret: getenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET"),
		OSSSecurityToken: getenv("ALIBABA_CLOUD_SECURITY_TOKEN"),
		AWSAccessKeyID:   getenv("AWS_ACCESS_KEY_ID"), AWSSecretAccessKey: getenv("AWS_SECRET_ACCESS_KEY"), AWSSessionToken: getenv("AWS_SESSION_TOKEN"),
		Pullers:  getenv("FERRY_PULL_INSTANCES"),
		LedgerAt: getenv("FERRY_LEDGER"), QueuesAt: getenv("FERRY_QUEUES"), Pause: getenv("FERRY_PAUSE"),
		getenv: getenv,
	}
}

// role holds the newest keys that the platform gave.
type role struct {
	now atomic.Pointer[oss.Credentials]
}

// Missing names, for the services that locations use, every variable that is
// not set, or holds what cannot be; nil if all is well.
func (c Config) Missing(locations ...job.Location) error {
	used := map[string]string{} // by whose keys they are: the location's words for them
	for _, l := range locations {
		switch {
		case l.Scheme == job.S3 && l.AtKodo():
			used[job.Kodo] = "kodo credentials, because " + l.S3Endpoint() + " is Kodo's: another service is named by endpoint="
		case used[l.Scheme] == "":
			used[l.Scheme] = l.Scheme + " credentials"
		}
	}
	var errs []error
	for _, v := range []struct{ scheme, name, value string }{
		{job.Kodo, "QINIU_ACCESS_KEY", c.KodoAccessKey},
		{job.Kodo, "QINIU_SECRET_KEY", c.KodoSecretKey},
		{job.S3, "AWS_ACCESS_KEY_ID", c.AWSAccessKeyID},
		{job.S3, "AWS_SECRET_ACCESS_KEY", c.AWSSecretAccessKey},
		{job.OSS, "ALIBABA_CLOUD_ACCESS_KEY_ID", c.OSSAccessKeyID},
		{job.OSS, "ALIBABA_CLOUD_ACCESS_KEY_SECRET", c.OSSAccessSecret},
		{job.SQS, "AWS_ACCESS_KEY_ID", c.AWSAccessKeyID},
		{job.SQS, "AWS_SECRET_ACCESS_KEY", c.AWSSecretAccessKey},
	} {
		if v.scheme == job.OSS && c.role != nil {
			continue // they come with each invocation
		}
		if used[v.scheme] != "" && v.value == "" {
			errs = append(errs, fault.New(fault.Invalid, "environment", v.name, fmt.Errorf("%s is not set: export it with the %s", v.name, used[v.scheme])))
		}
		if odd := oddSecret(v.value); used[v.scheme] != "" && odd != "" {
			errs = append(errs, fault.New(fault.Invalid, "environment", v.name, fmt.Errorf("%s holds %s, which no key has: export the key alone, as export %s='…'", v.name, odd, v.name)))
		}
	}
	return errors.Join(append(errs, proxies(c.getenv))...)
}

// oddSecret says what a key holds that none does; "" where there is nothing of it.
func oddSecret(key string) string {
	switch {
	case strings.ContainsAny(key, "\r\n"):
		return "a line break"
	case strings.ContainsFunc(key, unicode.IsSpace):
		return "a space"
	case strings.ContainsAny(key, "\"'`“”‘’<>"):
		return "a quotation mark or a bracket"
	case strings.ContainsFunc(key, func(r rune) bool { return r < ' ' || r > '~' }):
		return "a character beyond ASCII"
	}
	return ""
}

// proxies names the variables of proxies that hold no address of one; getenv may be nil.
func proxies(getenv func(string) string) error {
	if getenv == nil {
		return nil
	}
	var errs []error
	for _, name := range []string{"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"} {
		value := getenv(name)
		if value == "" {
			continue
		}
		at := value
		if !strings.Contains(at, "://") {
			at = "http://" + at
		}
		if u, err := url.Parse(at); err != nil || u.Hostname() == "" || strings.HasSuffix(u.Host, ":") {
			errs = append(errs, fault.New(fault.Invalid, "environment", name, fmt.Errorf("%s holds no address of a proxy: write it as http://proxy.example.com:3128, or unset it", name))) // not repeated: it may have a password
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
