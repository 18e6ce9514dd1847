package store

import (
	"encoding/xml"
	"fmt"
	"testing"
)

func TestEveryCharacterComesThroughXML(t *testing.T) {
	read := func(document string) string {
		var x struct{ Key string }
		text, _ := Legible([]byte(document))
		if err := xml.Unmarshal(text, &x); err != nil {
			t.Fatalf("%q: %v", document, err)
		}
		return Restore(x.Key)
	}
	for c := rune(0); c <= 0x10FFFF; c++ {
		if c == 0x3000 { // of the rest a few
			c = 0xF8F0
		}
		if c == 0x10000 {
			c = 0x10FFF0
		}
		key := "a" + string(c) + "b" + string(c)
		forms := []string{fmt.Sprintf("a&#%d;b&#x%X;", c, c)}
		if c != '<' && c != '&' {
			forms = append(forms, key)
		}
		for _, form := range forms {
			if got := read("<x><Key>" + form + "</Key></x>"); got != key {
				t.Errorf("U+%04X: %q came as %q", c, form, got)
			}
		}
	}
	for form, want := range map[string]string{
		"&#xD800;": "\uFFFD", "&#x110000;": "\uFFFD", "a\xffb\xfe": "a\uFFFDb\uFFFD", "&amp;#3;": "&#3;", "\uF8FF3\uF8FF&#3;": "\uF8FF3\uF8FF\x03",
	} {
		if got := read("<x><Key>" + form + "</Key></x>"); got != want {
			t.Errorf("%q came as %q, want %q", form, got, want)
		}
	}
	if same, replaced := Legible([]byte("<x>&lt;&#65;照片\n\t</x>")); replaced || len(same) == 0 {
		t.Error("what XML takes was replaced")
	}
}
