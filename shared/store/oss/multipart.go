package oss

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"
	"time"

	sdk "github.com/aliyun/aliyun-oss-go-sdk/oss"

	"kodoferry/shared/fault"
	"kodoferry/shared/store"
)

// Begin opens an upload that will carry obj's Type, Header, Meta, Class and
// Origin. The warnings name what OSS cannot hold of them.
func (b *Bucket) Begin(ctx context.Context, obj store.Object) (id string, warnings []string, err error) {
	const op = "oss.Begin"
	if err := b.CheckKey(obj.Key); err != nil {
		return "", nil, err
	}
	header, warnings, err := attributes(obj)
	if err != nil {
		return "", nil, fault.New(fault.Invalid, op, obj.Key, err)
	}
	var x struct {
		XMLName  xml.Name `xml:"InitiateMultipartUploadResult"`
		UploadId string
	}
	_, err = b.document(ctx, request{
		op: op, method: "POST", key: obj.Key, header: header,
		params: map[string]any{"uploads": nil, "encoding-type": "url"},
	}, &x, func() error {
		if x.UploadId == "" {
			return errors.New("it names no upload")
		}
		return nil
	})
	return x.UploadId, warnings, err
}

// document sends r and reads its answer's XML into v, whose XMLName says which
// document it must be; check, unless it is nil, says what that must hold. Anything
// else in an answer of 200 is Temporary: it tells nothing.
func (b *Bucket) document(ctx context.Context, r request, v any, check func() error) (*answer, error) {
	a, err := b.send(ctx, r)
	if err != nil {
		return a, err
	}
	defer a.close()
	begun := time.Now()
	raw, err := a.document(r.op, r.key)
	a.took = time.Since(begun)
	if err != nil {
		return a, err
	}
	var e sdk.ServiceError // an error may hide in a 200 that was begun before it was known
	if decode(raw, &e) == nil && e.Code != "" {
		e.StatusCode = 500
		return a, b.refused(r.op, r.key, e, a)
	}
	err = decode(raw, v)
	if err == nil && check != nil {
		err = check()
	}
	if err != nil {
		return a, fault.New(fault.Temporary, r.op, r.key, fault.Errorf("an answer that cannot be read: %w", fault.Plain(err)))
	}
	return a, nil
}

// decode reads XML that may name keys that XML cannot carry.
func decode(document []byte, v any) error {
	text, _ := store.Legible(document)
	return xml.Unmarshal(text, v)
}

func uploadParams(upload string) map[string]any { return map[string]any{"uploadId": upload} }

// PutPart stores one part in one request, the way Put stores an object.
func (b *Bucket) PutPart(ctx context.Context, key, upload string, n int, body io.Reader, size int64) (store.Part, error) {
	const op = "oss.PutPart"
	if err := b.CheckKey(key); err != nil {
		return store.Part{}, err
	}
	if n < 1 || n > maxParts {
		return store.Part{}, fault.New(fault.Invalid, op, key, fault.Errorf("part %d: OSS numbers parts from 1 to %d", n, maxParts))
	}
	params := uploadParams(upload)
	params["partNumber"] = strconv.Itoa(n)
	a, err := b.upload(ctx, request{op: op, method: "PUT", key: key, params: params, header: newHeaders()}, body, size)
	if err != nil {
		return store.Part{}, err
	}
	etag, err := a.stored(op, key)
	return store.Part{Number: n, Size: size, ETag: etag, CRC64: a.get(headerCRC64)}, err
}

// Parts lists what was uploaded, by number, all pages of it, each tried up to
// 6 times on Temporary and Throttled.
func (b *Bucket) Parts(ctx context.Context, key, upload string) ([]store.Part, error) {
	const op = "oss.Parts"
	if err := b.CheckKey(key); err != nil {
		return nil, err
	}
	type parts struct {
		XMLName              xml.Name `xml:"ListPartsResult"`
		IsTruncated          string
		NextPartNumberMarker int
		Part                 []struct {
			PartNumber    int
			ETag          string
			Size          int64
			HashCrc64ecma string
		}
	}
	var all []store.Part
	for marker := 0; ; {
		p, err := again(ctx, b, op, key, func() (parts, error) {
			params := uploadParams(upload)
			params["max-parts"], params["encoding-type"] = "1000", "url"
			if marker > 0 {
				params["part-number-marker"] = strconv.Itoa(marker)
			}
			var p parts
			_, err := b.document(ctx, request{op: op, method: "GET", key: key, params: params}, &p, func() error {
				if p.IsTruncated != "true" && p.IsTruncated != "false" {
					return fault.Errorf("IsTruncated is %q", p.IsTruncated)
				}
				for _, x := range p.Part {
					if x.PartNumber < 1 || x.PartNumber > maxParts || x.ETag == "" || x.Size < 0 {
						return fault.Errorf("part %d with ETag %q and %d bytes", x.PartNumber, x.ETag, x.Size)
					}
				}
				return nil
			})
			return p, err
		})
		if err != nil {
			return nil, err
		}
		for _, x := range p.Part {
			all = append(all, store.Part{Number: x.PartNumber, Size: x.Size, ETag: unquote(x.ETag), CRC64: x.HashCrc64ecma})
		}
		if p.IsTruncated != "true" {
			slices.SortFunc(all, func(a, b store.Part) int { return a.Number - b.Number })
			return all, nil
		}
		if p.NextPartNumberMarker <= marker {
			return nil, fault.New(fault.Unknown, op, key, fault.Errorf("the listing of parts goes in a circle at %d", marker))
		}
		marker = p.NextPartNumberMarker
	}
}

// Finish makes the object of exactly these parts, in one request, with their
// ETags: OSS refuses (Invalid) a part that was replaced since. The parts may
// come in any order. IfAbsent is as in Put.
func (b *Bucket) Finish(ctx context.Context, key, upload string, parts []store.Part, how store.Put) (store.Stored, error) {
	const op = "oss.Finish"
	if err := b.CheckKey(key); err != nil {
		return store.Stored{}, err
	}
	body, err := completion(parts)
	if err != nil {
		return store.Stored{}, fault.New(fault.Invalid, op, key, err)
	}
	header := newHeaders()
	header.set("Content-Type", "application/xml")
	if how.IfAbsent {
		header.set(headerForbid, "true")
	}
	params := uploadParams(upload)
	params["encoding-type"] = "url"
	var x struct {
		XMLName xml.Name `xml:"CompleteMultipartUploadResult"`
		ETag    string
	}
	a, err := b.document(ctx, request{
		op: op, method: "POST", key: key, params: params, header: header,
		body: &io.LimitedReader{R: bytes.NewReader(body), N: int64(len(body))},
	}, &x, func() error {
		if x.ETag == "" {
			return errors.New("it names no ETag")
		}
		return nil
	})
	if err != nil {
		return store.Stored{}, err
	}
	return store.Stored{ETag: unquote(x.ETag), CRC64: a.get(headerCRC64), At: a.at()}, nil
}

// completion is the document that names the parts.
func completion(parts []store.Part) ([]byte, error) {
	if len(parts) == 0 {
		return nil, errors.New("no parts")
	}
	parts = slices.Clone(parts)
	slices.SortFunc(parts, func(a, b store.Part) int { return a.Number - b.Number })
	var doc bytes.Buffer
	doc.WriteString("<CompleteMultipartUpload>")
	for i, p := range parts {
		if p.Number < 1 || p.Number > maxParts || i > 0 && p.Number == parts[i-1].Number {
			return nil, fault.Errorf("part %d is named twice or is not from 1 to %d", p.Number, maxParts)
		}
		fmt.Fprintf(&doc, `<Part><PartNumber>%d</PartNumber><ETag>"`, p.Number)
		if err := xml.EscapeText(&doc, []byte(p.ETag)); err != nil {
			return nil, err
		}
		doc.WriteString(`"</ETag></Part>`)
	}
	doc.WriteString("</CompleteMultipartUpload>")
	return doc.Bytes(), nil
}

// Unfinished lists the uploads of key, in one request that is tried up to 6 times
// on Temporary and Throttled. It takes the right to oss:ListMultipartUploads.
func (b *Bucket) Unfinished(ctx context.Context, key string) ([]store.Upload, error) {
	const op = "oss.Unfinished"
	if err := b.CheckKey(key); err != nil {
		return nil, err
	}
	type uploads struct {
		XMLName     xml.Name `xml:"ListMultipartUploadsResult"`
		IsTruncated string
		Upload      []struct {
			Key, UploadId string
			Initiated     time.Time
		}
	}
	found, err := again(ctx, b, op, key, func() (u uploads, err error) {
		// A key comes before those that it begins: where it has more, they are on the first page.
		params := map[string]any{"uploads": nil, "prefix": key, "max-uploads": "1000", "encoding-type": "url"}
		_, err = b.document(ctx, request{op: op, method: "GET", params: params}, &u, func() error {
			if u.IsTruncated != "true" && u.IsTruncated != "false" {
				return fmt.Errorf("IsTruncated is %q", u.IsTruncated)
			}
			for i, x := range u.Upload {
				name, err := url.QueryUnescape(x.Key)
				if err != nil || x.UploadId == "" || x.Initiated.IsZero() {
					return fmt.Errorf("upload %q of %q, begun %s", x.UploadId, x.Key, x.Initiated)
				}
				u.Upload[i].Key = name
			}
			return nil
		})
		return u, err
	})
	var of []store.Upload
	for _, x := range found.Upload {
		if x.Key == key {
			of = append(of, store.Upload{ID: x.UploadId, Begun: x.Initiated})
		}
	}
	return of, err
}

// Abort drops the upload and its parts. One that is gone is no error.
func (b *Bucket) Abort(ctx context.Context, key, upload string) error {
	if err := b.CheckKey(key); err != nil {
		return err
	}
	a, err := b.send(ctx, request{op: "oss.Abort", method: "DELETE", key: key, params: uploadParams(upload)})
	a.close()
	if r, ok := errors.AsType[*refusal](err); ok && r.code == "NoSuchUpload" {
		return nil
	}
	return err
}
