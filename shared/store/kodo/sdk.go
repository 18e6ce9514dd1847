package kodo

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"sync"

	"github.com/qiniu/go-sdk/v7/storagev2/apis"
	sdkhttp "github.com/qiniu/go-sdk/v7/storagev2/http_client"
	regions "github.com/qiniu/go-sdk/v7/storagev2/region"
	"github.com/qiniu/go-sdk/v7/storagev2/resolver"
	"github.com/qiniu/go-sdk/v7/storagev2/retrier"
	"github.com/qiniu/go-sdk/v7/storagev2/uplog"

	"kodoferry/shared/fault"
)

// What goes through the vendor's SDK, and what is by hand, with the reason:
//
//	region query, stat, batch, event rules  the SDK makes and signs the request
//	their answers                           the region and the rules are the SDK's structs; what describes objects is
//	                                        read by item, as in listings: the SDK's structs do not tell a size of 0 from
//	                                        none, and an odd time of one object fails the whole answer
//	/list                                   by hand: 1,000 keys a request, decoded in a quarter of the time
//	downloads and their heads               by hand: one each an object, signed with memory that is used again
//	/v6/space and /v6/count                 by hand: the SDK has no such call
//
// The SDK's own tries, DNS cache, frozen hosts, region cache and reports to its
// vendor are off: they wait without an eye on the context, and write files.

// never lets the SDK make each request once: store.Retry is what tries again.
var never = &sdkhttp.RetryConfig{Retrier: retrier.NewNeverRetrier()}

// quiet turns off what the SDK does by itself, once for the process, as it is
// global in the SDK: reports on each request, and a look every minute for a file
// of reports in the directory of temporary files, which it would send.
var quiet = sync.OnceFunc(func() {
	uplog.DisableUplog()
	uplog.SetUplogFileBufferDirPath(os.DevNull) // which holds no file
})

// newSDK returns the SDK's client of b. Each call names its host. It is made for a
// call and not kept: as a field of Bucket, whose type reflection can reach, all 60
// of its methods would be linked, 0.6 MB.
func newSDK(b *Bucket) *apis.Storage {
	return apis.NewStorage(&sdkhttp.Options{
		BasicHTTPClient: &messenger{b}, Credentials: b.keys, HostRetryConfig: never, HostsRetryConfig: never,
		Resolver:   resolver.NewResolver(func(context.Context, string) ([]net.IP, error) { return nil, nil }), // the transport resolves
		BeforeSign: undate,
	})
}

// undate drops the time that the SDK would sign: it has to be right within minutes,
// and nothing else here needs a clock that is.
func undate(r *http.Request) { r.Header.Del("X-Qiniu-Date") }

// ask makes r by call, which makes one request through the SDK and gets its
// context and options, with base as the host.
func ask[T any](ctx context.Context, b *Bucket, r request, base string, call func(context.Context, *apis.Options) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, callTime, errSlow)
	defer cancel()
	ctx = context.WithValue(ctx, asked{}, &r)
	found, err := call(ctx, &apis.Options{OverwrittenEndpoints: regions.Endpoints{Preferred: []string{base}}, OverwrittenBucketName: b.cfg.Bucket})
	if err == nil {
		return found, nil
	}
	own, ok := errors.AsType[*fault.Error](err)
	switch cause := errors.Unwrap(err); {
	case ok:
		err = own
	case !r.answered:
		err = fault.New(fault.Invalid, r.op, r.key, fault.Errorf("cannot be asked for: %w", err))
	case cause != nil: // what is around it repeats the whole answer
		err = r.unreadable(cause)
	default:
		err = r.unreadable(err)
	}
	var none T
	return none, err
}

// asked is the context's key of the request that the SDK makes.
type asked struct{}

// messenger is the SDK's way out: the bucket's transport, with the limits and the
// faults of this driver.
type messenger struct{ b *Bucket }

// Do implements the SDK's BasicHTTPClient. An answer that is no success, or is not
// what the request reads, is a fault.
func (m *messenger) Do(req *http.Request) (*http.Response, error) {
	r, ok := req.Context().Value(asked{}).(*request)
	if !ok {
		return nil, errors.New("the SDK asks for what nobody asked it for")
	}
	undate(req) // of what is not signed
	resp, data, err := m.b.exchange(req, *r)
	if err != nil {
		return nil, err
	}
	r.answered = true
	if r.read != nil {
		if err := r.read(data); err != nil {
			return nil, r.unreadable(err)
		}
	}
	if r.own {
		data = []byte("null")
	}
	if resp.Header.Get("X-Reqid") == "" {
		// The SDK takes what has none for somebody else's answer. The document is
		// held against what it must be instead, as proxies drop headers.
		resp.Header.Set("X-Reqid", "none")
	}
	resp.Body = io.NopCloser(bytes.NewReader(data))
	return resp, nil
}
