package memory

import (
	enc64 "encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"strconv"
)

// Which characters there are, by the codings that have them.
const (
	digit = 1 << iota
	low   // a to f
	high  // A to F
	other // what else base64 has
	none  // the rest
)

// characters has which of those each byte is.
var characters = func() (c [256]byte) {
	for b := range c {
		switch {
		case '0' <= b && b <= '9':
			c[b] = digit
		case 'a' <= b && b <= 'f':
			c[b] = low
		case 'A' <= b && b <= 'F':
			c[b] = high
		case 'g' <= b && b <= 'z', 'G' <= b && b <= 'Z', b == '-', b == '_':
			c[b] = other
		default:
			c[b] = none
		}
	}
	return c
}()

// codingOf returns how a hash is written the shortest.
func codingOf(s string) coding {
	if s == "" {
		return empty
	}
	has := byte(0)
	for i := range len(s) {
		has |= characters[s[i]]
	}
	switch {
	case has&none != 0:
		return plain
	case has&(other|high) == 0 && len(s)%2 == 0:
		return lower
	case has&(other|low) == 0 && len(s)%2 == 0:
		return upper
	case len(s)%4 == 0: // no bits are left over
		return base64
	}
	return plain
}

// besideMD5 returns how s is written beside an MD5: that it is the MD5, or as codingOf says.
func besideMD5(s, md5 string) coding {
	switch {
	case md5 == "":
	case s == md5:
		return same
	case isUpper(s, md5):
		return loud
	}
	return codingOf(s)
}

// isUpper reports whether s is an MD5 in upper case.
func isUpper(s, md5 string) bool {
	if len(s) != len(md5) {
		return false
	}
	for i := range len(s) {
		switch c := md5[i]; {
		case characters[c] == low:
			if s[i] != c-'a'+'A' {
				return false
			}
		case characters[c] > high || s[i] != c:
			return false
		}
	}
	return true
}

// isNumber reports whether s is a decimal of 64 bits as strconv writes it.
func isNumber(s string) bool {
	n, err := strconv.ParseUint(s, 10, 64)
	return err == nil && (s[0] != '0' || len(s) == 1) && s[0] != '+' && len(strconv.FormatUint(n, 10)) == len(s)
}

func appendCoded(b []byte, c coding, s string) []byte {
	switch c {
	case plain:
		return appendText(b, s)
	case lower, upper:
		b = binary.AppendUvarint(b, uint64(len(s)/2))
		for i := 0; i < len(s); i += 2 {
			b = append(b, nibble(s[i])<<4|nibble(s[i+1]))
		}
	case base64:
		b = binary.AppendUvarint(b, uint64(len(s)/4*3))
		b, _ = enc64.RawURLEncoding.AppendDecode(b, []byte(s)) // codingOf has looked
	case number:
		n, _ := strconv.ParseUint(s, 10, 64) // isNumber has looked
		b = binary.LittleEndian.AppendUint64(b, n)
	}
	return b
}

func nibble(c byte) byte {
	switch {
	case c >= 'a':
		return c - 'a' + 10
	case c >= 'A':
		return c - 'A' + 10
	}
	return c - '0'
}

// appendDecoded appends the text that raw stands for, unless that is the MD5.
func appendDecoded(b []byte, c coding, raw []byte) []byte {
	switch c {
	case lower:
		return hex.AppendEncode(b, raw)
	case upper:
		const digits = "0123456789ABCDEF"
		for _, v := range raw {
			b = append(b, digits[v>>4], digits[v&15])
		}
		return b
	case base64:
		return enc64.RawURLEncoding.AppendEncode(b, raw)
	case number:
		return strconv.AppendUint(b, binary.LittleEndian.Uint64(raw), 10)
	}
	return append(b, raw...)
}
