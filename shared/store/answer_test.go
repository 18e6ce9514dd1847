package store

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestADocumentIsReadAndUnpackedWithinItsLimit(t *testing.T) {
	pack := func(w func(io.Writer) io.WriteCloser, text string) string {
		var out bytes.Buffer
		p := w(&out)
		if _, err := io.WriteString(p, text); err != nil {
			t.Fatal(err)
		}
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	inGzip := func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) }
	inZlib := func(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) }
	bomb := strings.Repeat("0", 1<<20)
	for name, tc := range map[string]struct {
		coding, body, want string
		fails, long        bool
	}{
		"as it is":                        {"", "{}", "{}", false, false},
		"nothing":                         {"", "", "", false, false},
		"one byte":                        {"", "{", "{", false, false},
		"at the limit":                    {"", strings.Repeat("x", 1000), strings.Repeat("x", 1000), false, false},
		"over the limit":                  {"", strings.Repeat("x", 1001), "", true, true},
		"gzip":                            {"gzip", pack(inGzip, "<a/>"), "<a/>", false, false},
		"gzip in another case":            {" X-GZIP ", pack(inGzip, "<a/>"), "<a/>", false, false},
		"gzip that nobody names":          {"", pack(inGzip, "<a/>"), "<a/>", false, false},
		"a coding that nothing stands by": {"gzip", "<a/>", "<a/>", false, false},
		"deflate":                         {"deflate", pack(inZlib, "<a/>"), "<a/>", false, false},
		"a bomb":                          {"gzip", pack(inGzip, bomb), "", true, true},
		"a bomb of the other kind":        {"deflate", pack(inZlib, bomb), "", true, true},
		"gzip cut short":                  {"gzip", pack(inGzip, "<a/>")[:12], "", true, false},
		"what nobody can unpack":          {"br", "<a/>", "", true, false},
	} {
		t.Run(name, func(t *testing.T) {
			h := http.Header{"Content-Encoding": {tc.coding}}
			got, err := ReadDocument(h, strings.NewReader(tc.body), 1000)
			if (err != nil) != tc.fails || errors.Is(err, ErrTooLong) != tc.long || !tc.fails && string(got) != tc.want {
				t.Errorf("got %.40q, %v, want %.40q, an error: %v, too long: %v", got, err, tc.want, tc.fails, tc.long)
			}
		})
	}
}

func TestContentRangesAreReadAsServicesWriteThem(t *testing.T) {
	for v, want := range map[string][3]int64{
		"bytes 0-9/100": {0, 9, 100}, "Bytes 0-9/100": {0, 9, 100}, "BYTES  5-9 / 10": {5, 9, 10}, "bytes=0-9/100": {0, 9, 100},
		"bytes 0-9/*": {0, 9, -1}, "bytes */100": {-1, -1, 100}, "bytes 9223372036854775806-9223372036854775806/9223372036854775807": {9223372036854775806, 9223372036854775806, 9223372036854775807},
	} {
		if first, last, total, ok := ContentRange(v); !ok || [3]int64{first, last, total} != want {
			t.Errorf("%q: %d-%d/%d, %v, want %v", v, first, last, total, ok, want)
		}
	}
	for _, v := range []string{"", "bytes", "bytes 0-9", "items 0-9/10", "bytes 9-0/10", "bytes -1-3/10", "bytes a-b/10", "bytes 0-9/x", "bytes 0-9/-1", "bytes 0-9/99999999999999999999"} {
		if first, last, total, ok := ContentRange(v); ok {
			t.Errorf("%q: %d-%d/%d, want it refused", v, first, last, total)
		}
	}
}
