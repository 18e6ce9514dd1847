package digest_test

import (
	"bytes"
	"hash/crc64"
	"testing"

	"kodoferry/shared/digest"
)

// FuzzQetag hashes any bytes, in pieces of any size: one hash, which is taken for one.
func FuzzQetag(f *testing.F) {
	f.Add([]byte("hello"), uint8(2), "Fto5o-5ea0sNMlW_75VgGJCv2AcJ")
	f.Add(make([]byte, 4<<20+1), uint8(0), "")
	f.Fuzz(func(t *testing.T, data []byte, piece uint8, text string) {
		q := digest.NewQetag(nil)
		for rest := data; len(rest) > 0; {
			n := min(len(rest), int(piece)*4096+1+int(piece))
			_, _ = q.Write(rest[:n]) // never fails
			rest = rest[n:]
		}
		want := digest.QetagOf(data)
		if got := q.Sum(); got != want || !digest.IsQetag(got) || digest.TakesParts(got) {
			t.Errorf("%d bytes have the hash %q, in pieces %q", len(data), want, got)
		}
		if digest.TakesParts(text) && len(text) == 28 && !digest.IsQetag(text) && !bytes.ContainsAny([]byte(text), "\r\n=") {
			t.Errorf("%q takes parts, and is no hash", text)
		}
		cut := len(data) * int(piece) / 256
		first, second := digest.CRC64(0, data[:cut]), digest.CRC64(0, data[cut:])
		if got, want := digest.CombineCRC64(first, second, int64(len(data)-cut)), crc64.Checksum(data, ecma); got != want {
			t.Errorf("%d and %d bytes have the joined CRC64 %d, want %d", cut, len(data)-cut, got, want)
		}
	})
}

var ecma = crc64.MakeTable(crc64.ECMA)

// FuzzParts hashes bytes with any sizes of parts, as a listing may tell: a hash of that
// version, or none, and the same from the hashes of the blocks.
func FuzzParts(f *testing.F) {
	for _, parts := range [][2]int64{{3, 2}, {-1, 6}, {0, 5}, {1 << 62, 1 << 62}, {4 << 20, 1}} {
		f.Add([]byte("hello"), parts[0], parts[1])
	}
	f.Fuzz(func(t *testing.T, data []byte, first, second int64) {
		parts := []int64{first, second}
		q := digest.NewQetag(parts)
		_, _ = q.Write(data) // never fails
		sum := q.Sum()
		joined, err := digest.JoinBlocks(q.Blocks(), int64(len(data)), parts)
		if fits := first > 0 && second > 0 && first <= int64(len(data)) && second == int64(len(data))-first; fits && (err != nil || joined != sum) {
			t.Errorf("%d bytes in parts of %d have the hash %q, and %q, %v by their blocks", len(data), parts, sum, joined, err)
		}
	})
}
