package columns

import (
	"slices"
	"testing"
)

func TestTextIsCutByTheColumnsItTakes(t *testing.T) {
	for name, tc := range map[string]struct {
		text string
		most int
		want string
	}{
		"what fits stays":                {"photos/a.jpg", 12, "photos/a.jpg"},
		"what does not is cut":           {"photos/ab.jpg", 12, "photos/ab.j…"},
		"Chinese takes two columns each": {"中文文件夹", 7, "中文文…"},
		"and no half of one":             {"中文文件夹", 6, "中文…"},
		"a colour takes none and ends":   {"\x1b[31mphotos/ab.jpg\x1b[0m", 5, "\x1b[31mphot…\x1b[0m"},
		"any number":                     {"photos", 0, "photos"},
		"what is no UTF-8":               {"a\xffb\xffcdef", 4, "a�b…"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Cut(tc.text, tc.most); got != tc.want {
				t.Errorf("Cut(%q, %d) = %q, want %q", tc.text, tc.most, got, tc.want)
			}
		})
	}
}

// TestTheLocaleMakesNoCharacterWider: where it is Chinese, the library takes those of bars for
// wide.
func TestTheLocaleMakesNoCharacterWider(t *testing.T) {
	if got := Width("━─█…·“”"); got != 7 {
		t.Errorf("7 characters take %d columns, want one each", got)
	}
	if got := Width("照片a"); got != 5 {
		t.Errorf("照片a takes %d columns, want 5", got)
	}
}

func TestChineseIsBrokenWithoutBlanks(t *testing.T) {
	for name, tc := range map[string]struct {
		text string
		most int
		want []string
	}{
		"between any two":               {"对象已列举", 4, []string{"对象", "  已", "  列", "  举"}},
		"a comma ends its line":         {"列举完成，继续", 8, []string{"列举完", "  成，继", "  续"}},
		"a bracket begins one":          {"已复制（约）", 8, []string{"已复制", "  （约）"}},
		"a word of Latin stays whole":   {"用ferry copy继续", 7, []string{"用ferry", "  copy", "  继续"}},
		"blanks within a line are kept": {"a  b 中文", 6, []string{"a  b", "  中文"}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Wrap(tc.text, tc.most, 2); !slices.Equal(got, tc.want) {
				t.Errorf("Wrap(%q, %d) = %q, want %q", tc.text, tc.most, got, tc.want)
			}
		})
	}
}
