package digest

import "hash/crc64"

// A CRC64 is the remainder of a content, taken as a polynomial over GF(2), by the
// polynomial ECMA. Sixteen bytes X may be taken out of it, if those that follow n bits
// later get X·x^n mod ECMA added: the remainder stays. Two carry-less multiplications do
// that. So a content is folded into its last sixteen bytes, along four lanes of sixteen
// each, and tables do the rest (Gopal et al., "Fast CRC Computation for Generic
// Polynomials Using PCLMULQDQ Instruction", Intel 2009).
//
// Kept modules compute CRC64 so by other polynomials (minio/crc64nvme).

// stride is what four lanes take at a time, in bytes.
const stride = 64

// folding are the factors that advance sixteen bytes over a stride, and over sixteen
// bytes: those of their first eight, and of their last eight.
var folding = [4]uint64{power(8*stride + 63), power(8*stride - 1), power(128 + 63), power(128 - 1)}

// power returns x^n mod ECMA. As in every CRC64 here bit 63 is the coefficient of x^0.
// The product of two such has x^127 in its lowest bit, where sixteen bytes have it, only
// if it is multiplied by x once more: so every n is one less than the bits to go over.
func power(n int) uint64 {
	v := uint64(1) << 63
	for range n {
		v = v>>1 ^ crc64.ECMA&-(v&1)
	}
	return v
}

// foldCRC64 is CRC64 of a whole number of strides, one at least, where canFold.
func foldCRC64(crc uint64, p []byte) uint64 {
	first, last := fold(&folding, ^crc, p)
	return ^over(over(first) ^ last)
}
