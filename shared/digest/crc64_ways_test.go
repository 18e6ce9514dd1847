package digest

import (
	"hash/crc64"
	"testing"
)

// FuzzCRC64 goes through any bytes by every way there is, wherever they begin and are
// cut. Each is held against the standard library.
func FuzzCRC64(f *testing.F) {
	for _, n := range []int{0, 1, 15, 16, stride - 1, stride, stride + 1, 2 * stride, 3*stride + 17, 2*lane - 1, 2 * lane, 2*lane + stride + 1} {
		p := make([]byte, n)
		for i := range p {
			p[i] = byte(i*i>>3) ^ byte(i)
		}
		f.Add(p, uint16(n/3), uint64(n)*0x9e3779b97f4a7c15)
	}
	f.Fuzz(func(t *testing.T, p []byte, from uint16, crc uint64) {
		p = p[min(len(p), int(from)):]
		want := crc64.Update(crc, crcTable, p)
		for name, way := range map[string]func(uint64, []byte) uint64{"whichever is fastest": CRC64, "tables": tableCRC64} {
			if got := way(crc, p); got != want {
				t.Errorf("%d bytes behind CRC64 %x have %x by %s, want %x", len(p), crc, got, name, want)
			}
			cut := len(p) / 3
			if got := way(way(crc, p[:cut]), p[cut:]); got != want {
				t.Errorf("%d and %d bytes behind CRC64 %x have %x by %s, want %x", cut, len(p)-cut, crc, got, name, want)
			}
		}
	})
}

func BenchmarkTableCRC64(b *testing.B) {
	p := make([]byte, 64<<10)
	b.SetBytes(int64(len(p)))
	for b.Loop() {
		tableCRC64(0, p)
	}
}
