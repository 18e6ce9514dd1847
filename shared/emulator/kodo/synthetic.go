package kodo

import (
	"crypto/md5"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"iter"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Synthetic describes a bucket of any size whose keys, sizes and contents
// derive from a seed, so that nothing of it is stored.
type Synthetic struct {
	Count            int64 // objects
	Seed             uint64
	MinSize, MaxSize int64     // bytes of each, both ends included; MaxSize 0 is MinSize
	Prefix           string    // of every key
	Depth            int       // directories above each name, 0..4, of up to 100 entries each
	Since            time.Time // the first upload; uploads lie within 180 days after it. Zero is 2024-01-01
	MD5              bool      // each lists its MD5, as what was uploaded by a form does
}

// Synthesize makes bucket hold what spec describes, under the objects put and
// deleted before and after. Each object's hash is the true one of its content.
// A second call replaces the first.
func (s *Server) Synthesize(bucket string, spec Synthetic) error {
	b := s.bucket(bucket)
	if b == nil {
		return fmt.Errorf("kodo.Synthesize: no bucket %q", bucket)
	}
	if spec.MaxSize == 0 {
		spec.MaxSize = spec.MinSize
	}
	if spec.Count < 0 || spec.MinSize < 0 || spec.MaxSize < spec.MinSize || spec.Depth < 0 || spec.Depth > 4 {
		return fmt.Errorf("kodo.Synthesize: %+v makes no sense", spec)
	}
	if spec.Since.IsZero() {
		spec.Since = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	base := newDerived(spec)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.base = base
	return nil
}

// derived is a Synthetic at work. Its objects share templates: contents whose
// hashes are computed once, when they are first asked for.
type derived struct {
	Synthetic
	width     int // digits in a key
	templates []template
}

type template struct {
	content stream
	mime    string
	once    sync.Once
	hash    string
	md5     string // "" where none is listed
	tail    []byte // the part of a listed item that follows its key and is always the same
}

func newDerived(spec Synthetic) *derived {
	// As many contents as hash in a blink: 256 MiB in all, 16 at least.
	n := max(16, min(4096, 256<<20/max(1, (spec.MinSize+spec.MaxSize)/2)))
	d := &derived{Synthetic: spec, width: max(9, len(strconv.FormatInt(max(0, spec.Count-1), 10))), templates: make([]template, n)}
	for i := range d.templates {
		t := &d.templates[i]
		h := mix(spec.Seed ^ mix(uint64(i)+1))
		size := spec.MinSize + int64(h%uint64(spec.MaxSize-spec.MinSize+1))
		switch i {
		case 0:
			size = spec.MinSize
		case 1:
			size = spec.MaxSize
		}
		t.content = stream{seed: h, size: size}
		t.mime = [...]string{"image/jpeg", octets, "video/mp4", "text/plain; charset=utf-8"}[h>>61&3]
	}
	return d
}

// mix scatters x over all 64 bits (the finalizer of SplitMix64).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

func (d *derived) scatter(i int64) uint64 { return mix(d.Seed ^ uint64(i)*0xd1342543de82ef95) }

// appendKey appends the i-th key: digits of fixed width, so that order of index
// is order of key, and an end that is no more than a decoration.
func (d *derived) appendKey(buf []byte, i int64) []byte {
	buf = append(buf, d.Prefix...)
	var digits [20]byte
	for k, v := d.width-1, i; k >= 0; k, v = k-1, v/10 {
		digits[k] = byte('0' + v%10)
	}
	at := 0
	for range d.Depth {
		buf = append(buf, digits[at], digits[at+1], '/')
		at += 2
	}
	buf = append(buf, digits[at:d.width]...)
	buf = append(buf, '-')
	h := d.scatter(i)
	for range 6 {
		buf = append(buf, "abcdefghijklmnopqrstuvwxyz234567"[h&31])
		h >>= 5
	}
	return append(buf, ".bin"...)
}

// index is the inverse of appendKey.
func (d *derived) index(key string) (i int64, ok bool) {
	rest, ok := strings.CutPrefix(key, d.Prefix)
	if !ok || len(rest) < d.width+d.Depth {
		return 0, false
	}
	digits := strings.ReplaceAll(rest[:d.width+d.Depth], "/", "")
	i, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || i < 0 || i >= d.Count {
		return 0, false
	}
	var buf [128]byte
	return i, string(d.appendKey(buf[:0], i)) == key
}

// seek is the index of the first key that is key or follows it.
func (d *derived) seek(key string) int64 {
	var space [128]byte
	buf := space[:0]
	return int64(sort.Search(int(d.Count), func(i int) bool {
		buf = d.appendKey(buf[:0], int64(i))
		return string(buf) >= key
	}))
}

func (d *derived) template(i int64) *template {
	t := &d.templates[d.scatter(i)>>32%uint64(len(d.templates))]
	t.once.Do(func() {
		t.hash, _ = hashOf(t.content, t.content.size, nil) // a digest never fails to be written
		t.tail = appendFixed(nil, t.hash, t.content.size, t.mime)
		if d.MD5 {
			sum := md5.New()
			_ = t.content.write(sum, 0, t.content.size) // a digest never fails to be written
			t.md5 = hex.EncodeToString(sum.Sum(nil))
			t.tail = appendString(append(t.tail, `,"md5":`...), t.md5)
		}
	})
	return t
}

func (d *derived) put(i int64) int64 {
	const span = 180 * 24 * 3600 * 1e7 // 180 days in units of 100 ns
	return putTime(d.Since) + int64(mix(d.scatter(i))%span)
}

func (d *derived) record(i int64) *record {
	t := d.template(i)
	return &record{body: t.content, size: t.content.size, hash: t.hash, md5: t.md5, mime: t.mime, put: d.put(i)}
}

// Objects yields what bucket holds, in key order and without bodies or
// metadata. The bucket cannot be changed meanwhile.
func (s *Server) Objects(bucket string) iter.Seq[Object] {
	return func(yield func(Object) bool) {
		b := s.bucket(bucket)
		if b == nil {
			return
		}
		b.mu.RLock()
		defer b.mu.RUnlock()
		for c := b.from(""); ; {
			key, rec, i, ok := c.step()
			if !ok {
				return
			}
			if rec == nil {
				rec = b.base.record(i)
			}
			o := Object{Key: key, Size: rec.size, MimeType: rec.mime, Hash: rec.hash, PutTime: time.Unix(rec.put/1e7, rec.put%1e7*100), Type: rec.kind, Status: rec.status, MD5: rec.md5 != "", MD5Sum: rec.md5}
			if !yield(o) {
				return
			}
		}
	}
}

// stream is a content that derives from a seed, word by word, so that any
// stretch of it can be made without the rest.
type stream struct {
	seed uint64
	size int64
}

func (c stream) write(w io.Writer, off, n int64) error {
	buf := make([]byte, min(n, 32<<10)+16) // a word before and after
	for n > 0 {
		skip := off % 8
		k := min(n, 32<<10-skip)
		word := uint64(off / 8)
		for at := int64(0); at < skip+k; at += 8 {
			binary.LittleEndian.PutUint64(buf[at:], mix(c.seed+word))
			word++
		}
		if _, err := w.Write(buf[skip : skip+k]); err != nil {
			return err
		}
		off, n = off+k, n-k
	}
	return nil
}
