package life

import "encoding/binary"

// noise is endless content that does not compress: each eight bytes are a
// function of their place.
type noise uint64

// ReadAt fills p and never fails.
func (n noise) ReadAt(p []byte, off int64) (int, error) {
	var word [8]byte
	for i := 0; i < len(p); {
		at := off + int64(i)
		v := n.word(uint64(at / 8))
		if skip := at % 8; skip != 0 || len(p)-i < 8 {
			binary.LittleEndian.PutUint64(word[:], v)
			i += copy(p[i:], word[skip:])
			continue
		}
		binary.LittleEndian.PutUint64(p[i:], v)
		i += 8
	}
	return len(p), nil
}

// word is SplitMix64 (Steele, Lea and Flood, OOPSLA 2014) at place i of its sequence.
func (n noise) word(i uint64) uint64 {
	z := uint64(n) + (i+1)*0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
