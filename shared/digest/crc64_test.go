package digest_test

import (
	"fmt"
	"hash/crc64"
	"math/rand/v2"
	"testing"

	"kodoferry/shared/digest"
)

func TestCRC64IsTheStandardLibrarysWhateverTheLengthAndTheCut(t *testing.T) {
	const seed = 64
	r := rand.New(rand.NewPCG(seed, seed))
	table := crc64.MakeTable(crc64.ECMA)
	b := make([]byte, 40<<10)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	lengths := []int{0, 1, 7, 8, 4095, 4096, 4097, 8191, 8192, 12288, len(b)}
	for range 500 {
		lengths = append(lengths, r.IntN(len(b)+1))
	}
	for _, n := range lengths {
		p := b[r.IntN(len(b)-n+1):][:n]
		want := crc64.Checksum(p, table)
		cut := r.IntN(n + 1)
		if got := digest.CRC64(digest.CRC64(0, p[:cut]), p[cut:]); got != want {
			t.Fatalf("seed %d: CRC64 of %d bytes cut at %d = %x, want %x", seed, n, cut, got, want)
		}
	}
}

func BenchmarkCRC64(b *testing.B) {
	table := crc64.MakeTable(crc64.ECMA)
	for _, size := range []int{8 << 10, 64 << 10} {
		p := make([]byte, size)
		for i := range p {
			p[i] = byte(i * 7)
		}
		for name, f := range map[string]func([]byte) uint64{
			"here":    func(p []byte) uint64 { return digest.CRC64(0, p) },
			"library": func(p []byte) uint64 { return crc64.Checksum(p, table) },
		} {
			b.Run(fmt.Sprintf("%s/%dKiB", name, size>>10), func(b *testing.B) {
				b.SetBytes(int64(size))
				for b.Loop() {
					f(p)
				}
			})
		}
	}
}
