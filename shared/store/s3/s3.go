// Package s3 is the driver for buckets behind an S3-compatible interface, Kodo's
// among them: a store.Source. Start with Open, then Check.
//
// Requests are addressed and sent here, each exactly once, as in the other
// drivers, and signed by AWS's own signer: four kinds of request are no reason for
// AWS's client, which adds 4 MB to every function, and nothing then retries,
// decompresses, adds checksums or tidies up a key on the way. A test holds
// every request against that client's.
//
//	s3.go       Config, Open, Bucket
//	call.go     one request: transport, address, signature, answer
//	classify.go what an answer that is no success means
//	check.go    Check: mistakes of configuration, in sentences
//	list.go     List, FirstPage; page.go decodes a page, frozen.go asks what is thawed
//	get.go      Stat, Open; describe.go reads what an answer says of an object
//	thaw.go     Thaw
package s3

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/cenkalti/backoff/v5"

	"kodoferry/shared/fault"
	"kodoferry/shared/store"
	"kodoferry/shared/transport"
)

// Credentials sign requests.
type Credentials struct {
	AccessKeyID     string
	SecretAccessKey string
	SessionToken    string // of temporary credentials, "" of permanent ones
}

// Config says which bucket, where, and as whom.
type Config struct {
	Bucket string // its name at the S3 interface, which may differ from the one elsewhere
	Region string // required, it is part of the signature; us-east-1 where a service has none

	// Endpoint is the service's host[:port] or URL. The bucket is put into the
	// path; a service that wants it in the host is named by both,
	// photos.s3.example.com: where the host begins with the bucket's name and a
	// dot, the path has the key alone. What names no scheme is https.
	Endpoint string
	Insecure bool // allow an http:// endpoint

	// Credentials is asked for every request, from many goroutines.
	Credentials func() Credentials
	Variables   string // what the user calls the two keys, for sentences; "": the credentials

	PageSize  int               // keys a listing request, 1..1,000; 0 is 1,000
	LeastRate int64             // bytes a second that a connection must carry while it is waited for; 0 is 1 KiB
	Transport http.RoundTripper // nil: one of the bucket's own, which is what CloseIdle is for
	Now       func() time.Time  // nil: time.Now
}

// Bucket is one bucket. It implements store.Source and is safe for concurrent use.
type Bucket struct {
	cfg          Config
	scheme, host string                 // of the endpoint
	inHost       bool                   // the host names the bucket
	tells        bool                   // a listing tells of every archived object whether it is thawed
	signer       *v4.Signer             // AWS's own, which keeps the day's key
	coding       atomic.Int32           // codingUnknown, …True or …Plain
	pause        func() backoff.BackOff // between tries
}

var (
	_ store.Source = (*Bucket)(nil)
	_ store.Pager  = (*Bucket)(nil)
	_ store.Termed = (*Bucket)(nil)
	_ store.Thawer = (*Bucket)(nil)
)

const (
	maxPage = 1000 // keys a listing request (S3 API reference, ListObjectsV2)
	maxKey  = 1024 // bytes (S3 user guide, "Naming Amazon S3 objects")
)

// Open returns the bucket that cfg describes. It makes no request. Its error is
// Invalid and names every mistake in cfg at once.
func Open(cfg Config) (*Bucket, error) {
	var wrong []error
	bad := func(format string, args ...any) { wrong = append(wrong, fmt.Errorf(format, args...)) }
	once := func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true } // a path of S3 is escaped once
	b := &Bucket{cfg: cfg, pause: store.Pauses, signer: v4.NewSigner(once)}
	if cfg.Bucket == "" || strings.Contains(cfg.Bucket, "/") {
		bad("bucket %q: name the one to read", cfg.Bucket)
	}
	if cfg.Region == "" {
		bad("no region: it is part of the signature; write the bucket's, or us-east-1 where the service has none")
	}
	if cfg.Credentials == nil {
		bad("no credentials: an access key and a secret key are needed")
	}
	if cfg.PageSize < 0 || cfg.PageSize > maxPage {
		bad("a page of %d keys: S3 lists 1 to %d at a time", cfg.PageSize, maxPage)
	}
	if err := b.locate(); err != nil {
		wrong = append(wrong, err)
	}
	if err := errors.Join(wrong...); err != nil {
		return nil, fault.New(fault.Invalid, "s3.Open", cfg.Bucket, err)
	}
	if b.cfg.PageSize == 0 {
		b.cfg.PageSize = maxPage
	}
	if b.cfg.Variables == "" {
		b.cfg.Variables = "the credentials"
	}
	if b.cfg.Now == nil {
		b.cfg.Now = time.Now
	}
	if b.cfg.Transport == nil {
		b.cfg.Transport = transport.NewDirect(store.NewTransport(answerTime, silenceTime, idleTime, store.AtLeast(cfg.LeastRate)))
	}
	return b, nil
}

// locate takes the endpoint apart.
func (b *Bucket) locate() error {
	raw := b.cfg.Endpoint
	if !strings.Contains(raw, "://") {
		raw = "https://" + raw
		if u, err := url.Parse(raw); err == nil && b.cfg.Insecure && !official(u.Hostname()) {
			raw = "http://" + b.cfg.Endpoint
		}
	}
	u, err := url.Parse(raw)
	switch {
	case b.cfg.Endpoint == "":
		return errors.New("no endpoint: name the service's host")
	case err != nil || u.Hostname() == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil:
		// The text itself is not repeated: it may hold a password.
		return errors.New("endpoint: want a host[:port] or https://host[:port], and nothing more")
	case u.Scheme != "http" && u.Scheme != "https":
		return fmt.Errorf("endpoint %s: the scheme is https, or http with insecure=true", u.Host)
	case u.Scheme == "http" && !b.cfg.Insecure:
		return fmt.Errorf("endpoint %s: http sends the data in the clear; use https, or allow it with insecure=true", u.Host)
	}
	b.scheme, b.host = u.Scheme, u.Host
	b.inHost = b.cfg.Bucket != "" && strings.HasPrefix(u.Hostname(), b.cfg.Bucket+".")
	b.tells = strings.HasSuffix(u.Hostname(), ".amazonaws.com") || strings.HasSuffix(u.Hostname(), ".amazonaws.com.cn")
	return nil
}

// official reports whether host is AWS's or Kodo's.
func official(host string) bool {
	host = strings.ToLower(host)
	return strings.HasSuffix(host, ".amazonaws.com") || strings.HasSuffix(host, ".amazonaws.com.cn") || strings.HasSuffix(host, ".qiniucs.com")
}

// Terms implements store.Termed.
func (b *Bucket) Terms() store.Terms {
	t := store.Terms{
		Thaw:   "RestoreObject",
		Untold: []string{"a listing of S3 tells neither headers nor metadata: what OSS cannot keep of them shows in the run, not here"},
	}
	if host, _, _ := strings.Cut(strings.ToLower(b.host), ":"); strings.HasSuffix(host, ".qiniucs.com") {
		t.Untold = append(t.Untold, "a listing of S3 does not tell which objects are disabled at Kodo: they count as to be copied, and fail")
	}
	return t
}

// CloseIdle closes idle connections, as after an instance was frozen.
func (b *Bucket) CloseIdle() {
	if t, ok := b.cfg.Transport.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}
