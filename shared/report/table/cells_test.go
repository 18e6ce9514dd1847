package table

import (
	"bytes"
	"encoding/csv"
	"testing"

	"kodoferry/shared/job"
)

// FuzzCell writes cells byte by byte as encoding/csv does.
func FuzzCell(f *testing.F) {
	for _, s := range []string{"", "a", `"`, `a"b`, "a,b", " a", "a ", "\ta", "\u00a0a", "\u3000", "照片", "a\r\nb", `\.`, `\`, "\xff", "\x00", "\x85a"} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		w := NewWriter(job.Job{}, "r")
		w.rows = nil
		w.cell(a)
		w.cell(b)
		w.endLine()
		var want bytes.Buffer
		c := csv.NewWriter(&want)
		_ = c.Write([]string{a, b}) // into memory
		c.Flush()
		if string(w.rows) != want.String() {
			t.Errorf("%q, %q are written %q, and encoding/csv writes %q", a, b, w.rows, want.String())
		}
	})
}
