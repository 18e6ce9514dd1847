package keylist_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"kodoferry/shared/fault"
	"kodoferry/shared/job/keylist"
)

// FuzzRead reads any list. What is taken is sorted, each once, begins with the
// prefix, and comes back from a list of JSON strings.
func FuzzRead(f *testing.F) {
	for _, list := range []string{"a\nb\r\n\"c\\n\\u0022\"\n", "\ufeff2019/a\n\n2019/b", "\"\\ud83d\"\n", "\"unclosed\n", "\xff\n", strings.Repeat("k", 1024)} {
		f.Add(list, "")
		f.Add(list, "2019/")
	}
	f.Fuzz(func(t *testing.T, list, prefix string) {
		keys, err := keylist.Read(strings.NewReader(list), "list", prefix)
		if err != nil {
			if fault.KindOf(err) != fault.Invalid {
				t.Fatalf("%q: %v, want it Invalid", list, err)
			}
			return
		}
		var again bytes.Buffer
		for i, key := range keys {
			if i > 0 && keys[i-1] >= key || !strings.HasPrefix(key, prefix) || len(key) > 1023 {
				t.Errorf("%q gives the key %q after %q", list, key, keys[max(i-1, 0)])
			}
			line, err := json.Marshal(key)
			if err != nil {
				t.Fatal(err)
			}
			again.Write(append(line, '\n'))
		}
		back, err := keylist.Read(&again, "list", prefix)
		if err != nil || !slices.Equal(back, keys) {
			t.Errorf("%q gives %q, and these as JSON give %q, %v", list, keys, back, err)
		}
	})
}
