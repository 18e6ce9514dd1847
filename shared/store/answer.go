package store

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"kodoferry/shared/fault"
)

// ErrTooLong is why a document was not read that has more bytes than one may have.
var ErrTooLong = errors.New("an answer with more bytes than such a document may have")

// ReadDocument reads the document of an answer, and unpacks what came compressed
// though nobody asked for that: proxies do so. Of more than most bytes, packed or
// not, it is ErrTooLong.
func ReadDocument(h http.Header, body io.Reader, most int64) ([]byte, error) {
	var data bytes.Buffer
	if n, err := strconv.ParseInt(h.Get("Content-Length"), 10, 64); err == nil && n > 0 {
		data.Grow(int(min(n, most, 4<<20)) + bytes.MinRead)
	}
	plain, err := unpacked(h, io.LimitReader(body, most+1))
	if err == nil {
		_, err = data.ReadFrom(io.LimitReader(plain, most+1))
	}
	switch {
	case int64(data.Len()) > most:
		return nil, fault.Errorf("%w: over %d", ErrTooLong, most)
	case err != nil:
		return data.Bytes(), err
	}
	return data.Bytes(), nil
}

// unpacked is body without the compression that it has. gzip is known by how it
// begins, too: neither JSON nor XML begins so.
func unpacked(h http.Header, body io.Reader) (io.Reader, error) {
	begins := bufio.NewReaderSize(body, 16)
	magic, _ := begins.Peek(2) // what is shorter is no gzip
	switch coding := strings.ToLower(strings.TrimSpace(h.Get("Content-Encoding"))); {
	case string(magic) == "\x1f\x8b":
		return gzip.NewReader(begins)
	case coding == "deflate":
		return zlib.NewReader(begins)
	case coding == "", coding == "identity", coding == "gzip", coding == "x-gzip", coding == "aws-chunked":
		return begins, nil // or a header that nothing stands behind
	default:
		return nil, fault.Errorf("an answer that is compressed as %.40q, which was not asked for", coding)
	}
}

// ContentRange reads the header of that name, "bytes 0-9/100", in whatever case
// and with whatever space a service writes it. total is -1 where it does not say.
// Of a range that is not satisfiable, "bytes */100", first and last are -1.
func ContentRange(v string) (first, last, total int64, ok bool) {
	unit, rest, _ := strings.Cut(strings.TrimSpace(strings.Replace(v, "=", " ", 1)), " ")
	span, size, found := strings.Cut(rest, "/")
	if !strings.EqualFold(unit, "bytes") || !found {
		return 0, 0, 0, false
	}
	number := func(s string) (int64, bool) {
		n, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64)
		return n, err == nil && n >= 0
	}
	if total, ok = number(size); !ok {
		if strings.TrimSpace(size) != "*" {
			return 0, 0, 0, false
		}
		total = -1
	}
	if strings.TrimSpace(span) == "*" {
		return -1, -1, total, true
	}
	from, to, _ := strings.Cut(span, "-")
	first, ok1 := number(from)
	last, ok2 := number(to)
	return first, last, total, ok1 && ok2 && first <= last
}

// Dated reports whether an object can have been written at t: after there were
// such services and, whatever a clock says, before they are forgotten. Other
// times are those of other units, and of none.
func Dated(t time.Time) bool { return t.Unix() >= first1980 && t.Unix() < first2200 }

// first1980 and first2200 are when these years begin, in UTC, in seconds since 1970.
const first1980, first2200 = 315_532_800, 7_258_118_400
