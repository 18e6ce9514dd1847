// Package oss is the driver for Alibaba Cloud OSS: a store.Target,
// store.Multipart and store.Lister. Start with Open, then Check.
//
// Requests are addressed, signed with V4 and sent here, each exactly once: with
// the vendor's Go SDK (v3) that took a tenth of the processor time of a small
// object. The SDK's types read error documents, and a test holds every
// signature against the SDK's own. Below, net/http sends a request a second
// time only where a connection that was used before turned out closed: a GET or
// HEAD before it was answered, any other before a byte was written. List, Stat
// and Parts try again themselves; nothing else does.
//
//	oss.go        Config, Open, Bucket, CheckKey
//	endpoint.go   which host, and how the bucket is named in the address
//	wire.go       one request: transport, signing, answer
//	classify.go   what an answer means, as a fault.Kind
//	check.go      Check and Versioned: mistakes of configuration, in sentences
//	put.go        Put, and how a body is sent (body.go)
//	meta.go       how metadata and headers travel
//	get.go        Stat, Open, Delete
//	list.go       List and Entries (page.go decodes a page)
//	multipart.go  Begin, PutPart, Parts, Finish, Abort, Unfinished
package oss

import (
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"unicode/utf8"

	sdk "github.com/aliyun/aliyun-oss-go-sdk/oss"
	"github.com/cenkalti/backoff/v5"

	"kodoferry/shared/fault"
	"kodoferry/shared/store"
	"kodoferry/shared/transport"
)

// Limits of the service (OSS user guide: object naming, limits, UploadPart).
const (
	maxKey    = 1023    // bytes
	maxPut    = 5 << 30 // bytes of one PutObject or part
	maxParts  = 10_000  // highest part number
	smallBody = 1 << 20 // bytes; up to here a body is read before the request is made
)

// Credentials sign requests.
type Credentials struct {
	AccessKeyID     string
	AccessKeySecret string
	SecurityToken   string // of temporary credentials, "" of permanent ones
}

// Config says which bucket, where, and as whom.
type Config struct {
	Bucket string // 3 to 63 lower-case letters, digits and hyphens
	Region string // "cn-hangzhou"; required, it is part of the signature

	// Endpoint is "" or "public", "internal" (from inside the region's network,
	// without traffic fees), "accelerate", or a host[:port] or URL: of OSS, of
	// a custom domain bound to the bucket (taken as one unless it ends in
	// aliyuncs.com, is an address, or PathStyle is set), or of a stand-in.
	// What names no scheme is https; with Insecure http, unless it is OSS's own.
	Endpoint string

	PathStyle bool // put the bucket in the path; always so where the host is an IP address or localhost
	Insecure  bool // allow an http:// endpoint

	LeastRate int64 // bytes a second that a connection must carry while it is waited for; 0 is 1 KiB
	Recheck   bool  // ask once more where a listing of a bucket or prefix says that it is over, behind its last key

	// Credentials is asked for every request, from many goroutines, so that
	// the newest credentials of a role are taken up as a whole.
	Credentials func() Credentials
}

// Bucket is one bucket of OSS. It implements store.Target,
// store.Multipart and store.Lister and is safe for concurrent use.
type Bucket struct {
	name, region string
	where        endpoint
	credentials  func() Credentials
	scheme, host string // of every URL
	path         string // before a key
	signing      atomic.Pointer[stamp]
	transport    *http.Transport
	trip         http.RoundTripper // a Direct over transport
	lender       lender
	recheck      bool
	pause        func() backoff.BackOff // between tries
}

var (
	_ store.Target    = (*Bucket)(nil)
	_ store.Multipart = (*Bucket)(nil)
)

// String names the bucket as a location does.
func (b *Bucket) String() string { return "oss://" + b.name + "/" }

// Open returns the bucket that cfg describes. It makes no request. Its error is
// Invalid and names every mistake in cfg at once.
func Open(cfg Config) (*Bucket, error) {
	where, err := locate(cfg)
	wrong := []error{err}
	if err := sdk.CheckBucketName(cfg.Bucket); err != nil {
		wrong = append(wrong, fault.Errorf("bucket %q: want 3 to 63 lower-case letters, digits and hyphens, with no hyphen at either end", cfg.Bucket))
	}
	if err := checkRegion(cfg.Region); err != nil {
		wrong = append(wrong, err)
	}
	if cfg.Credentials == nil {
		wrong = append(wrong, errors.New("no credentials: an access key id and secret, or those of a role, are needed"))
	}
	if err := errors.Join(wrong...); err != nil {
		return nil, fault.New(fault.Invalid, "oss.Open", cfg.Bucket, err)
	}
	b := &Bucket{
		name: cfg.Bucket, region: cfg.Region, where: where, credentials: cfg.Credentials,
		transport: newTransport(cfg.LeastRate), pause: store.Pauses, recheck: cfg.Recheck,
	}
	b.trip = transport.NewDirect(b.transport)
	b.scheme, _, _ = strings.Cut(where.url, "://")
	b.host, b.path = where.host, "/"
	switch {
	case where.pathStyle:
		b.path = "/" + b.name + "/"
	case !where.cname:
		b.host = b.name + "." + b.host
	}
	return b, nil
}

func checkRegion(region string) error {
	bare := strings.TrimPrefix(region, "oss-")
	switch {
	case region == "":
		return errors.New("no region: it is part of the signature; write the bucket's, as in cn-hangzhou")
	case strings.Trim(region, "abcdefghijklmnopqrstuvwxyz0123456789-") != "":
		return fault.Errorf("region %q: want the bucket's region, as in cn-hangzhou", region)
	case bare != region:
		return fault.Errorf("region %q: write it without oss-, as %s", region, bare)
	}
	return nil
}

// CloseIdle closes connections that no request uses. A function calls it when
// it wakes from a freeze, because the other side may have closed them meanwhile.
func (b *Bucket) CloseIdle() {
	if t, ok := b.trip.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}

// CheckKey says whether OSS can hold key: 1 to 1,023 bytes of UTF-8 that do not
// begin with a slash or backslash (OSS user guide, object naming). If not, the
// error is Invalid and names the cure. It makes no request.
func (b *Bucket) CheckKey(key string) error {
	var err error
	switch {
	case key == "":
		err = errors.New("OSS has no empty keys; give the target a prefix, as in oss://bucket/old/")
	case key[0] == '/' || key[0] == '\\':
		err = fault.Errorf("OSS takes no key that begins with %q; give the target a prefix, as in oss://bucket/old/", key[0])
	case len(key) > maxKey:
		err = fault.Errorf("the key has %d bytes, OSS takes %d; give the target a shorter prefix or rename the source object", len(key), maxKey)
	case !utf8.ValidString(key):
		err = errors.New("OSS takes no key that is not UTF-8; rename the source object")
	default:
		return nil
	}
	return fault.New(fault.Invalid, "oss.CheckKey", key, err)
}
