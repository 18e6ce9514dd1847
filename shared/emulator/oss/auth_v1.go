package oss

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// signedV1 are the parameters that belong to the canonicalized resource of
// version 1, besides all that begin with x-oss-: those that either SDK signs.
var signedV1 = map[string]bool{
	"acl": true, "uploads": true, "location": true, "cors": true, "logging": true, "website": true, "referer": true,
	"lifecycle": true, "delete": true, "append": true, "tagging": true, "objectMeta": true, "uploadId": true,
	"partNumber": true, "security-token": true, "position": true, "img": true, "style": true, "styleName": true,
	"replication": true, "replicationProgress": true, "replicationLocation": true, "cname": true, "bucketInfo": true,
	"comp": true, "qos": true, "live": true, "status": true, "vod": true, "startTime": true, "endTime": true,
	"symlink": true, "response-content-type": true, "response-content-language": true, "response-expires": true,
	"response-cache-control": true, "response-content-disposition": true, "response-content-encoding": true,
	"udf": true, "udfName": true, "udfImage": true, "udfId": true, "udfImageDesc": true, "udfApplication": true,
	"udfApplicationLog": true, "restore": true, "callback": true, "callback-var": true, "qosInfo": true,
	"policy": true, "stat": true, "encryption": true, "versions": true, "versioning": true, "versionId": true,
	"requestPayment": true, "sequential": true, "inventory": true, "inventoryId": true, "continuation-token": true,
	"asyncFetch": true, "worm": true, "wormId": true, "wormExtend": true, "withHashContext": true,
	"transferAcceleration": true, "regionList": true, "cloudboxes": true, "metaQuery": true, "resourceGroup": true,
	"rtc": true, "responseHeader": true, "cleanRestoredObject": true,
}

// headerV1 checks `Authorization: OSS <id>:<signature>`.
func (c *call) headerV1(header string) (*heldCredential, error) {
	id, signature, ok := strings.Cut(strings.TrimPrefix(header, "OSS "), ":")
	if !ok || id == "" || signature == "" {
		return nil, refuse(400, "InvalidArgument", "0002-00000065", "Authorization header is invalid.").with("ArgumentName", "Authorization", "ArgumentValue", header)
	}
	// Clients that may not set a Date, as those in browsers, send x-oss-date, and
	// sign it in place of the Date as well as among the x-oss- headers.
	date := cmp.Or(c.r.Header.Get("X-Oss-Date"), c.r.Header.Get("Date"))
	who, err := c.credentialAt(date, id)
	if err != nil {
		return nil, err
	}
	return who, c.checkV1(who, date, signature)
}

// queryV1 checks a URL with OSSAccessKeyId, Expires and Signature.
func (c *call) queryV1() (*heldCredential, error) {
	id, expires, signature := c.value("OSSAccessKeyId"), c.value("Expires"), c.value("Signature")
	if id == "" || expires == "" || signature == "" {
		return nil, accessDenied(unknownEC, "Query-string authentication requires the Signature, Expires and OSSAccessKeyId parameters.")
	}
	end, err := strconv.ParseInt(expires, 10, 64)
	if err != nil {
		return nil, accessDenied(unknownEC, "Invalid date (should be seconds since epoch): "+expires)
	}
	if at := time.Unix(end, 0); c.s.now().After(at) {
		return nil, c.expired(at)
	}
	who, err := c.s.credential(id, c.value("security-token"))
	if err != nil {
		return nil, err
	}
	return who, c.checkV1(who, expires, signature)
}

func (c *call) checkV1(who *heldCredential, date, signature string) error {
	if c.s.trusts {
		return nil
	}
	toSign := c.toSignV1(date)
	mac := hmac.New(sha1.New, []byte(who.Secret))
	mac.Write([]byte(toSign))
	want := base64.StdEncoding.EncodeToString(mac.Sum(nil))
	if !hmac.Equal([]byte(want), []byte(signature)) {
		return c.mismatch("0002-00000040", who.ID, signature, toSign, "")
	}
	return nil
}

// toSignV1 is method, Content-MD5, Content-Type, date, x-oss- headers and
// resource, on a line each (OSS, "Include a V1 signature").
func (c *call) toSignV1(date string) string {
	h := c.r.Header
	var b strings.Builder
	b.WriteString(c.r.Method + "\n" + h.Get("Content-Md5") + "\n" + h.Get("Content-Type") + "\n" + date + "\n")
	for _, f := range c.ossHeaders() {
		b.WriteString(f.name + ":" + f.value + "\n")
	}
	b.WriteString("/")
	if c.bucket != "" {
		b.WriteString(c.bucket + "/" + c.key)
	}
	var signed []pair
	for _, p := range c.query {
		if signedV1[p.name] || strings.HasPrefix(p.name, "x-oss-") {
			signed = append(signed, p)
		}
	}
	slices.SortStableFunc(signed, func(a, b pair) int { return strings.Compare(a.name, b.name) })
	for i, p := range signed {
		b.WriteByte("&?"[b2i(i == 0)])
		b.WriteString(p.name)
		if p.value != "" {
			b.WriteString("=" + p.value)
		}
	}
	return b.String()
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// ossHeaders are those of the request: its signature and what is kept of it depend on them.
func (c *call) ossHeaders() []pair {
	if c.own == nil {
		c.own = ossHeaders(c.r.Header)
	}
	return c.own
}

// ossHeaders returns the x-oss- headers by their lower-case names, in order. Names that no
// header can have come from forms.
func ossHeaders(h http.Header) []pair {
	const prefix = "x-oss-"
	fields := make([]pair, 0, 16) // more than most requests sign
	for name, values := range h {
		if len(name) >= len(prefix) && strings.EqualFold(name[:len(prefix)], prefix) {
			fields = append(fields, pair{lower(name), joined(values)})
		}
	}
	slices.SortFunc(fields, byName)
	return fields
}

// lowered has names of headers in lower case, by how they came: most requests have the same.
var lowered atomic.Pointer[map[string]string]

// maxLowered is how many names are kept: clients may send any number of others.
const maxLowered = 256

// lower is name in lower case.
func lower(name string) string {
	known := lowered.Load()
	if known != nil {
		if low, ok := (*known)[name]; ok {
			return low
		}
	}
	low := strings.ToLower(name)
	if known == nil || len(*known) < maxLowered {
		more := map[string]string{name: low}
		if known != nil {
			maps.Copy(more, *known)
		}
		lowered.CompareAndSwap(known, &more) // who comes second does so again, some time
	}
	return low
}

func byName(a, b pair) int { return strings.Compare(a.name, b.name) }

// namedIn reports whether one of fields has that name.
func namedIn(fields []pair, name string) bool {
	return slices.ContainsFunc(fields, func(f pair) bool { return f.name == name })
}

// credentialAt returns the credential id, for a request of the header's date, which must
// be near the clock's.
func (c *call) credentialAt(date, id string) (*heldCredential, error) {
	at, ok := c.s.dateOf(date)
	if !ok {
		return nil, noDate()
	}
	if err := c.checkSkew(at); err != nil {
		return nil, err
	}
	return c.s.credential(id, c.r.Header.Get("X-Oss-Security-Token"))
}
