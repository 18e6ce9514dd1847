//go:build goexperiment.jsonv2

package ledger

import (
	"bytes"
	"encoding/json"
	"encoding/json/jsontext"
	jsonv2 "encoding/json/v2"
	"testing"

	"kodoferry/shared/store/wiretest"
)

// BenchmarkRowsBesideJSONv2 writes and reads the rows of a batch by hand, by
// encoding/json/v2 and by encoding/json, in turns, and tells how many times as long
// the others take:
//
//	GOEXPERIMENT=jsonv2 go test ./shared/ledger -run '^$' -bench BesideJSONv2 -count 5
//
// Five runs (2 cores under load, Go 1.26) gave, for v2 and json each as multiples of by
// hand: write 4.48 4.83, 4.67 4.91, 4.44 4.89, 4.50 4.77, 4.72 5.02 of 306 to 346 ns a
// row; read 2.43 2.92, 2.42 2.84, 2.51 3.01, 2.54 3.05, 2.44 2.95 of 665 to 748 ns. With
// v2 a row would cost 1.2 µs more to write and 1.0 µs more to read, where listing costs
// 2.4 µs of processor a key and verifying 5.5 µs (scripts/ferry/bench/README.md): rows stay written and
// read by hand. encoding/json is over v2 in such a build.
func BenchmarkRowsBesideJSONv2(b *testing.B) {
	rows := copiedRows(500)
	asBefore := json.OmitEmptyWithLegacySemantics(true)
	lines := make([][]byte, len(rows))
	for i := range rows {
		line, ok := appendRow(nil, &rows[i])
		other, err := jsonv2.Marshal(&rows[i], asBefore)
		if !ok || err != nil || !bytes.Equal(line, other) {
			b.Fatalf("by hand %s (%v), by encoding/json/v2 %s (%v)", line, ok, other, err)
		}
		lines[i] = line
	}
	b.Run("write", func(b *testing.B) {
		buf := make([]byte, 0, 1<<20)
		var out bytes.Buffer
		enc := jsontext.NewEncoder(&out)
		wiretest.InTurns(b, len(rows), "ns/row", func() error {
			line := buf
			for i := range rows {
				line, _ = appendRow(line, &rows[i])
			}
			return nil
		}, func() error {
			out.Reset()
			enc.Reset(&out)
			for i := range rows {
				if err := jsonv2.MarshalEncode(enc, &rows[i], asBefore); err != nil {
					return err
				}
			}
			return nil
		}, func() error {
			out.Reset()
			e := json.NewEncoder(&out)
			e.SetEscapeHTML(false)
			for i := range rows {
				if err := e.Encode(&rows[i]); err != nil {
					return err
				}
			}
			return nil
		})
	})
	b.Run("read", func(b *testing.B) {
		read := make([]Row, len(lines))
		by := func(decode func([]byte, any) error) func() error {
			return func() error {
				clear(read)
				for i, line := range lines {
					if err := decode(line, &read[i]); err != nil {
						return err
					}
				}
				return nil
			}
		}
		wiretest.InTurns(b, len(rows), "ns/row", func() error {
			clear(read)
			var known recurring
			for i, line := range lines {
				if !scanRow(line, &known, &read[i]) {
					b.Fatalf("%s is not read by hand", line)
				}
			}
			return nil
		}, by(func(line []byte, into any) error { return jsonv2.Unmarshal(line, into) }), by(json.Unmarshal))
		if !equalRows(read[7], rows[7]) {
			b.Errorf("row 7 is %+v, want %+v", read[7], rows[7])
		}
	})
}
