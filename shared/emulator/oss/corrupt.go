package oss

import (
	"bytes"
	"crypto/md5"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"kodoferry/shared/digest"
)

// Rot is how an object is damaged behind the backs of those who use the bucket.
type Rot uint8

const (
	Silent Rot = iota // the bytes alone: ETag and CRC64 stay, as where a disk lies
	Seen              // ETag and CRC64, too; the time and the metadata stay
)

// Corrupt flips one bit of the stored bytes of an object. Its size, time and metadata
// stay as they are.
func (s *Server) Corrupt(bucket, key string, how Rot) error {
	b, ok := s.bucket(bucket)
	if !ok {
		return noSuchBucket(bucket)
	}
	_, err := b.change(key, "", func(o *object, m *more) error {
		if o.body == nil || len(*o.body) == 0 {
			return fmt.Errorf("oss emulator: %q has no bytes to corrupt", key)
		}
		damaged := slices.Clone(*o.body) // copies of the object share the body
		damaged[0] = bytes.Clone(damaged[0])
		damaged[0][len(damaged[0])/2] ^= 1
		o.body = &damaged
		if how == Seen {
			whole := bytes.Join(damaged, nil)
			o.crc, o.sum, o.parts, m.etag = digest.CRC64(0, whole), md5.Sum(whole), 0, ""
		}
		return nil
	})
	return err
}

// hook is where an operator of the stand-in, and no client of OSS, asks for damage:
// POST /-/corrupt/<bucket>/<key>, with ?seen for Seen. No bucket is named "-".
const hook = "/-/corrupt/"

// corrupt answers a request to the hook.
func (s *Server) corrupt(w http.ResponseWriter, r *http.Request) {
	bucket, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, hook), "/")
	how := Silent
	if r.URL.Query().Has("seen") {
		how = Seen
	}
	if r.Method != http.MethodPost {
		http.Error(w, "POST "+hook+"<bucket>/<key>", http.StatusMethodNotAllowed)
	} else if err := s.Corrupt(bucket, key, how); err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
	}
}
