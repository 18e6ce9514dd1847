package app

import (
	"errors"
	"fmt"

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
}

// Load reads a Config through getenv, as os.Getenv.
func Load(getenv func(string) string) Config {
	return Config{
		KodoAccessKey: getenv("QINIU_ACCESS_KEY"), KodoSecretKey: getenv("QINIU_SECRET_KEY"),
		OSSAccessKeyID: getenv("ALIBABA_CLOUD_ACCESS_KEY_ID"), OSSAccessSecret: getenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET"),
		OSSSecurityToken: getenv("ALIBABA_CLOUD_SECURITY_TOKEN"),
	}
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
		if used[v.scheme] && v.value == "" {
			errs = append(errs, fault.New(fault.Invalid, "environment", v.name, fmt.Errorf("%s is not set: export it with the %s credentials", v.name, v.scheme)))
		}
	}
	return errors.Join(errs...)
}

func (c Config) oss() oss.Credentials {
	return oss.Credentials{AccessKeyID: c.OSSAccessKeyID, AccessKeySecret: c.OSSAccessSecret, SecurityToken: c.OSSSecurityToken}
}
