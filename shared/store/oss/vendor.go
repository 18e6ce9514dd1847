package oss

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"io"
	"net/http"

	sdk "github.com/aliyun/aliyun-oss-go-sdk/oss"

	"kodoferry/shared/fault"
	"kodoferry/shared/store"
)

// exchange is one request through the vendor's SDK and its answer. The SDK
// writes and signs the request and reads the document; as its
// http.RoundTripper, exchange sends over the bucket's transport, under the
// caller's context, which some of the SDK's functions do not take. Refusals and
// the bounds of a document are exchange's too: the SDK reads without end, and its
// errors repeat the text that was signed.
//
// Of single answers, this much is read by hand:
//
//	Parts       all: the SDK's type has no CRC64, and takes no time but the usual form
//	Unfinished  IsTruncated: to the SDK a listing that does not say is over
//	removals    the status: every 2xx is a success, to the SDK 204 alone
//
// It has no field of the SDK's Bucket or Client: as part of a type that is stored
// in an interface, they would keep every method of the SDK in each program, 0.7 MiB.
type exchange struct {
	of      *Bucket
	ctx     context.Context // of the call
	op, key string          // for errors
	answer  *answer
	text    []byte // the document of a success, as the SDK reads it
	err     error  // why the SDK got no answer: a *fault.Error
}

// vendor makes one request, by the SDK's function that ask calls. An error that
// ask returns of an answer of 2xx is Temporary: such an answer tells nothing.
func (b *Bucket) vendor(ctx context.Context, op, key string, ask func(*sdk.Bucket, *exchange) error) (*answer, error) {
	x := &exchange{of: b, ctx: ctx, op: op, key: key, answer: &answer{}}
	c, err := b.keys()
	if err != nil {
		return x.answer, b.classify(op, key, err, x.answer)
	}
	client, err := sdk.New(b.where.url, c.AccessKeyID, c.AccessKeySecret, sdk.SecurityToken(c.SecurityToken),
		sdk.AuthVersion(sdk.AuthV4), sdk.Region(b.region), sdk.UseCname(b.where.cname), sdk.ForcePathStyle(b.where.pathStyle),
		sdk.UserAgent(agent[0]), sdk.EnableCRC(false), sdk.HTTPClient(&http.Client{Transport: x}))
	if err != nil {
		return x.answer, fault.New(fault.Invalid, op, key, err)
	}
	err = ask(&sdk.Bucket{Client: *client, BucketName: b.name}, x)
	if _, odd := errors.AsType[sdk.UnexpectedStatusCodeError](err); odd {
		err = nil
	}
	switch {
	case x.err != nil:
		return x.answer, x.err
	case err != nil:
		return x.answer, fault.New(fault.Temporary, op, key, fault.Errorf("an answer that cannot be read: %w", err))
	}
	return x.answer, nil
}

// RoundTrip sends r once. Of an answer of 2xx it returns the document, of at
// most 32 MiB, unpacked and in characters that XML takes; any other is an error.
func (x *exchange) RoundTrip(r *http.Request) (*http.Response, error) {
	x.answer, x.err = x.of.exchange(x.op, x.key, r.WithContext(x.ctx))
	if x.err == nil {
		x.err = x.read(r.Method)
		x.answer.close()
	}
	if x.err != nil {
		return nil, x.err
	}
	return &http.Response{StatusCode: x.answer.status, Header: x.answer.header, Body: io.NopCloser(bytes.NewReader(x.text)), Request: r}, nil
}

// read reads the document of a success, which that of a DELETE does not have.
func (x *exchange) read(method string) error {
	if method == http.MethodDelete {
		return nil
	}
	raw, err := x.answer.document(x.op, x.key)
	if err != nil {
		return err
	}
	x.text, _ = store.Legible(raw)
	var e sdk.ServiceError // an error may hide in a 200 that was begun before it was known
	if xml.Unmarshal(x.text, &e) == nil && e.Code != "" {
		e.StatusCode = http.StatusInternalServerError
		return x.of.refused(x.op, x.key, e, x.answer)
	}
	return nil
}
