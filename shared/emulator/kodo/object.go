package kodo

import (
	"bytes"
	"cmp"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"kodoferry/shared/digest"
)

// Kodo's storage types that cannot be read before they are restored
// (Kodo, "stat": type).
const (
	typeArchive     = 2
	typeDeepArchive = 3
	typeMax         = 5
)

// Object is one object as tests see it.
type Object struct {
	Key      string
	Body     []byte            // kept, not copied
	Size     int64             // bytes; told by Objects, which tells no Body, and not taken by Put
	Parts    []int64           // bytes of each part of a multipart upload; nil: uploaded whole
	MimeType string            // "" is application/octet-stream
	Meta     map[string]string // with or without the x-qn-meta- prefix; "!Cache-Control" and such are standard headers
	EndUser  string
	Type     int // 0 standard, 1 infrequent, 2 archive, 3 deep archive, 4 archive direct-read, 5 intelligent
	Status   int // 1 is disabled
	// RestoreStatus of an archived object: 0 frozen, 1 thawing, 2 thawed.
	RestoreStatus int
	PutTime       time.Time // kept to 100 ns; zero is now
	MD5           bool      // list and stat tell the MD5, as of form uploads
	MD5Sum        string    // in hex, where it is listed; Objects alone tells it
	NoHash        bool      // the hash is empty
	Hash          string    // a listed hash that need not be true; "" is the true one
}

// record is an object as it is stored. It is not changed once others see it:
// changes store another.
type record struct {
	body                body
	size                int64
	hash, md5           string
	mime, endUser       string
	meta                map[string]string // names without x-qn-meta-
	parts               []int64
	kind, status, thawn int              // thawn: a restore status set by hand
	put                 int64            // 100 ns since 1970
	thawed, freezes     time.Time        // what restoreAr set
	days                map[string]int64 // lifecycle: name in stat, and Unix seconds
}

// body is the content of an object.
type body interface {
	// write writes n bytes from off. off and n are within the body.
	write(w io.Writer, off, n int64) error
}

// segments is a body in memory.
type segments [][]byte

func (s segments) write(w io.Writer, off, n int64) error {
	const step = 256 << 10 // what a fault that flips a byte copies at most
	for _, p := range s {
		if off >= int64(len(p)) {
			off -= int64(len(p))
			continue
		}
		for p = p[off:min(int64(len(p)), off+n)]; len(p) > 0; {
			k := min(len(p), step)
			if _, err := w.Write(p[:k]); err != nil {
				return err
			}
			p, n = p[k:], n-int64(k)
		}
		if off = 0; n == 0 {
			break
		}
	}
	return nil
}

func hashOf(b body, size int64, parts []int64) (string, error) {
	q := digest.NewQetag(parts)
	if err := b.write(q, 0, size); err != nil {
		return "", err
	}
	return q.Sum(), nil
}

// restored is the restore status at now: 0 frozen or not archived, 1 thawing, 2 thawed.
func (o *record) restored(now time.Time) int {
	switch {
	case o.kind != typeArchive && o.kind != typeDeepArchive:
		return 0
	case o.thawed.IsZero():
		return o.thawn
	case now.Before(o.thawed):
		return 1
	case now.Before(o.freezes):
		return 2
	}
	return 0
}

// frozen reports whether the content cannot be read at now.
func (o *record) frozen(now time.Time) bool {
	return (o.kind == typeArchive || o.kind == typeDeepArchive) && o.restored(now) != 2
}

// lastModified is the time of the upload, in whole seconds as HTTP has it.
func (o *record) lastModified() time.Time { return time.Unix(o.put/1e7, 0).UTC() }

// putTime is t in Kodo's unit, 100 ns since 1970.
func putTime(t time.Time) int64 { return t.Unix()*1e7 + int64(t.Nanosecond())/100 }

func metaName(name string) string {
	const prefix = "x-qn-meta-"
	if len(name) > len(prefix) && strings.EqualFold(name[:len(prefix)], prefix) {
		return name[len(prefix):]
	}
	return name
}

// Put stores o, replacing what was there, and returns the hash that listings
// tell of it. It fails if there is no such bucket or Parts do not add up to the body.
func (s *Server) Put(bucket string, o Object) (hash string, err error) {
	b := s.bucket(bucket)
	if b == nil {
		return "", fmt.Errorf("kodo.Put %q: no bucket %q", o.Key, bucket)
	}
	var sum int64
	for _, n := range o.Parts {
		sum += n
	}
	if size := int64(len(o.Body)); o.Parts != nil && sum != size {
		return "", fmt.Errorf("kodo.Put %q: parts of %d bytes in all, body of %d", o.Key, sum, size)
	}
	rec := &record{
		body: segments{o.Body}, size: int64(len(o.Body)), hash: o.Hash, mime: cmp.Or(o.MimeType, octets),
		endUser: o.EndUser, meta: map[string]string{}, parts: slices.Clone(o.Parts),
		kind: o.Type, status: o.Status, thawn: o.RestoreStatus, put: putTime(s.cfg.Now()),
	}
	for k, v := range o.Meta {
		rec.meta[metaName(k)] = v
	}
	if !o.PutTime.IsZero() {
		rec.put = putTime(o.PutTime)
	}
	if o.MD5 {
		sum := md5.Sum(o.Body)
		rec.md5 = hex.EncodeToString(sum[:])
	}
	if rec.hash == "" && !o.NoHash {
		if rec.hash, err = hashOf(rec.body, rec.size, rec.parts); err != nil {
			return "", err
		}
	}
	b.mu.Lock()
	b.set(o.Key, rec)
	b.mu.Unlock()
	s.happened(b, "put", o.Key, rec)
	return rec.hash, nil
}

// Remove deletes an object, if it is there.
func (s *Server) Remove(bucket, key string) {
	if b := s.bucket(bucket); b != nil {
		b.mu.Lock()
		was := b.find(key)
		b.set(key, nil)
		b.mu.Unlock()
		if was != nil {
			s.happened(b, "delete", key, nil)
		}
	}
}

// Get returns an object as it is stored, with a copy of its body and its listed hash.
func (s *Server) Get(bucket, key string) (Object, bool) {
	b := s.bucket(bucket)
	if b == nil {
		return Object{}, false
	}
	rec := b.get(key)
	if rec == nil {
		return Object{}, false
	}
	var content bytes.Buffer
	if err := rec.body.write(&content, 0, rec.size); err != nil {
		return Object{}, false
	}
	return Object{
		Key: key, Body: content.Bytes(), Parts: slices.Clone(rec.parts), MimeType: rec.mime, Meta: maps.Clone(rec.meta),
		EndUser: rec.endUser, Type: rec.kind, Status: rec.status, RestoreStatus: rec.restored(s.cfg.Now()),
		PutTime: time.Unix(rec.put/1e7, rec.put%1e7*100), MD5: rec.md5 != "", NoHash: rec.hash == "", Hash: rec.hash,
	}, true
}

// MetaOf is an object's Meta that has those headers and that metadata.
func MetaOf(header, meta map[string]string) map[string]string {
	all := maps.Clone(meta)
	if all == nil {
		all = map[string]string{}
	}
	for name, value := range header {
		all["!"+name] = value
	}
	return all
}
