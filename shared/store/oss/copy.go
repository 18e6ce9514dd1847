package oss

import (
	"context"
	"encoding/xml"
	"errors"

	"kodoferry/shared/fault"
	"kodoferry/shared/store"
)

// SetAttributes copies the object onto itself with other attributes (CopyObject
// with the directive REPLACE), if its ETag is obj.Hash. OSS has no such condition
// on the time that it was written. An object over 5 GiB is Invalid without a
// request; what OSS refuses for its size or class comes as OSS says it. The CRC64
// is "" where the answer tells none.
func (b *Bucket) SetAttributes(ctx context.Context, obj store.Object) (store.Stored, error) {
	const op = "oss.SetAttributes"
	if err := b.CheckKey(obj.Key); err != nil {
		return store.Stored{}, err
	}
	if obj.Size > maxPut {
		return store.Stored{}, fault.New(fault.Invalid, op, obj.Key, fault.Errorf("it has %d bytes, and OSS sets no attributes in place of an object of more than %d", obj.Size, int64(maxPut)))
	}
	header, warnings, err := attributes(obj)
	if err != nil {
		return store.Stored{}, fault.New(fault.Invalid, op, obj.Key, err)
	}
	header.set("X-Oss-Copy-Source", "/"+b.name+"/"+escapeKey(obj.Key))
	header.set("X-Oss-Copy-Source-If-Match", obj.Hash)
	header.set("X-Oss-Metadata-Directive", "REPLACE")
	var x struct {
		XMLName xml.Name `xml:"CopyObjectResult"`
		ETag    string
	}
	a, err := b.document(ctx, request{op: op, method: "PUT", key: obj.Key, header: header}, &x, func() error {
		if x.ETag == "" {
			return errors.New("it names no ETag")
		}
		return nil
	})
	if err != nil {
		return store.Stored{}, err
	}
	return store.Stored{ETag: unquote(x.ETag), CRC64: a.get(headerCRC64), Version: a.get("X-Oss-Version-Id"), Warnings: warnings, At: a.at()}, nil
}
