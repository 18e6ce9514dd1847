package job

import (
	"net/url"
	"strings"

	"kodoferry/shared/job/regions"
)

// S3Endpoint returns where an s3:// location is served, a host or a URL: its
// Endpoint or, by its Region, Kodo's or else AWS's. Some regions have the same
// name at both: they are Kodo's unless Endpoint says otherwise. It is "" where
// the region is neither's.
func (l Location) S3Endpoint() string {
	if l.Endpoint != "" {
		return l.Endpoint
	}
	return regions.S3Host(l.Region)
}

// AtKodo reports whether l is a bucket of Kodo's, under its own interface or S3's.
func (l Location) AtKodo() bool {
	return l.Scheme == Kodo || l.Scheme == S3 && l.at("qiniucs.com")
}

// at reports whether an s3:// location is served by a host of domain.
func (l Location) at(domain string) bool {
	host := l.S3Endpoint()
	if _, rest, ok := strings.Cut(host, "://"); ok {
		host = rest
	}
	u, err := url.Parse("//" + host)
	return err == nil && strings.HasSuffix(strings.ToLower(u.Hostname()), "."+domain)
}

func checkS3(l Location, bad *problems) {
	checkBucket(l, bad)
	switch {
	case l.Region == "":
		bad.add("region is missing: add one such as ?region=cn-east-1, or ?region=us-east-1 for a service that has none")
	case !regionName.MatchString(l.Region):
		bad.add("the region is not lower-case letters, digits and single hyphens: write one such as cn-east-1")
	case regions.KodoS3(l.Region) != "" && (l.Endpoint == "" || l.AtKodo()):
		bad.add("the region %s has another name at Kodo's S3 endpoints: write region=%s", l.Region, regions.KodoS3(l.Region))
	case l.S3Endpoint() == "":
		bad.add("the region %s is none of Kodo's for S3 (cn-east-1, cn-east-2, cn-north-1, cn-south-1, us-north-1, ap-southeast-1, ap-northeast-1) and none of AWS: write another, or name the service's host by endpoint=", l.Region)
	}
}

// MeantRegion hints at the region that l's was probably to be; "" where it is a known one, or
// near none.
func MeantRegion(l Location) string {
	if l.Scheme != OSS {
		return ""
	}
	meant := regions.MeantOSS(l.Region)
	return Meant(meant, meant)
}
