// Package random draws the jitter of waits, the order in which equal things are looked
// at, and marks. It draws from crypto/rand, which every name of a record comes
// from, too: a test that sets that one source (testing/cryptotest) decides all
// of a process's draws, and can repeat them. It is safe for concurrent use.
package random

import (
	crypto "crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"math/rand/v2"
	"time"
)

// source has no state of its own, so that one Rand serves all goroutines.
type source struct{}

func (source) Uint64() uint64 {
	var b [8]byte
	_, _ = crypto.Read(b[:]) // never fails (crypto/rand, since Go 1.24)
	return binary.LittleEndian.Uint64(b[:])
}

var drawn = rand.New(source{})

// Float64 returns a number from 0 up to, and without, 1.
func Float64() float64 { return drawn.Float64() }

// Jitter returns d give or take a quarter, so that what waits for the same
// separates.
func Jitter(d time.Duration) time.Duration { return Within(d, 0.25) }

// Within returns d, shorter or longer by that share of it at the most.
func Within(d time.Duration, share float64) time.Duration {
	return time.Duration(float64(d) * (1 - share + 2*share*Float64()))
}

// Mark returns 8 characters, of letters, digits, - and _, that nothing else has.
func Mark() string {
	var b [6]byte
	_, _ = crypto.Read(b[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// Shuffle brings n things into any order by swapping them.
func Shuffle(n int, swap func(i, j int)) { drawn.Shuffle(n, swap) }

// Perm returns the numbers from 0 to n-1 in any order.
func Perm(n int) []int { return drawn.Perm(n) }
