package oss

import (
	"crypto/md5"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"io"

	"kodoferry/shared/digest"
)

const (
	maxObject = 5 << 30   // bytes of an object stored by one request, and of a part (OSS, "Limits")
	pieceSize = 256 << 10 // hashed at a time, so that both digests find it in the cache
	maxChunk  = 64 << 20
	minChunk  = 64 << 10
)

// received is a body that has come as a whole.
type received struct {
	size int64
	crc  uint64
	sum  [16]byte
	body *chunks
}

// incomplete is for a body that ended before its Content-Length; its client
// is usually gone.
func incomplete() *apiError {
	return refuse(400, "IncompleteBody", unknownEC, "You did not provide the number of bytes specified by the Content-Length HTTP header.")
}

// receive reads the request's body once: hashed with MD5 and CRC64 as it
// comes, and kept unless only attributes are. It checks Content-MD5. Nothing
// is stored yet, so a body that breaks off leaves nothing.
func (c *call) receive() (received, error) {
	length := c.r.ContentLength
	switch {
	case length > maxObject:
		return received{}, tooLarge(length)
	case length == 0 && c.r.Header.Get("Content-Length") == "":
		return received{}, refuse(411, "MissingContentLength", unknownEC, "You must provide the Content-Length HTTP header.")
	}
	wanted := c.r.Header.Get("Content-Md5")
	if _, err := decodeMD5(wanted); wanted != "" && err != nil {
		return received{}, err
	}
	hollow := c.s.hollow(c.bucket, c.key)
	got, err := c.s.read(c.r.Body, length, hollow, hollow && c.s.brief && wanted == "")
	if err != nil {
		return received{}, err
	}
	return got, checkMD5(wanted, got.sum)
}

// read reads length bytes, or with -1 to the end. hollow keeps none of them; brief has
// their CRC64 and their number stand for their MD5.
func (s *Server) read(from io.Reader, length int64, hollow, brief bool) (received, error) {
	h := s.hasher()
	defer s.hashers.Put(h)
	var got received
	var kept chunks
	buf, ok := s.buffers.Get().(*[]byte)
	if !ok {
		b := make([]byte, pieceSize)
		buf = &b
	}
	defer s.buffers.Put(buf)
	for length < 0 || got.size < length {
		piece := *buf
		if !hollow {
			kept, piece = room(kept, length-got.size)
		}
		if length >= 0 {
			piece = piece[:min(int64(len(piece)), length-got.size)]
		}
		n, err := from.Read(piece)
		if !brief {
			_, _ = h.Write(piece[:n])
		}
		got.crc = digest.CRC64(got.crc, piece[:n])
		got.size += int64(n)
		if last := len(kept) - 1; last >= 0 {
			kept[last] = kept[last][:len(kept[last])+n]
		}
		if got.size > maxObject {
			return received{}, tooLarge(got.size)
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return received{}, incomplete()
		}
	}
	if length >= 0 && got.size < length {
		return received{}, incomplete()
	}
	if h.Sum(got.sum[:0]); brief {
		binary.BigEndian.PutUint64(got.sum[:8], got.crc)
		binary.BigEndian.PutUint64(got.sum[8:], uint64(got.size))
	}
	if got.size > 0 && !hollow {
		got.body = &kept
	}
	return got, nil
}

// room returns where to read next, in the last chunk or in a new one: of what
// is left, or where that is not known (negative) of twice the one before.
func room(kept chunks, left int64) (chunks, []byte) {
	last := len(kept) - 1
	if last < 0 || len(kept[last]) == cap(kept[last]) {
		size := min(left, maxChunk)
		if left < 0 {
			size = minChunk
			if last >= 0 {
				size = min(2*int64(cap(kept[last])), maxChunk)
			}
		}
		kept = append(kept, make([]byte, 0, size))
		last++
	}
	free := kept[last][len(kept[last]):cap(kept[last])]
	return kept, free[:min(len(free), pieceSize)]
}

func md5Of(b []byte) [16]byte { return md5.Sum(b) }

func decodeMD5(header string) ([]byte, error) {
	sum, err := base64.StdEncoding.DecodeString(header)
	if err != nil || len(sum) != md5.Size {
		return nil, refuse(400, "InvalidDigest", unknownEC, "The Content-MD5 you specified is not valid.").with("Content-MD5", header)
	}
	return sum, nil
}

// checkMD5 holds a Content-MD5, if there is one, against what came.
func checkMD5(header string, got [16]byte) error {
	if header == "" {
		return nil
	}
	want, err := decodeMD5(header)
	if err != nil {
		return err
	}
	if [16]byte(want) != got {
		return refuse(400, "InvalidDigest", unknownEC, "The Content-MD5 you specified did not match what we received.").
			with("ClientComputedMD5", header, "ServerComputedMD5", base64.StdEncoding.EncodeToString(got[:]))
	}
	return nil
}

// slice writes the bytes from off to end of a body.
func (c chunks) slice(w io.Writer, off, end int64) error {
	for _, chunk := range c {
		n := int64(len(chunk))
		if off < n && end > 0 {
			if _, err := w.Write(chunk[off:min(end, n)]); err != nil {
				return err
			}
		}
		off, end = max(off-n, 0), end-n
		if end <= 0 {
			return nil
		}
	}
	return nil
}
