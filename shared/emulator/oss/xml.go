package oss

import (
	"strconv"
	"time"
)

// xmlWriter builds a document by appending. Listings of thousand keys are
// written with it, so nothing in it goes through reflection or fmt.
type xmlWriter struct {
	b    []byte
	coda string    // encoding-type=url: keys and prefixes are percent-encoded
	now  time.Time // of listings, which say what is restored
}

func newXML() *xmlWriter {
	return &xmlWriter{b: append(make([]byte, 0, 1024), "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"...)}
}

func (x *xmlWriter) bytes() []byte { return append(x.b, '\n') }

func (x *xmlWriter) open(name string) {
	x.b = append(append(append(x.b, '<'), name...), '>')
}

func (x *xmlWriter) close(name string) {
	x.b = append(append(append(x.b, "</"...), name...), '>')
}

// text writes an element that holds s.
func (x *xmlWriter) text(name, s string) {
	x.open(name)
	x.b = appendText(x.b, s)
	x.close(name)
}

func (x *xmlWriter) number(name string, n int64) {
	x.open(name)
	x.b = strconv.AppendInt(x.b, n, 10)
	x.close(name)
}

func (x *xmlWriter) flag(name string, v bool) { x.text(name, strconv.FormatBool(v)) }

func (x *xmlWriter) time(name string, t time.Time) {
	x.open(name)
	x.b = append(t.UTC().AppendFormat(x.b, layoutXML), noFraction...)
	x.close(name)
}

// key writes an element that encoding-type=url encodes.
func (x *xmlWriter) key(name, s string) {
	x.open(name)
	if x.coda != "" {
		x.b = appendEscaped(x.b, s, true)
	} else {
		x.b = appendText(x.b, s)
	}
	x.close(name)
}

// etag writes an ETag with its quotes, which OSS does not escape.
func (x *xmlWriter) etag(o *object) {
	x.b = append(x.b, `<ETag>"`...)
	x.b = o.appendETag(x.b)
	x.b = append(x.b, `"</ETag>`...)
}

// owner is who owns everything here.
func (x *xmlWriter) owner() {
	x.b = append(x.b, "<Owner><ID>"+ownerID+"</ID><DisplayName>"+ownerID+"</DisplayName></Owner>"...)
}

const ownerID = "1000000000000001"

// appendText escapes s. Control characters become numeric references, which
// XML 1.0 forbids: a listing of such keys without encoding-type=url is a
// document that strict parsers refuse, as from the service. Tab, newline and
// carriage return are legal as references, and survive.
func appendText(b []byte, s string) []byte {
	const digits = "0123456789ABCDEF"
	from := 0
	for i := range len(s) {
		var esc string
		switch c := s[i]; {
		case c == '&':
			esc = "&amp;"
		case c == '<':
			esc = "&lt;"
		case c == '>':
			esc = "&gt;"
		case c == '"':
			esc = "&quot;"
		case c == '\'':
			esc = "&apos;"
		case c < 0x20:
			b = append(b, s[from:i]...)
			b = append(b, '&', '#', 'x', digits[c>>4], digits[c&15], ';')
			from = i + 1
			continue
		default:
			continue
		}
		b = append(append(b, s[from:i]...), esc...)
		from = i + 1
	}
	return append(b, s[from:]...)
}

func formatCRC(crc uint64) string { return strconv.FormatUint(crc, 10) }
