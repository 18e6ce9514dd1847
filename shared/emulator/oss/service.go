package oss

import (
	"maps"
	"net/http"
	"slices"
	"strings"
)

// listBuckets is ListBuckets (GetService).
func (c *call) listBuckets() error {
	limit, err := c.number("max-keys", 1, 1000, 100)
	if err != nil {
		return err
	}
	tags, tag, err := c.wantedTags()
	if err != nil {
		return err
	}
	prefix, marker := c.value("prefix"), c.value("marker")
	c.s.mu.RLock()
	names := slices.Sorted(maps.Keys(c.s.buckets))
	all := maps.Clone(c.s.buckets)
	c.s.mu.RUnlock()
	names = slices.DeleteFunc(names, func(n string) bool { return n <= marker || !strings.HasPrefix(n, prefix) || !all[n].tagged(tags, tag) })
	x := newXML()
	x.open("ListAllMyBucketsResult")
	x.owner()
	if len(c.query) > 0 {
		x.text("Prefix", prefix)
		x.text("Marker", marker)
		x.number("MaxKeys", int64(limit))
		x.flag("IsTruncated", len(names) > limit)
	}
	if len(names) > limit {
		names = names[:limit]
		x.text("NextMarker", names[limit-1])
	}
	x.open("Buckets")
	for _, name := range names {
		b := all[name]
		x.open("Bucket")
		x.time("CreationDate", b.created)
		c.where(x)
		x.text("Name", name)
		x.text("Region", c.s.region)
		x.text("StorageClass", b.class.String())
		x.close("Bucket")
	}
	x.close("Buckets")
	x.close("ListAllMyBucketsResult")
	return c.xml(x)
}

// regions is DescribeRegions, of the one region there is.
func (c *call) regions() error {
	if v := c.value("regions"); v != "" && v != "oss-"+c.s.region {
		return refuse(404, "NoSuchRegion", unknownEC, "The region you specified does not exist.").with("Region", v)
	}
	x := newXML()
	x.open("RegionInfoList")
	x.open("RegionInfo")
	x.text("Region", "oss-"+c.s.region)
	x.text("InternetEndpoint", "oss-"+c.s.region+".aliyuncs.com")
	x.text("InternalEndpoint", "oss-"+c.s.region+"-internal.aliyuncs.com")
	x.text("AccelerateEndpoint", "oss-accelerate.aliyuncs.com")
	x.close("RegionInfo")
	x.close("RegionInfoList")
	return c.xml(x)
}

// where writes the endpoints and the location of a bucket.
func (c *call) where(x *xmlWriter) {
	x.text("ExtranetEndpoint", "oss-"+c.s.region+".aliyuncs.com")
	x.text("IntranetEndpoint", "oss-"+c.s.region+"-internal.aliyuncs.com")
	x.text("Location", "oss-"+c.s.region)
}

// createBucket is PutBucket.
func (c *call) createBucket() error {
	doc, some, err := c.document("CreateBucketConfiguration")
	if err != nil {
		return err
	}
	redundancy := doc.word("DataRedundancyType")
	if redundancy != "" && redundancy != "LRS" && redundancy != "ZRS" {
		return malformedXML()
	}
	kind := standard
	if v := doc.word("StorageClass"); some && v != "" {
		n, ok := named(classNames[:], v)
		if !ok {
			return malformedXML()
		}
		kind = class(n)
	}
	list, err := parseACL(c.r.Header.Get("X-Oss-Acl"), false)
	if err != nil {
		return err
	}
	c.s.mu.Lock()
	_, taken := c.s.buckets[c.bucket]
	if !taken {
		b := newBucket(c.bucket, c.s.now(), kind, max(list, aclPrivate))
		b.zones = redundancy == "ZRS"
		c.s.buckets[c.bucket] = b
	}
	c.s.mu.Unlock()
	if own := c.who.Token == ""; taken && own {
		return c.again(list)
	}
	if taken {
		return refuse(409, "BucketAlreadyExists", "0015-00000104", "The requested bucket name is not available. The bucket namespace is shared by all users of the system. Please select a different name and try again.").with("BucketName", c.bucket)
	}
	c.w.Header().Set("Location", "/"+c.bucket)
	return c.empty(http.StatusOK)
}

// again creates a bucket that is there. Keys without a token are taken for the
// account's own, which may do so and changes nothing but the list it names;
// anybody else, as whoever has temporary keys, is refused (error page 0015-00000104).
func (c *call) again(list acl) error {
	if b, ok := c.s.bucket(c.bucket); ok && list != aclDefault {
		b.mu.Lock()
		b.list = list
		b.mu.Unlock()
	}
	c.w.Header().Set("Location", "/"+c.bucket)
	return c.empty(http.StatusOK)
}

// deleteBucket is DeleteBucket. Versions and uploads that are not completed
// count, too.
func (c *call) deleteBucket() error {
	c.s.mu.Lock()
	c.b.mu.RLock()
	full := c.b.index.size > 0 || len(c.b.uploads) > 0
	c.b.mu.RUnlock()
	if !full {
		delete(c.s.buckets, c.bucket)
	}
	c.s.mu.Unlock()
	if full {
		return refuse(409, "BucketNotEmpty", "0015-00000301", "The bucket has objects. Please delete them first.").with("BucketName", c.bucket)
	}
	return c.empty(http.StatusNoContent)
}

func (c *call) headBucket() error {
	c.w.Header().Set("x-oss-bucket-region", c.s.region)
	return c.empty(http.StatusOK)
}

// bucketInfo is GetBucketInfo.
func (c *call) bucketInfo() error {
	c.b.mu.RLock()
	list, state := c.b.list, c.b.versioning
	c.b.mu.RUnlock()
	x := newXML()
	x.open("BucketInfo")
	x.open("Bucket")
	x.text("AccessMonitor", "Disabled")
	x.text("BlockPublicAccess", "false")
	x.text("Comment", "")
	x.time("CreationDate", c.b.created)
	x.text("CrossRegionReplication", "Disabled")
	redundancy := "LRS"
	if c.b.zones {
		redundancy = "ZRS"
	}
	x.text("DataRedundancyType", redundancy)
	c.where(x)
	x.text("Name", c.bucket)
	x.text("StorageClass", c.b.class.String())
	x.text("TransferAcceleration", "Disabled")
	if state != unversioned {
		x.text("Versioning", string(state))
	}
	x.owner()
	x.open("AccessControlList")
	x.text("Grant", list.String())
	x.close("AccessControlList")
	x.open("ServerSideEncryptionRule")
	x.text("SSEAlgorithm", "None")
	x.close("ServerSideEncryptionRule")
	x.open("BucketPolicy")
	x.text("LogBucket", "")
	x.text("LogPrefix", "")
	x.close("BucketPolicy")
	x.close("Bucket")
	x.close("BucketInfo")
	return c.xml(x)
}

func (c *call) bucketLocation() error {
	x := newXML()
	x.text("LocationConstraint", "oss-"+c.s.region)
	return c.xml(x)
}

// bucketStat is GetBucketStat.
func (c *call) bucketStat() error {
	c.b.mu.RLock()
	bytes, live, uploads := c.b.bytes, c.b.live, len(c.b.uploads)
	c.b.mu.RUnlock()
	x := newXML()
	x.open("BucketStat")
	x.number("Storage", bytes)
	x.number("ObjectCount", int64(live))
	x.number("MultipartUploadCount", int64(uploads))
	x.number("LiveChannelCount", 0)
	x.number("LastModifiedTime", c.s.now().Unix())
	x.number("StandardStorage", bytes)
	x.number("StandardObjectCount", int64(live))
	x.close("BucketStat")
	return c.xml(x)
}
