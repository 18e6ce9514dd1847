package oss

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"kodoferry/shared/emulator/chaos"
)

// level says what a request is about.
type level int

const (
	ofService level = iota
	ofBucket
	ofObject
)

// right is what nobody (a request without a signature) needs to do an operation.
type right int

const (
	ownerOnly right = iota // never
	anyReader              // public-read
	anyWriter              // public-read-write
	inForm                 // what the form says, which the operation reads
)

// route ties an operation's name to the requests that mean it. mark is the
// parameter, and header the header, that tells it from others of its method.
type route struct {
	op     string
	level  level
	method string
	mark   string
	header string
	right  right
	serve  func(*call) error
}

// routes is the table of operations; the first that matches a request is it.
// Its names are those that chaos rules, counts and Request use.
var routes = []route{
	{"regions", ofService, "GET", "regions", "", ownerOnly, (*call).regions},
	{"buckets", ofService, "GET", "", "", ownerOnly, (*call).listBuckets},

	{"bucket-info", ofBucket, "GET", "bucketInfo", "", ownerOnly, (*call).bucketInfo},
	{"bucket-location", ofBucket, "GET", "location", "", ownerOnly, (*call).bucketLocation},
	{"bucket-stat", ofBucket, "GET", "stat", "", ownerOnly, (*call).bucketStat},
	{"bucket-acl", ofBucket, "GET", "acl", "", ownerOnly, (*call).getBucketACL},
	{"put-bucket-acl", ofBucket, "PUT", "acl", "", ownerOnly, (*call).putBucketACL},
	{"versioning", ofBucket, "GET", "versioning", "", ownerOnly, (*call).getVersioning},
	{"put-versioning", ofBucket, "PUT", "versioning", "", ownerOnly, (*call).putVersioning},
	{"list-versions", ofBucket, "GET", "versions", "", anyReader, (*call).listVersions},
	{"list-uploads", ofBucket, "GET", "uploads", "", ownerOnly, (*call).listUploads},
	{"delete-many", ofBucket, "POST", "delete", "", ownerOnly, (*call).deleteMany},
	{"post", ofBucket, "POST", "", "", inForm, (*call).post},
	{"list", ofBucket, "GET", "list-type", "", anyReader, (*call).listV2},
	{"create-bucket", ofBucket, "PUT", "", "", ownerOnly, (*call).createBucket},
	{"delete-bucket", ofBucket, "DELETE", "", "", ownerOnly, (*call).deleteBucket},
	{"head-bucket", ofBucket, "HEAD", "", "", anyReader, (*call).headBucket},
	{"list", ofBucket, "GET", "", "", anyReader, (*call).listV1},

	{"acl", ofObject, "GET", "acl", "", ownerOnly, (*call).getACL},
	{"put-acl", ofObject, "PUT", "acl", "", ownerOnly, (*call).putACL},
	{"tagging", ofObject, "GET", "tagging", "", ownerOnly, (*call).getTagging},
	{"put-tagging", ofObject, "PUT", "tagging", "", ownerOnly, (*call).putTagging},
	{"delete-tagging", ofObject, "DELETE", "tagging", "", ownerOnly, (*call).deleteTagging},
	{"append", ofObject, "POST", "append", "", anyWriter, (*call).append},
	{"restore", ofObject, "POST", "restore", "", ownerOnly, (*call).restore},
	{"clean", ofObject, "POST", "cleanRestoredObject", "", ownerOnly, (*call).clean},
	{"begin", ofObject, "POST", "uploads", "", anyWriter, (*call).begin},
	{"complete", ofObject, "POST", "uploadId", "", anyWriter, (*call).complete},
	{"abort", ofObject, "DELETE", "uploadId", "", ownerOnly, (*call).abort},
	{"list-parts", ofObject, "GET", "uploadId", "", ownerOnly, (*call).listParts},
	{"copy-part", ofObject, "PUT", "uploadId", "X-Oss-Copy-Source", ownerOnly, (*call).copyPart},
	{"put-part", ofObject, "PUT", "uploadId", "", anyWriter, (*call).putPart},
	{"meta", ofObject, "HEAD", "objectMeta", "", anyReader, (*call).objectMeta},
	{"meta", ofObject, "GET", "objectMeta", "", anyReader, (*call).objectMeta},
	{"copy", ofObject, "PUT", "", "X-Oss-Copy-Source", ownerOnly, (*call).copy},
	{"put", ofObject, "PUT", "", "", anyWriter, (*call).put},
	{"get", ofObject, "GET", "", "", anyReader, (*call).get},
	{"head", ofObject, "HEAD", "", "", anyReader, (*call).head},
	{"delete", ofObject, "DELETE", "", "", anyWriter, (*call).delete},
}

// configs are the documents of a bucket that are kept as they come, and what
// reading a missing one answers (404): put-<name>, get-<name>, delete-<name>.
var configs = map[string]string{
	"lifecycle": "NoSuchLifecycle", "policy": "NoSuchBucketPolicy", "cors": "NoSuchCORSConfiguration",
	"website": "NoSuchWebsiteConfiguration", "encryption": "NoSuchServerSideEncryptionRule",
	"worm": "NoSuchWORMConfiguration", "replication": "NoSuchReplicationConfiguration",
	"inventory": "NoSuchInventory", "transferAcceleration": "NoSuchTransferAccelerationConfiguration",
	"tagging": "", "logging": "", "referer": "", "requestPayment": "", "accessmonitor": "", // never missing: see defaults
}

// unsupported are parameters that make a request another one than the rest of
// it says; without them here it would be mistaken: a GET for a listing, a PUT
// for a new object in place of the old.
var unsupported = []string{
	"x-oss-process", "x-oss-async-process", "callback", "asyncFetch", "live", "vod", "comp", "img", "qosInfo",
	"metaQuery", "select", "cname", "resourceGroup", "style", "styleName", "seal", "rtc", "replicationProgress", "replicationLocation",
	"publicAccessBlock", "policyStatus", "httpsConfig", "bucketArchiveDirectRead", "overwriteConfig", "redundancyTransition",
	"symlink", "objectWorm", "retention", "legalHold", "sequential", "withHashContext", "x-oss-hash-ctx", "x-oss-md5-ctx",
	"x-oss-enable-md5", "x-oss-enable-sha1", "x-oss-enable-sha256", "x-oss-ac-source-ip", "x-oss-ac-subnet-mask", "x-oss-ac-vpc-id", "x-oss-ac-forward-allow",
	"regionList", "qos", "status", "accessPoint", "accessPointPolicy", "accessPointForObjectProcess",
	"accessPointConfigForObjectProcess", "accessPointPolicyForObjectProcess", "dataPipeline", "responseHeader",
	"userDefinedLogFieldsConfig", "metadataConfiguration", "metadataInventoryTable", "metadataJournalTable", "cloudboxes",
	"wormId", "wormExtend", "quota", "udf", "udfName", "udfImage", "udfId", "udfImageDesc", "udfApplication", "udfApplicationLog",
}

// foreign are headers that do the same.
var foreign = []string{"X-Oss-Callback", "X-Oss-Symlink-Target", "X-Oss-Resource-Group-Id", "X-Oss-Agentic-Bucket"}

// foreign reports whether a request says what nothing here reads.
func (c *call) foreign() bool {
	return slices.ContainsFunc(c.query, func(p pair) bool { return slices.Contains(unsupported, p.name) }) ||
		slices.ContainsFunc(foreign, func(name string) bool { return c.r.Header.Get(name) != "" })
}

// Limits of x-oss-traffic-limit, bits per second (OSS, "Single-connection bandwidth
// throttling"). The limit itself is not kept to.
const minTraffic, maxTraffic = 245_760, 838_860_800

// bounded refuses a traffic limit that OSS does not take, in the query or a header, and a
// version where one is made, which has none yet.
func (c *call) bounded(rt *route) error {
	v := c.r.Header.Get("X-Oss-Traffic-Limit")
	if q, ok := c.param("x-oss-traffic-limit"); ok {
		v = q
	}
	if n, err := strconv.Atoi(v); v != "" && (err != nil || n < minTraffic || n > maxTraffic) {
		return badArgument("x-oss-traffic-limit", v, "The value of x-oss-traffic-limit must be an integer between 245760 and 838860800.")
	}
	makes := rt.level == ofObject && slices.Contains([]string{"put", "copy", "begin", "complete", "put-part", "copy-part"}, rt.op)
	if v, ok := c.param("versionId"); ok && makes {
		return badArgument("versionId", v, "The operation does not support versionId.")
	}
	return nil
}

// route finds the operation of a request. The name is "unknown" where there is none.
func (c *call) route() (*route, string, error) {
	at := ofService
	switch {
	case c.bucket != "" && c.key != "":
		at = ofObject
	case c.bucket != "":
		at = ofBucket
	}
	if c.foreign() {
		return nil, "unknown", notImplemented()
	}
	if at == ofBucket {
		for _, p := range c.query {
			if _, ok := configs[p.name]; ok {
				rt := &route{op: strings.ToLower(c.r.Method) + "-" + p.name, level: ofBucket, serve: func(c *call) error { return c.config(p.name) }}
				return rt, rt.op, nil
			}
		}
	}
	for i := range routes {
		rt := &routes[i]
		if rt.level == at && rt.method == c.r.Method && (rt.mark == "" || c.has(rt.mark)) && (rt.header == "" || c.r.Header.Get(rt.header) != "") {
			if rt.mark == "" && c.marked(at) {
				break
			}
			return rt, rt.op, nil
		}
	}
	return nil, "unknown", refuse(405, "MethodNotAllowed", unknownEC, "The specified method is not allowed against this resource.").with("Method", c.r.Method)
}

// marked reports whether a request names a part of its bucket or object. No
// plain operation may stand in for one there is none of: DELETE ?acl must not
// delete the object, nor PUT ?uploads empty it.
func (c *call) marked(at level) bool {
	for _, rt := range routes {
		if rt.level == at && rt.mark != "" && c.has(rt.mark) {
			return true
		}
	}
	return at == ofObject && c.has("partNumber") && c.r.Method == http.MethodPut
}

// ServeHTTP answers one request. It makes a Server an http.Handler, so that a
// test can put it behind a server of its own.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, hook) {
		s.corrupt(w, r)
		return
	}
	c := s.newCall(w, r)
	rt, op, err := c.route()
	if f := s.asked.Load(); f != nil {
		(*f)(Request{Op: op, Bucket: c.bucket, Key: c.key, Header: r.Header})
	}
	work := func(hollow bool) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			c.w, c.hollow = w, hollow
			if err == nil {
				err = c.do(rt)
			}
			if err != nil {
				c.fail(err)
			}
		}
	}
	var hollow http.HandlerFunc
	if op == "list" {
		hollow = work(true)
	}
	s.desk.Serve(w, r, chaos.Request{Op: op, Key: c.key}, work(false), hollow)
}

// do checks what every operation needs, and does it.
func (c *call) do(rt *route) error {
	if err := c.authenticate(); err != nil {
		return err
	}
	if c.bucket != "" && !validBucket(c.bucket) {
		return refuse(400, "InvalidBucketName", unknownEC, "The specified bucket is not valid.").with("BucketName", c.bucket)
	}
	if c.bucket != "" && rt.op != "create-bucket" {
		b, ok := c.s.bucket(c.bucket)
		if !ok && rt.op == "put-bucket-acl" && c.who != nil {
			return c.createBucket() // which a list for a missing bucket is (OSS, PutBucketAcl)
		}
		if !ok {
			return noSuchBucket(c.bucket)
		}
		c.b = b
	}
	if c.who == nil && rt.right != inForm {
		if err := c.anonymous(rt); err != nil {
			return err
		}
	}
	if err := c.permit(rt); err != nil {
		return err
	}
	if rt.level == ofObject {
		if err := checkKey(c.key); err != nil {
			return err
		}
	}
	if err := c.bounded(rt); err != nil {
		return err
	}
	return c.discreet(rt.serve(c))
}

// maxKey is how long a key may be, in bytes of UTF-8.
const maxKey = 1023

// checkKey holds a key against OSS's "Object naming conventions".
func checkKey(key string) error {
	switch {
	case key == "":
		return refuse(400, "InvalidObjectName", unknownEC, "The Object name can not be empty.")
	case len(key) > maxKey:
		return refuse(400, "InvalidObjectName", unknownEC, "The Length of Object name must be less than 1024.")
	case !utf8.ValidString(key), key[0] == '/', key[0] == '\\':
		return refuse(400, "InvalidObjectName", unknownEC, "The specified object is not valid.").with("ObjectName", strings.ToValidUTF8(key, "\uFFFD"))
	}
	return nil
}

// validBucket is OSS's rule for names: 3 to 63 lower-case letters, digits and
// hyphens, no hyphen at either end.
func validBucket(name string) bool {
	if len(name) < 3 || len(name) > 63 || name[0] == '-' || name[len(name)-1] == '-' {
		return false
	}
	for i := range len(name) {
		if c := name[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}
