package forecast

import (
	"strings"
	"testing"
)

// FuzzPrices reads any text over the built-in prices: what is taken gives a forecast
// of finite numbers, and an error names the line.
func FuzzPrices(f *testing.F) {
	for _, text := range []string{"oss:\n  put_10000: 0.1\n", "currency: EUR\n", "oss: &a\n  x: *a\n", "kodo: [", "oss: {put_10000: -1, get_10000: .inf, put_10000: 1e999}\n", "? b\n: 1\n", "oss:\n\tput: 1"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ReadPrices("")
		if err != nil {
			t.Fatal(err)
		}
		if err := p.read("f", []byte(text)); err != nil {
			if !strings.HasPrefix(err.Error(), "f:") {
				t.Errorf("%q: %v, want the file's name and a line in front", text, err)
			}
			return
		}
		for name, n := range p.numbers() {
			if !(*n >= 0 && *n < 1e300) {
				t.Errorf("%q gives %s the number %v", text, name, *n)
			}
		}
	})
}
