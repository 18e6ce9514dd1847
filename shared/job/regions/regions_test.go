package regions_test

import (
	"testing"

	"kodoferry/shared/job/regions"
)

func TestARegionThatWasMeantIsFound(t *testing.T) {
	for region, want := range map[string]string{
		"cn-hangzhou": "", "hangzhou": "cn-hangzhou", "cn-hangzou": "cn-hangzhou", "hongkong": "cn-hongkong", "us-west-2": "us-west-1", "nowhere": "", "": "",
	} {
		if got := regions.MeantOSS(region); got != want {
			t.Errorf("for %q %q was meant, want %q", region, got, want)
		}
	}
}

func TestABucketIsFoundInTheHostThatServesIt(t *testing.T) {
	for host, want := range map[string][3]string{
		"photos.oss-cn-hangzhou.aliyuncs.com":          {"oss", "photos", "cn-hangzhou"},
		"photos.oss-cn-hangzhou-internal.aliyuncs.com": {"oss", "photos", "cn-hangzhou"},
		"photos.s3.eu-west-1.amazonaws.com":            {"s3", "photos", "eu-west-1"},
		"photos.s3.cn-north-1.amazonaws.com.cn":        {"s3", "photos", "cn-north-1"},
		"photos.s3-cn-east-1.qiniucs.com":              {"s3", "photos", "cn-east-1"},
		"oss-cn-hangzhou.aliyuncs.com":                 {},
		"photos.example.com":                           {},
	} {
		scheme, bucket, region, ok := regions.BucketAt(host)
		if got := [3]string{scheme, bucket, region}; got != want || ok != (want[0] != "") {
			t.Errorf("%s is %q (%v), want %q", host, got, ok, want)
		}
	}
}

func TestARegionIsServedByOneHost(t *testing.T) {
	for region, want := range map[string]string{
		"cn-east-1": "s3-cn-east-1.qiniucs.com", "cn-north-1": "s3-cn-north-1.qiniucs.com", "cn-northwest-1": "s3.cn-northwest-1.amazonaws.com.cn",
		"eu-west-1": "s3.eu-west-1.amazonaws.com", "z0": "", "": "",
	} {
		if got := regions.S3Host(region); got != want {
			t.Errorf("%q is served by %q, want %q", region, got, want)
		}
	}
}
