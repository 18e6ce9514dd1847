package reproof

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
	"strconv"
	"strings"

	"kodoferry/shared/fault"
)

// million is the share of all objects.
const million = 1_000_000

// Sample is which objects are looked at: those whose hash, of Seed and the key, is among
// the first Share of a million. The same seed chooses the same keys in every process.
type Sample struct {
	Share int64
	Seed  string
}

// Whole is every object.
var Whole = Sample{Share: million}

// Has reports whether the object of key is looked at.
func (s Sample) Has(key string) bool {
	if s.Share >= million {
		return true
	}
	h := sha256.Sum256([]byte(s.Seed + "\x00" + key))
	hi, _ := bits.Mul64(binary.BigEndian.Uint64(h[:8]), million)
	return int64(hi) < s.Share
}

// ParseShare reads a share of all objects, "1%", in objects of a million. The error is
// Invalid.
func ParseShare(text string) (int64, error) {
	number, percent := strings.CutSuffix(strings.TrimSpace(text), "%")
	v, err := strconv.ParseFloat(number, 64)
	n := math.Round(v * million / 100)
	if err != nil || !percent || !(n >= 1 && n <= million) {
		return 0, fault.New(fault.Invalid, "reproof.ParseShare", text, fmt.Errorf("%q is no share of the objects: write one from 0.0001%% to 100%%, as 1%%", text))
	}
	return int64(n), nil
}

// ShareText writes a share as ParseShare reads it.
func ShareText(share int64) string {
	return strconv.FormatFloat(float64(share)*100/million, 'f', -1, 64) + "%"
}
