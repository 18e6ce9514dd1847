package oss

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"

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
	options := []sdk.Option{sdk.EncodingType("url")}
	for name, values := range header.all {
		options = append(options, sdk.SetHeader(name, values[0]))
	}
	var begun sdk.InitiateMultipartUploadResult
	_, err = b.vendor(ctx, op, obj.Key, func(s *sdk.Bucket, _ *exchange) (err error) {
		begun, err = s.InitiateMultipartUpload(obj.Key, options...)
		if err == nil && begun.UploadID == "" {
			err = errors.New("it names no upload")
		}
		return err
	})
	return begun.UploadID, warnings, err
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
	var all []store.Part
	for marker := 0; ; {
		p, err := again(ctx, b, op, key, func() (partsPage, error) { return b.listParts(ctx, op, key, upload, marker) })
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

// partsPage is a page of ListParts.
type partsPage struct {
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

// listParts reads the page of parts with numbers above marker, once.
func (b *Bucket) listParts(ctx context.Context, op, key, upload string, marker int) (p partsPage, err error) {
	params := uploadParams(upload)
	params["max-parts"], params["encoding-type"] = "1000", "url"
	if marker > 0 {
		params["part-number-marker"] = strconv.Itoa(marker)
	}
	_, err = b.vendor(ctx, op, key, func(s *sdk.Bucket, _ *exchange) error {
		a, err := s.Client.Conn.Do(http.MethodGet, b.name, key, params, nil, nil, 0, nil)
		if err != nil {
			return err
		}
		if err := xml.NewDecoder(a.Body).Decode(&p); err != nil {
			return err
		}
		for _, part := range p.Part {
			if part.PartNumber < 1 || part.PartNumber > maxParts || part.ETag == "" || part.Size < 0 {
				return fault.Errorf("part %d with ETag %q and %d bytes", part.PartNumber, part.ETag, part.Size)
			}
		}
		return terminated(p.IsTruncated)
	})
	return p, err
}

// terminated reports whether a page says if it is the last.
func terminated(truncated string) error {
	if truncated != "true" && truncated != "false" {
		return fault.Errorf("IsTruncated is %q", truncated)
	}
	return nil
}

// Finish makes the object of exactly these parts, in one request, with their
// ETags: OSS refuses (Invalid) a part that was replaced since. The parts may
// come in any order. IfAbsent is as in Put.
func (b *Bucket) Finish(ctx context.Context, key, upload string, parts []store.Part, how store.Put) (store.Stored, error) {
	const op = "oss.Finish"
	if err := b.CheckKey(key); err != nil {
		return store.Stored{}, err
	}
	named, err := completion(parts)
	if err != nil {
		return store.Stored{}, fault.New(fault.Invalid, op, key, err)
	}
	var options []sdk.Option
	if how.IfAbsent {
		options = append(options, sdk.ForbidOverWrite(true))
	}
	var done sdk.CompleteMultipartUploadResult
	a, err := b.vendor(ctx, op, key, func(s *sdk.Bucket, _ *exchange) (err error) {
		done, err = s.CompleteMultipartUpload(sdkUpload(key, upload), named, options...)
		if err == nil && done.ETag == "" {
			err = errors.New("it names no ETag")
		}
		return err
	})
	if err != nil {
		return store.Stored{}, err
	}
	return store.Stored{ETag: unquote(done.ETag), CRC64: a.get(headerCRC64)}, nil
}

func sdkUpload(key, upload string) sdk.InitiateMultipartUploadResult {
	return sdk.InitiateMultipartUploadResult{Key: key, UploadID: upload}
}

// completion is parts as the SDK takes them, by number and with ETags in quotes.
func completion(parts []store.Part) ([]sdk.UploadPart, error) {
	if len(parts) == 0 {
		return nil, errors.New("no parts")
	}
	parts = slices.Clone(parts)
	slices.SortFunc(parts, func(a, b store.Part) int { return a.Number - b.Number })
	named := make([]sdk.UploadPart, len(parts))
	for i, p := range parts {
		if p.Number < 1 || p.Number > maxParts || i > 0 && p.Number == parts[i-1].Number {
			return nil, fault.Errorf("part %d is named twice or is not from 1 to %d", p.Number, maxParts)
		}
		named[i] = sdk.UploadPart{PartNumber: p.Number, ETag: `"` + p.ETag + `"`}
	}
	return named, nil
}

// Unfinished lists the uploads of key, in one request that is tried up to 6 times
// on Temporary and Throttled. It takes the right to oss:ListMultipartUploads.
func (b *Bucket) Unfinished(ctx context.Context, key string) ([]store.Upload, error) {
	const op = "oss.Unfinished"
	if err := b.CheckKey(key); err != nil {
		return nil, err
	}
	found, err := again(ctx, b, op, key, func() (found sdk.ListMultipartUploadResult, err error) {
		_, err = b.vendor(ctx, op, key, func(s *sdk.Bucket, x *exchange) error {
			// A key comes before those that it begins: where it has more, they are on the first page.
			if found, err = s.ListMultipartUploads(sdk.Prefix(key), sdk.MaxUploads(1000)); err != nil {
				return err
			}
			for _, u := range found.Uploads {
				if u.UploadID == "" || u.Initiated.IsZero() {
					return fmt.Errorf("upload %q of %q, begun %s", u.UploadID, u.Key, u.Initiated)
				}
			}
			var page struct{ IsTruncated string }
			if err := xml.Unmarshal(x.text, &page); err != nil {
				return err
			}
			return terminated(page.IsTruncated)
		})
		return found, err
	})
	var of []store.Upload
	for _, u := range found.Uploads {
		if u.Key == key {
			of = append(of, store.Upload{ID: u.UploadID, Begun: u.Initiated})
		}
	}
	return of, err
}

// Abort drops the upload and its parts. One that is gone is no error.
func (b *Bucket) Abort(ctx context.Context, key, upload string) error {
	if err := b.CheckKey(key); err != nil {
		return err
	}
	_, err := b.vendor(ctx, "oss.Abort", key, func(s *sdk.Bucket, _ *exchange) error { return s.AbortMultipartUpload(sdkUpload(key, upload)) })
	if r, ok := errors.AsType[*refusal](err); ok && r.code == "NoSuchUpload" {
		return nil
	}
	return err
}
