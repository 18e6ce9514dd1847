package job

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// kodoS3 are Kodo's regions as its S3-compatible endpoints name them
// (rclone, provider/Qiniu.yaml).
var kodoS3 = map[string]bool{
	"cn-east-1": true, "cn-east-2": true, "cn-north-1": true, "cn-south-1": true,
	"us-north-1": true, "ap-southeast-1": true, "ap-northeast-1": true,
}

// kodoIDs are Kodo's own names of those that have two.
var kodoIDs = map[string]string{"z0": "cn-east-1", "z1": "cn-north-1", "z2": "cn-south-1", "na0": "us-north-1", "as0": "ap-southeast-1"}

// awsRegion is the form of AWS's regions, as eu-west-1 or us-gov-east-1.
var awsRegion = regexp.MustCompile(`^[a-z]{2}(-gov|-iso[a-z]?)?-(central|north|south|east|west|northeast|northwest|southeast|southwest)-[0-9]$`)

// S3Endpoint returns where an s3:// location is served, a host or a URL: its
// Endpoint or, by its Region, Kodo's or else AWS's. Some regions have the same
// name at both: they are Kodo's unless Endpoint says otherwise. It is "" where
// the region is neither's.
func (l Location) S3Endpoint() string {
	switch {
	case l.Endpoint != "":
		return l.Endpoint
	case kodoS3[l.Region]:
		return "s3-" + l.Region + ".qiniucs.com"
	case strings.HasPrefix(l.Region, "cn-") && awsRegion.MatchString(l.Region):
		return "s3." + l.Region + ".amazonaws.com.cn"
	case awsRegion.MatchString(l.Region):
		return "s3." + l.Region + ".amazonaws.com"
	}
	return ""
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
	case kodoIDs[l.Region] != "" && (l.Endpoint == "" || l.AtKodo()):
		bad.add("the region %s has another name at Kodo's S3 endpoints: write region=%s", l.Region, kodoIDs[l.Region])
	case l.S3Endpoint() == "":
		bad.add("the region %s is none of Kodo's for S3 (cn-east-1, cn-east-2, cn-north-1, cn-south-1, us-north-1, ap-southeast-1, ap-northeast-1) and none of AWS: write another, or name the service's host by endpoint=", l.Region)
	}
}

// ossRegions are those of OSS that were there in 2026 (OSS user guide, "Regions and endpoints");
// they only help to see what was meant.
var ossRegions = []string{
	"cn-hangzhou", "cn-shanghai", "cn-nanjing", "cn-fuzhou", "cn-wuhan-lr", "cn-qingdao", "cn-beijing", "cn-zhangjiakou", "cn-huhehaote",
	"cn-wulanchabu", "cn-shenzhen", "cn-heyuan", "cn-guangzhou", "cn-chengdu", "cn-hongkong", "cn-zhongwei", "us-west-1", "us-east-1",
	"ap-northeast-1", "ap-northeast-2", "ap-southeast-1", "ap-southeast-3", "ap-southeast-5", "ap-southeast-6", "ap-southeast-7",
	"eu-central-1", "eu-west-1", "me-east-1", "me-central-1",
}

// MeantRegion hints at the region that l's was probably to be; "" where it is a known one, or
// near none.
func MeantRegion(l Location) string {
	if l.Scheme != OSS || slices.Contains(ossRegions, l.Region) {
		return ""
	}
	if i := slices.IndexFunc(ossRegions, func(r string) bool { return r == "cn-"+l.Region }); i >= 0 {
		return Meant(ossRegions[i], ossRegions...)
	}
	return Meant(l.Region, ossRegions...)
}
