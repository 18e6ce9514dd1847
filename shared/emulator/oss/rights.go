package oss

import (
	"errors"

	"kodoferry/shared/emulator/ram"
)

// rights are the RAM actions that an operation takes (OSS, "RAM policy", section
// "OSS Action classification"). What is not here no policy can allow here:
// operations that take the rights of several objects, and those that nobody has needed.
var rights = map[string]string{
	"buckets": "oss:ListBuckets",

	"list": "oss:ListObjects", "list-versions": "oss:ListObjectVersions", "list-uploads": "oss:ListMultipartUploads",
	"bucket-info": "oss:GetBucketInfo", "bucket-location": "oss:GetBucketLocation", "bucket-stat": "oss:GetBucketStat",
	"bucket-acl": "oss:GetBucketAcl", "put-bucket-acl": "oss:PutBucketAcl",
	"versioning": "oss:GetBucketVersioning", "put-versioning": "oss:PutBucketVersioning",
	"get-lifecycle": "oss:GetBucketLifecycle", "put-lifecycle": "oss:PutBucketLifecycle", "get-worm": "oss:GetBucketWorm",
	"create-bucket": "oss:PutBucket", "delete-bucket": "oss:DeleteBucket",

	"get": "oss:GetObject", "head": "oss:GetObject", "meta": "oss:GetObject",
	"put": "oss:PutObject", "append": "oss:PutObject", "begin": "oss:PutObject", "put-part": "oss:PutObject", "complete": "oss:PutObject",
	"delete": "oss:DeleteObject", "abort": "oss:AbortMultipartUpload", "list-parts": "oss:ListParts",
	"acl": "oss:GetObjectAcl", "put-acl": "oss:PutObjectAcl", "restore": "oss:RestoreObject",
	"tagging": "oss:GetObjectTagging", "put-tagging": "oss:PutObjectTagging", "delete-tagging": "oss:DeleteObjectTagging",
}

// permit holds the request against the policy of who signed it.
func (c *call) permit(rt *route) error {
	if c.who == nil || c.who.Policy == nil {
		return nil
	}
	if !c.may(rights[rt.op]) {
		return accessDenied(unknownEC, "You have no right to access this object because of ram policy.")
	}
	// Error page 0003-00000905: who names tags takes the right to set them, too.
	if c.r.Header.Get("X-Oss-Tagging") != "" && !c.may("oss:PutObjectTagging") {
		return accessDenied("0003-00000905", "You do not have write acl permission on this object")
	}
	return nil
}

// may asks the policy for one action on what the request is about.
func (c *call) may(action string) bool {
	resource := "acs:oss:" + c.s.region + ":" + ownerID + ":"
	switch {
	case c.key != "":
		resource += c.bucket + "/" + c.key
	case c.bucket != "":
		resource += c.bucket
	default:
		resource += "*"
	}
	return c.who.Policy.Allows(ram.Request{Action: action, Resource: resource, Condition: map[string]string{"oss:Prefix": c.value("prefix"), "oss:Delimiter": c.value("delimiter")}})
}

// discreet is err, or a denial where err tells that an object is missing to
// somebody who may not list: OSS's pages do not say whether it answers so, as S3
// does, and the stricter of the two is what a policy must stand.
func (c *call) discreet(err error) error {
	missing, ok := errors.AsType[*apiError](err)
	if !ok || c.who == nil || c.who.Policy == nil || missing.code != "NoSuchKey" {
		return err
	}
	listing := ram.Request{Action: "oss:ListObjects", Resource: "acs:oss:" + c.s.region + ":" + ownerID + ":" + c.bucket}
	if c.who.Policy.Allows(listing) {
		return err
	}
	return accessDenied(unknownEC, "You have no right to access this object because of ram policy.")
}
