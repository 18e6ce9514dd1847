package plainjson_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"kodoferry/shared/ledger/plainjson"
)

// FuzzText holds what is written and read of a text against encoding/json: with any bytes
// before it, which move its ends over the borders of words.
func FuzzText(f *testing.F) {
	for _, text := range []string{"", "plain", "1234567\"", "12345678\\", "\x00", "1234567\x1f8", "\x7f\x80\xff", "é中😀", "half \xc3", "\xed\xa0\x80", "a\u2028b", "<&>", `\u12"`, `\ud83d`} {
		f.Add("", text, " ")
		f.Add("123", text, `"`)
	}
	f.Fuzz(func(t *testing.T, before, text, behind string) {
		w := plainjson.Append([]byte(before))
		w.Text(text)
		got, ok := w.Written()
		want := asJSON(t, text)
		if ok && string(got) != before+want {
			t.Errorf("%q is written %s, want %s", text, got[len(before):], want)
		}
		if plain := len(want) == len(text)+2; !ok && plain || !ok && !strings.ContainsAny(text, "<>&") {
			t.Errorf("%q is refused", text)
		}
		for _, quoted := range []string{want, `"` + text + `"`} {
			data := []byte(before + quoted + behind)
			r := plainjson.Read(data, &plainjson.Texts{})
			if !r.Take(before) {
				t.Fatalf("%q is not taken from %q", before, data)
			}
			read, ok := r.Text()
			var known string
			d := json.NewDecoder(bytes.NewReader(data[len(before):]))
			err := d.Decode(&known)
			end := len(before) + int(d.InputOffset())
			switch escaped := err == nil && bytes.IndexByte(data[len(before):end], '\\') >= 0; {
			case ok && (err != nil || string(read) != known):
				t.Errorf("%q is read of %q, want %q, %v", read, data, known, err)
			case !ok && err == nil && !escaped && utf8.Valid(data[len(before):end]):
				t.Errorf("%q is not read, want %q", data, known)
			case ok && !r.Take(string(data[end:])):
				t.Errorf("the reader of %q does not stand behind the text", data)
			}
		}
	})
}

// FuzzTime holds what is written of a time against encoding/json.
func FuzzTime(f *testing.F) {
	for _, sec := range []int64{0, -1, -62_167_219_200, -62_167_219_201, -62_135_596_800, 253_402_300_799, 253_402_300_800, 951_782_400, 1<<63 - 1, -1 << 63} {
		f.Add(sec, int64(0))
		f.Add(sec, int64(999_999_999))
		f.Add(sec, int64(-1))
		f.Add(sec, int64(100))
	}
	f.Fuzz(func(t *testing.T, sec, nano int64) {
		at := time.Unix(sec, nano).UTC()
		w := plainjson.Append(nil)
		w.Time("", at)
		got, ok := w.Written()
		want, err := json.Marshal(at)
		switch {
		case at.IsZero():
			want, err = nil, nil
		case ok != (err == nil):
			t.Errorf("%d s, %d ns: written %v, want %v", sec, nano, ok, err)
		}
		if ok && !bytes.Equal(got, want) {
			t.Errorf("%d s, %d ns: written %s, want %s", sec, nano, got, want)
		}
	})
}
