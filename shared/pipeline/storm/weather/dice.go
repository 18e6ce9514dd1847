package weather

import "hash/fnv"

// Dice draws what a seed decides. A draw depends on the seed and on the name
// and the number of the draw, never on what was drawn before: where something
// is left out of a storm, the rest of it is drawn as it was.
type Dice struct{ Seed uint64 }

// Draw returns a number from 0 up to, and without, n; 0 where n is at most 1.
func (d Dice) Draw(n int, name string, number int) int {
	if n <= 1 {
		return 0
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(name))
	return int(mix(d.Seed^mix(h.Sum64()+uint64(number)*0x9e3779b97f4a7c15)) % uint64(n))
}

// Chance reports what happens percent times of 100.
func (d Dice) Chance(percent int, name string, number int) bool {
	return d.Draw(100, name, number) < percent
}

// mix is the finalizer of SplitMix64: every bit of x moves every bit of it.
func mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}
