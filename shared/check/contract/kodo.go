package contract

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/qiniu/go-sdk/v7/auth"
	"github.com/qiniu/go-sdk/v7/client"
	"github.com/qiniu/go-sdk/v7/storage"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/store"
	"kodoferry/shared/store/storetest"
)

// Kodo writes to a prefix of a bucket at Kodo with the vendor's SDK, as any client of
// it would: the driver only reads.
type Kodo struct {
	keys   *auth.Credentials
	config *storage.Config
	bucket string
	prefix string
}

// NewKodo returns a Kodo for prefix in the bucket of l. Everything below the prefix is
// deleted in the end. It makes no request.
func NewKodo(l job.Location, prefix, accessKey, secretKey string) *Kodo {
	k := &Kodo{keys: auth.New(accessKey, secretKey), bucket: l.Bucket, prefix: prefix, config: &storage.Config{UseHTTPS: true}}
	if r, ok := storage.GetRegionByID(storage.RegionID(l.Region)); ok {
		k.config.Region = &r
	}
	if l.Endpoint != "" {
		scheme, host, named := strings.Cut(l.Endpoint, "://")
		if !named {
			scheme, host = "https", l.Endpoint
		}
		k.config.UseHTTPS = scheme == "https"
		k.config.Region = &storage.Region{SrcUpHosts: []string{host}, CdnUpHosts: []string{host}, RsHost: host, RsfHost: host, ApiHost: host, IovipHost: host, IoSrcHost: host}
	}
	return k
}

// below returns the n-th place of its own below k's prefix.
func (k *Kodo) below(n int) *Kodo {
	deeper := *k
	deeper.prefix += name(n) + "/"
	return &deeper
}

// put stores an object in one form upload, with retries.
func (k *Kodo) put(ctx context.Context, o store.Object, body []byte) error {
	key := k.prefix + o.Key
	token := (&storage.PutPolicy{Scope: k.bucket + ":" + key, Expires: 3600}).UploadToken(k.keys)
	extra := &storage.PutExtra{MimeType: o.Type, Params: map[string]string{}}
	for name, value := range o.Header {
		extra.Params["x-qn-meta-!"+name] = value
	}
	for name, value := range o.Meta {
		extra.Params["x-qn-meta-"+name] = value
	}
	_, err := store.Retry(ctx, store.Pauses(), "contract.Put", key, func() (struct{}, error) {
		var ret storage.PutRet
		err := storage.NewFormUploader(k.config).Put(ctx, &ret, token, key, bytes.NewReader(body), int64(len(body)), extra)
		return struct{}{}, refused(err, key)
	})
	return err
}

// refused turns an error of the SDK into a fault.
func refused(err error, key string) error {
	if err == nil {
		return nil
	}
	kind := fault.KindOf(err)
	if e, ok := errors.AsType[*client.ErrorInfo](err); ok {
		if kind = fault.FromStatus(e.Code); e.Code == codeTooFast || e.Code == codeOverloaded {
			kind = fault.Throttled
		}
		err = fmt.Errorf("status %d: %s", e.Code, e.Err)
	}
	return fault.New(kind, "contract.Kodo", key, err)
}

const (
	codeTooFast    = 573 // status: too many requests
	codeOverloaded = 599 // status: an overloaded server
	codeNoKey      = 612 // status: no such key
	maxBatch       = 250 // operations of one batch
)

// fixture returns k's place for a case, read through src.
func (k *Kodo) fixture(r *recorder, src store.Source) storetest.Fixture {
	return fixture(r, below{src, k.prefix}, len(k.prefix), k.put)
}

// clear deletes everything below the prefix, which src lists.
func (k *Kodo) clear(ctx context.Context, src store.Source) error {
	var keys []string
	var errs []error
	for o, err := range src.List(ctx, store.Range{Prefix: k.prefix}) {
		if err != nil {
			errs = append(errs, err)
			break
		}
		keys = append(keys, o.Key)
	}
	for len(keys) > 0 {
		some := keys[:min(len(keys), maxBatch)]
		keys = keys[len(some):]
		_, err := store.Retry(ctx, store.Pauses(), "contract.clear", some[0], func() (struct{}, error) { return struct{}{}, k.remove(ctx, some) })
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("not all could be removed below %q at Kodo: %w", k.prefix, err)
	}
	return nil
}

// remove deletes keys in one batch. A key that is not there is no error.
func (k *Kodo) remove(ctx context.Context, keys []string) error {
	ops := make([]string, len(keys))
	for i, key := range keys {
		ops[i] = storage.URIDelete(k.bucket, key)
	}
	answers, err := storage.NewBucketManager(k.keys, k.config).BatchWithContext(ctx, k.bucket, ops)
	if err != nil {
		return refused(err, keys[0])
	}
	for i, a := range answers {
		if a.Code != http.StatusOK && a.Code != codeNoKey {
			return refused(&client.ErrorInfo{Code: a.Code, Err: a.Data.Error}, keys[i])
		}
	}
	return nil
}
