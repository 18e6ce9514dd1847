package store_test

import (
	"bytes"
	"encoding/xml"
	"net/http"
	"testing"

	"kodoferry/shared/store"
)

// FuzzLegible puts any text into XML and gets it back.
func FuzzLegible(f *testing.F) {
	for _, text := range []string{"a", "\x00\r\n\t\x1b", "\uf8ff1\uf8ff", "&#x3;", "]]>", "\ufffe😀"} {
		f.Add(text, []byte("<a>"+text+"</a>"))
	}
	f.Fuzz(func(t *testing.T, text string, raw []byte) {
		_, _ = store.Legible(raw) // whatever it is

		// As a service writes a key: the five characters by name, all others as they are.
		var doc bytes.Buffer
		doc.WriteString("<a>")
		for _, r := range text {
			switch r {
			case '&', '<', '>', '"', '\'':
				_ = xml.EscapeText(&doc, []byte(string(r))) // into memory
			default:
				doc.WriteRune(r)
			}
		}
		doc.WriteString("</a>")
		legible, _ := store.Legible(doc.Bytes())
		var got struct {
			Text string `xml:",chardata"`
		}
		if err := xml.Unmarshal(legible, &got); err != nil {
			t.Fatalf("%q stands in a document as %q, which encoding/xml does not take: %v", text, legible, err)
		}
		if back := store.Restore(got.Text); back != string([]rune(text)) {
			t.Errorf("%q stands in a document as %q and is read as %q", text, legible, back)
		}
	})
}

// FuzzDocument unpacks any answer within its limit.
func FuzzDocument(f *testing.F) {
	for _, coding := range []string{"", "gzip", "deflate", "identity", "br"} {
		f.Add(coding, "9223372036854775807", []byte("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"))
		f.Add(coding, "-1", []byte("plain"))
	}
	f.Fuzz(func(t *testing.T, coding, length string, body []byte) {
		const most = 1000
		data, err := store.ReadDocument(http.Header{"Content-Encoding": {coding}, "Content-Length": {length}}, bytes.NewReader(body), most)
		if err == nil && len(data) > most {
			t.Errorf("%d bytes are read, want %d at most", len(data), most)
		}
		if cap(data) > 4*most && len(length) < 5 {
			t.Errorf("room for %d bytes is made for %d", cap(data), len(data))
		}
	})
}

// FuzzContentRange reads any header of that name: what is taken is a range.
func FuzzContentRange(f *testing.F) {
	for _, v := range []string{"bytes 0-9/100", "Bytes=0 - 9 / *", "bytes */100", "bytes 9-0/1", "bytes 0-9223372036854775808/1"} {
		f.Add(v)
	}
	f.Fuzz(func(t *testing.T, v string) {
		first, last, total, ok := store.ContentRange(v)
		if ok && (first > last || first < -1 || total < -1 || first == -1 && last != -1) {
			t.Errorf("%q is the range from %d to %d of %d", v, first, last, total)
		}
	})
}
