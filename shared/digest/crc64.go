package digest

import "hash/crc64"

// crcTable is ECMA-182, the polynomial of x-oss-hash-crc64ecma (OSS, "Check
// data transmission integrity by using CRC-64").
var crcTable = crc64.MakeTable(crc64.ECMA)

// CRC64 continues crc, 0 at first, over p.
func CRC64(crc uint64, p []byte) uint64 { return crc64.Update(crc, crcTable, p) }

// CombineCRC64 returns the CRC64 of two contents in a row from the CRC64 of
// each and the bytes of the second. It advances the first over that many zero
// bytes by squaring a matrix over GF(2), as zlib's crc32_combine does.
func CombineCRC64(first, second uint64, secondLen int64) uint64 {
	if secondLen <= 0 {
		return first
	}
	var odd, even [64]uint64
	odd[0] = crc64.ECMA // one zero bit
	for i, row := 1, uint64(1); i < 64; i, row = i+1, row<<1 {
		odd[i] = row
	}
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

func times(m *[64]uint64, v uint64) (sum uint64) {
	for i := 0; v != 0; i, v = i+1, v>>1 {
		if v&1 != 0 {
			sum ^= m[i]
		}
	}
	return sum
}

func square(out, m *[64]uint64) {
	for i := range m {
		out[i] = times(m, m[i])
	}
}
