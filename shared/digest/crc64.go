package digest

import (
	"encoding/binary"
	"hash/crc64"
)

// crcTable is ECMA-182, the polynomial of x-oss-hash-crc64ecma (OSS, "Check
// data transmission integrity by using CRC-64").
var crcTable = crc64.MakeTable(crc64.ECMA)

// CRC64 continues crc, 0 at first, over p: by carry-less multiplication where the
// processor has it (crc64_fold.go), seven times as fast as the standard library (BenchmarkCRC64).
func CRC64(crc uint64, p []byte) uint64 {
	if canFold && len(p) >= stride {
		n := len(p) - len(p)%stride
		crc = foldCRC64(crc, p[:n])
		p = p[n:]
	}
	return tableCRC64(crc, p)
}

// tableCRC64 is CRC64 by tables, on any processor.
//
// The standard library goes through p eight bytes at a time, each step waiting
// for the one before. Here two lanes of a long p go side by side, which a core
// does in little more than the time of one, and are then combined: 1.7 times
// as fast.
func tableCRC64(crc uint64, p []byte) uint64 {
	for len(p) >= 2*lane {
		first, second := lanes(crc, p[:2*lane])
		crc = times(&overLane, first) ^ second
		p = p[2*lane:]
	}
	return crc64.Update(crc, crcTable, p)
}

// lane is how many bytes of two lanes each has: short enough that a small
// object has two, long enough that combining them costs little.
const lane = 2 << 10

// overLane advances a CRC64 over a lane of zero bytes.
var overLane = zeros(lane)

// eights are the tables for eight bytes at a time ("slicing by 8"): the k-th
// advances a byte over k more.
var eights = func() (t [8]crc64.Table) {
	t[0] = *crcTable
	for i := range 256 {
		crc := t[0][i]
		for k := 1; k < 8; k++ {
			crc = t[0][crc&0xff] ^ crc>>8
			t[k][i] = crc
		}
	}
	return t
}()

// lanes continues crc over the first lane of p, and 0 over the second.
func lanes(crc uint64, p []byte) (first, second uint64) {
	a, b := p[:lane], p[lane:2*lane]
	first, second = ^crc, ^uint64(0)
	for len(a) >= 8 && len(b) >= 8 {
		first, second = over(first^binary.LittleEndian.Uint64(a)), over(second^binary.LittleEndian.Uint64(b))
		a, b = a[8:], b[8:]
	}
	return ^first, ^second
}

// over advances a CRC64, with eight bytes added to it, over these, by tables.
func over(x uint64) uint64 {
	return eights[7][x&0xff] ^ eights[6][x>>8&0xff] ^ eights[5][x>>16&0xff] ^ eights[4][x>>24&0xff] ^
		eights[3][x>>32&0xff] ^ eights[2][x>>40&0xff] ^ eights[1][x>>48&0xff] ^ eights[0][x>>56]
}

// zeros returns the matrix that advances a CRC64 over n zero bytes, n a power of two.
func zeros(n int) [64]uint64 {
	m, next := oneZeroBit(), [64]uint64{}
	for bits := 8 * n; bits > 1; bits /= 2 {
		square(&next, &m)
		m = next
	}
	return m
}

// CombineCRC64 returns the CRC64 of two contents in a row from the CRC64 of
// each and the bytes of the second. It advances the first over that many zero
// bytes by squaring a matrix over GF(2), as zlib's crc32_combine does.
func CombineCRC64(first, second uint64, secondLen int64) uint64 {
	if secondLen <= 0 {
		return first
	}
	odd, even := oneZeroBit(), [64]uint64{}
	square(&even, &odd) // two zero bits
	square(&odd, &even) // four
	for {
		square(&even, &odd)
		if secondLen&1 != 0 {
			first = times(&even, first)
		}
		if secondLen >>= 1; secondLen == 0 {
			break
		}
		square(&odd, &even)
		if secondLen&1 != 0 {
			first = times(&odd, first)
		}
		if secondLen >>= 1; secondLen == 0 {
			break
		}
	}
	return first ^ second
}

// oneZeroBit is the matrix that advances a CRC64 over one zero bit.
func oneZeroBit() (m [64]uint64) {
	m[0] = crc64.ECMA
	for i, row := 1, uint64(1); i < 64; i, row = i+1, row<<1 {
		m[i] = row
	}
	return m
}

// times has no branches: those on random bits are guessed wrongly half the time.
func times(m *[64]uint64, v uint64) (sum uint64) {
	for i := range m {
		sum ^= m[i] & -(v >> i & 1)
	}
	return sum
}

func square(out, m *[64]uint64) {
	for i := range m {
		out[i] = times(m, m[i])
	}
}
