package contract

import (
	"errors"
	"strings"
	"testing"

	"kodoferry/shared/fault"
)

func TestARecorderEndsACaseAsATestWould(t *testing.T) {
	for name, tc := range map[string]struct {
		f    func(r *recorder)
		want string // failures
		skip string
	}{
		"nothing wrong":     {func(*recorder) {}, "", ""},
		"errors go on":      {func(r *recorder) { r.Errorf("a"); r.Errorf("b") }, "a; b", ""},
		"a fatal one ends":  {func(r *recorder) { r.Fatalf("a"); r.Errorf("b") }, "a", ""},
		"a skip ends":       {func(r *recorder) { r.Skipf("why"); r.Errorf("b") }, "", "why"},
		"a panic is a fail": {func(*recorder) { var none []int; _ = none[len(none)] }, "not of the expected form", ""},
		"many are counted": {func(r *recorder) {
			for range 7 {
				r.Errorf("a")
			}
		}, "a; a; a; and 4 more", ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := &recorder{ctx: t.Context()}
			r.run(func() { tc.f(r) })
			if got := r.text(); !strings.Contains(got, tc.want) || (tc.want == "") != (got == "") || r.skipped != tc.skip {
				t.Errorf("failures %q, skipped %q, want %q and %q", got, r.skipped, tc.want, tc.skip)
			}
		})
	}
}

func TestWhatIsPrivateDoesNotStay(t *testing.T) {
	h := newRedactor([]string{"photos", "photos-new", "2019/", "LTAI5tABC", "", "a"})
	for text, want := range map[string]string{
		`bucket "photos-new" does not exist`:                                `bucket "…" does not exist`,
		"status 403: 2019/a.jpg of photos (request 5C0E)":                   "status 403: …a.jpg of …",
		"dial tcp 10.0.0.1:443: refused":                                    "dial tcp [address]: refused",
		"https://img.example.com/x?token=LTAI5tABC:sig sends":               "[address] sends",
		"img.example.com alters what it serves":                             "[address] alters what it serves",
		"Get \"http://[::1]:80/\"":                                          "Get \"[address]\"",
		"a line\nand another":                                               "a line and another",
		"Open(2, 3) = \"234\", want \"239\"":                                "Open(2, 3) = \"234\", want \"239\"",
		"a is too short a name to hide, and so is it in every word with an": "a is too short a name to hide, and so is it in every word with an",
	} {
		if got := h.text(text); got != want {
			t.Errorf("%q is told as %q, want %q", text, got, want)
		}
	}
	if got := h.text(strings.Repeat("图", 1000)); len(got) > maxShown+len("…") || !strings.HasSuffix(got, "图…") {
		t.Errorf("a long text is told in %d bytes that end in %q", len(got), got[len(got)-8:])
	}
	err := fault.New(fault.Invalid, "kodo.List", "a \"private\" name", errors.New(`"b" after "c"`))
	if got := unquoted(err); strings.Contains(got, "private") || strings.Contains(got, `"b"`) {
		t.Errorf("an error about the user's own objects is told as %q", got)
	}
}
