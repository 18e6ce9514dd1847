package oss

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	sdk "github.com/aliyun/aliyun-oss-go-sdk/oss"
)

const (
	idlePerHost  = 256
	stallTime    = time.Minute // OSS closes a connection that is silent for as long
	maxErrorBody = 1 << 20     // bytes of an error answer that are read
)

// newTransport returns a transport of the driver's own. With 64 transfers at
// once its buffers take 6 MiB, with every idle connection kept 24 MiB. Bodies
// take 64 MiB more at worst (64 of 1 MiB; a stream takes 128 KiB), so that all
// of it is less than half of a function's 256 MiB.
func newTransport() *http.Transport {
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
	return &http.Transport{
		Proxy: http.ProxyFromEnvironment,
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			c, err := dialer.DialContext(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			return impatient{c}, nil
		},
		TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout: 10 * time.Second,
		MaxIdleConnsPerHost: idlePerHost,
		IdleConnTimeout:     45 * time.Second, // below OSS's minute
		// Counted from the end of the body. Completing 10,000 parts may take long.
		ResponseHeaderTimeout: 90 * time.Second,
		ExpectContinueTimeout: time.Second, // then the body goes out all the same
		DisableCompression:    true,        // the bytes are those that are stored
		WriteBufferSize:       64 << 10,
		ReadBufferSize:        32 << 10,
		TLSNextProto:          map[string]func(string, *tls.Conn) http.RoundTripper{}, // HTTP/1.1: a connection for each transfer
	}
}

// impatient fails a write that makes no progress for a minute, where TCP
// would try for a quarter of an hour.
type impatient struct{ net.Conn }

func (c impatient) Write(p []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(stallTime)); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}

func newClient(b *Bucket) (*sdk.Client, error) {
	return sdk.New(b.where.url, "", "",
		sdk.AuthVersion(sdk.AuthV4), sdk.Region(b.region), sdk.SetCredentialsProvider(provider{b.credentials}),
		sdk.UseCname(b.where.cname), sdk.ForcePathStyle(b.where.pathStyle),
		sdk.EnableCRC(false), // the pipeline computes it once; here it would be a second time
		sdk.UserAgent("kodoferry"),
		sdk.HTTPClient(&http.Client{Transport: wire{b.transport}}))
}

// provider hands the SDK one consistent set of credentials for each request.
type provider struct{ ask func() Credentials }

type keys Credentials

func (k keys) GetAccessKeyID() string     { return k.AccessKeyID }
func (k keys) GetAccessKeySecret() string { return k.AccessKeySecret }
func (k keys) GetSecurityToken() string   { return k.SecurityToken }

var errNoKeys = errors.New("no credentials: the access key id or its secret is empty")

func (p provider) GetCredentials() sdk.Credentials { return keys(p.ask()) }

func (p provider) GetCredentialsE() (sdk.Credentials, error) {
	c := p.ask()
	if c.AccessKeyID == "" || c.AccessKeySecret == "" {
		return nil, errNoKeys
	}
	return keys(c), nil
}

// answer is what came back of a request, as far as it came.
type answer struct {
	status int
	header http.Header
	body   io.ReadCloser // nil after an error
}

func (a *answer) get(name string) string { return a.header.Get(name) }

// close makes the connection free for the next request.
func (a *answer) close() {
	if a.body != nil {
		_, _ = io.CopyN(io.Discard, a.body, maxErrorBody)
		_ = a.body.Close()
	}
}

type answerKey struct{}

// wire stands between the SDK and the transport. It notes status and header of
// each answer for classify, because the SDK drops both where the error document
// is not one of OSS's; it bounds what is read of such a document; and it
// turns redirects into errors, whose bodies the SDK would leave open.
type wire struct{ next http.RoundTripper }

func (w wire) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := w.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if a, ok := r.Context().Value(answerKey{}).(*answer); ok {
		a.status, a.header = resp.StatusCode, resp.Header
	}
	if resp.StatusCode >= 300 {
		resp.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(resp.Body, maxErrorBody), resp.Body}
	}
	if resp.StatusCode/100 == 3 {
		to := resp.Header.Get("Location")
		_ = resp.Body.Close()
		return nil, &redirect{resp.StatusCode, hostOf(to)}
	}
	return resp, nil
}

// redirect is an answer that sends elsewhere: the endpoint is not the bucket's.
type redirect struct {
	status int
	host   string
}

func (e *redirect) Error() string {
	return fmt.Sprintf("status %d sends to %q: that, not this, is the endpoint to use", e.status, e.host)
}

func hostOf(location string) string {
	_, rest, _ := strings.Cut(location, "://")
	host, _, _ := strings.Cut(rest, "/")
	return host
}

// request is one request to the bucket.
type request struct {
	op     string // for errors: "oss.Put"
	method string
	key    string
	params map[string]any // string values; nil where there is only a name
	header map[string]string
	body   io.Reader // nil, or a *io.LimitedReader: its N becomes the Content-Length
}

// send makes one request, once. An answer other than 2xx is an error; the
// caller closes any other.
func (b *Bucket) send(ctx context.Context, r request) (*answer, error) {
	a := &answer{}
	resp, err := b.client.Conn.DoWithContext(context.WithValue(ctx, answerKey{}, a),
		r.method, b.name, r.key, r.params, r.header, r.body, 0, nil)
	if err != nil {
		return a, b.classify(r.op, r.key, err, a)
	}
	a.body = resp.Body
	return a, nil
}
