// Package regions knows what services call their regions, and at which hosts they serve a bucket.
package regions

import (
	"regexp"
	"slices"
	"strings"

	"kodoferry/shared/job/near"
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

// oss are those of OSS that were there in 2026 (OSS user guide, "Regions and endpoints");
// they only help to see what was meant.
var oss = []string{
	"cn-hangzhou", "cn-shanghai", "cn-nanjing", "cn-fuzhou", "cn-wuhan-lr", "cn-qingdao", "cn-beijing", "cn-zhangjiakou", "cn-huhehaote",
	"cn-wulanchabu", "cn-shenzhen", "cn-heyuan", "cn-guangzhou", "cn-chengdu", "cn-hongkong", "cn-zhongwei", "us-west-1", "us-east-1",
	"ap-northeast-1", "ap-northeast-2", "ap-southeast-1", "ap-southeast-3", "ap-southeast-5", "ap-southeast-6", "ap-southeast-7",
	"eu-central-1", "eu-west-1", "me-east-1", "me-central-1",
}

// hosts are those of buckets by the schemes of locations, the name of the bucket and the region
// apart.
var hosts = map[string]*regexp.Regexp{
	"oss": regexp.MustCompile(`^([a-z0-9][a-z0-9-]{1,61}[a-z0-9])\.oss-([a-z0-9-]+?)(?:-internal)?\.aliyuncs\.com$`),
	"s3":  regexp.MustCompile(`^([A-Za-z0-9][A-Za-z0-9._-]{0,62})\.s3[.-]([a-z0-9-]+)\.(?:amazonaws\.com(?:\.cn)?|qiniucs\.com)$`),
}

// S3Host returns the host that serves S3's interface in a region, Kodo's or else AWS's, "" where
// it is neither's.
func S3Host(region string) string {
	switch {
	case kodoS3[region]:
		return "s3-" + region + ".qiniucs.com"
	case strings.HasPrefix(region, "cn-") && awsRegion.MatchString(region):
		return "s3." + region + ".amazonaws.com.cn"
	case awsRegion.MatchString(region):
		return "s3." + region + ".amazonaws.com"
	}
	return ""
}

// KodoS3 returns what Kodo's S3 endpoints call the region of an id of Kodo's, "" where id is none.
func KodoS3(id string) string { return kodoIDs[id] }

// MeantOSS returns the region of OSS that one was probably to be, "" where it is a known one, or
// near none.
func MeantOSS(region string) string {
	if slices.Contains(oss, region) {
		return ""
	}
	if china := "cn-" + region; slices.Contains(oss, china) {
		return china
	}
	return near.Word(region, oss...)
}

// BucketAt returns the scheme of the service, the bucket and the region that a host serves; ok is
// false where it is none that is known.
func BucketAt(host string) (scheme, bucket, region string, ok bool) {
	for scheme, of := range hosts {
		if m := of.FindStringSubmatch(host); m != nil {
			return scheme, m[1], m[2], true
		}
	}
	return "", "", "", false
}
