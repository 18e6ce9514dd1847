package oss

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io"

	"kodoferry/shared/fault"
	"kodoferry/shared/store"
	"kodoferry/shared/transport"
)

// BriefTag is the object tag of what is put with store.Put.Brief, as
// x-oss-tagging takes it. A lifecycle rule finds such objects by it, wherever
// they lie: rules know prefixes and tags, but no patterns.
const BriefTag = "ferry=brief"

// Put stores obj in one request. Beyond the contract of store.Target: an object
// over 5 GiB is Invalid (that takes Multipart), a class OSS does not have too;
// IfAbsent travels as x-oss-forbid-overwrite, which a versioned bucket ignores;
// Brief as BriefTag, which takes the right to oss:PutObjectTagging (else Denied).
// Stored.Warnings names the metadata and headers OSS cannot hold. If ctx ends or
// OSS refuses while body blocks in Read, Put returns and that one Read may still
// be under way: close the body. Up to 1 MiB of a store.Bounded by ctx itself is
// read without a goroutine to watch over it.
func (b *Bucket) Put(ctx context.Context, obj store.Object, body io.Reader, how store.Put) (store.Stored, error) {
	const op = "oss.Put"
	if err := b.CheckKey(obj.Key); err != nil {
		return store.Stored{}, err
	}
	header, warnings, err := attributes(obj)
	if err != nil {
		return store.Stored{}, fault.New(fault.Invalid, op, obj.Key, err)
	}
	if how.IfAbsent {
		header.set(headerForbid, "true")
	}
	if how.Brief {
		header.set("X-Oss-Tagging", BriefTag)
	}
	a, err := b.upload(ctx, request{op: op, method: "PUT", key: obj.Key, header: header, md5: how.MD5}, body, obj.Size)
	if err != nil {
		return store.Stored{}, err
	}
	etag, err := a.stored(op, obj.Key)
	stored := store.Stored{ETag: etag, CRC64: a.get(headerCRC64), Version: a.get("X-Oss-Version-Id"), Warnings: warnings, At: a.at()}
	transport.Spent(a.header)
	return stored, err
}

// stored is the ETag of what an answer says was written. One without is not
// OSS's, but that of something on the way (Temporary): nothing says that the bytes arrived.
func (a *answer) stored(op, key string) (string, error) {
	etag := unquote(a.get("Etag"))
	if etag == "" {
		return "", fault.New(fault.Temporary, op, key, fault.Errorf("status %d without an ETag: what answered may not be OSS", a.status))
	}
	return etag, nil
}

// upload sends r with size bytes of body: up to 1 MiB from memory, with their
// MD5, so that a body that fails makes no request; more as a stream.
func (b *Bucket) upload(ctx context.Context, r request, body io.Reader, size int64) (*answer, error) {
	switch {
	case size < 0 || size > maxPut:
		return nil, fault.New(fault.Invalid, r.op, r.key, fault.Errorf("%d bytes: one request stores 0 to %d; more takes an upload in parts", size, int64(maxPut)))
	case body == nil && size > 0:
		return nil, fault.New(fault.Invalid, r.op, r.key, fault.Errorf("no body for %d bytes", size))
	case ctx.Err() != nil:
		return nil, fault.New(fault.Temporary, r.op, r.key, context.Cause(ctx))
	case size <= smallBody:
		return b.uploadWhole(ctx, r, body, size)
	}
	// A refusal then comes before the body is sent, not as a broken pipe amid it.
	r.header.set("Expect", "100-continue")
	s := newStream(ctx, body, size)
	// The SDK takes the length from a LimitedReader, and from nothing else that streams.
	r.body = &io.LimitedReader{R: s, N: size}
	a, err := b.send(ctx, r)
	left, broken := s.detach()
	a.close()
	switch {
	case broken != nil:
		return nil, bodyFault(r, broken, err)
	case err != nil:
		return nil, err
	case left > 0:
		return nil, fault.New(fault.Temporary, r.op, r.key, fault.Errorf("answered before the last %d bytes were sent", left))
	}
	return a, nil
}

// uploadWhole sends a body from memory. The MD5 that goes with it is the
// source's where that lists one: a sixth of the processor time of a small
// object saved, and OSS itself holds what it received against what the source
// says. If OSS finds another, the MD5 computed here tells what was wrong: bytes
// on the way, or the listed MD5, which Kodo vouches for only of what was
// uploaded as a form or appended. Then the same bytes are sent with their own.
func (b *Bucket) uploadWhole(ctx context.Context, r request, body io.Reader, size int64) (*answer, error) {
	l, err := b.slurp(ctx, body, size)
	if l != nil {
		defer l.back(r.header)
	}
	if err != nil {
		return nil, bodyFault(r, err, nil)
	}
	listed, err := hex.DecodeString(r.md5)
	if err != nil || len(listed) != md5.Size {
		sum := md5.Sum(l.data)
		return b.sendWhole(ctx, r, l, sum[:])
	}
	a, err := b.sendWhole(ctx, r, l, listed)
	if fault.KindOf(err) != fault.Corrupt {
		return a, err
	}
	if sum := md5.Sum(l.data); !bytes.Equal(sum[:], listed) {
		r.header = r.header.clone() // the other may still be sent
		return b.sendWhole(ctx, r, l, sum[:])
	}
	return a, err
}

// sendWhole sends what l holds with its MD5, once.
func (b *Bucket) sendWhole(ctx context.Context, r request, l *lent, sum []byte) (*answer, error) {
	var text [24]byte
	base64.StdEncoding.Encode(text[:], sum)
	r.header.set("Content-Md5", string(text[:]))
	if len(l.data) > 0 { // a reader of nothing would go out chunked
		l.body.Reset(l.data)
		r.body = &l.body
	}
	a, err := b.send(ctx, r)
	a.close()
	if err != nil {
		return nil, err
	}
	return a, nil
}

// bodyFault is of the kind of the body's own error, which is what went wrong
// first; what became of the request is only told.
func bodyFault(r request, broken, request error) error {
	kind := fault.KindOf(broken)
	cause := fault.Errorf("reading the body: %w", broken)
	if service, ok := errors.AsType[*refusal](request); ok {
		cause = fault.Errorf("%w (the answer was %w)", cause, service)
	}
	return &fault.Error{Kind: kind, Op: r.op, Key: r.key, Wait: fault.WaitOf(broken), Err: cause}
}
