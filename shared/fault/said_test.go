package fault_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"kodoferry/shared/fault"
)

func TestWhatAServiceSaysIsRepeatedShortlyOnOneLine(t *testing.T) {
	long := strings.Repeat("界", 1<<20)
	for text, want := range map[string]string{
		"plain": "plain", "two\nlines\r\n": "two lines  ", "\x1b[2Jgone": " [2Jgone", "half \xe7\x95": "half \ufffd", "a\u2028b": "a b",
		"GET http://h/a?e=170&token=ak:x_-=&b=1": "GET http://h/a?e=…&token=…&b=1", "X-Amz-Signature=0af, X-Amz-Security-Token=t&amp;x-oss-signature=q": "X-Amz-Signature=…, X-Amz-Security-Token=…&amp;x-oss-signature=…",
		"AWS4-HMAC-SHA256 Credential=id/2026, Signature=ab12": "AWS4-HMAC-SHA256 Credential=id/2026, Signature=…", "bad token Qiniu ak:x_-=": "bad token Qiniu ak:…", "MNS id:a+/=": "MNS id:…", "e%3D1%26": "e%3D…",
		"like=1 the=2 a token: none": "like=1 the=2 a token: none",
		long:                         strings.Repeat("界", 100) + "…", "a" + long: "a" + strings.Repeat("界", 99) + "…", strings.Repeat("\xff", 400): "…",
	} {
		if got := fault.Said(text); got != want {
			t.Errorf("Said(%.40q) = %q, want %q", text, got, want)
		}
	}
	if err := fault.Plain(fault.New(fault.Throttled, "op", "", errors.Join(io.EOF, errors.New(long)))); len(err.Error()) > 310 || fault.KindOf(err) != fault.Throttled || !errors.Is(err, io.EOF) {
		t.Errorf("Plain = %.400q of kind %s, want a short error that is what it was", err, fault.KindOf(err))
	}
	if fault.Plain(nil) != nil {
		t.Error("no error has a short form")
	}
}

// FuzzSaid words any text.
func FuzzSaid(f *testing.F) {
	f.Add("\x1b]0;title\x07")
	f.Add(strings.Repeat("é", 200))
	f.Fuzz(func(t *testing.T, text string) {
		got := fault.Said(text)
		if len(got) > 3*310 || !utf8.ValidString(got) || strings.ContainsFunc(got, unicode.IsControl) {
			t.Errorf("%q is repeated as %q", text, got)
		}
		if utf8.ValidString(text) && len(text) <= 300 && !strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' }) && got != text {
			t.Errorf("%q is repeated as %q, want it as it is", text, got)
		}
	})
}
