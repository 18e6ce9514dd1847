package transfer

import (
	"math/rand/v2"
	"testing"

	"kodoferry/shared/digest"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/upload"
	"kodoferry/shared/pipeline/verdict"
	"kodoferry/shared/store"
)

func TestPartsFallOnTheStepsOfTheHashAndNeverAreTooMany(t *testing.T) {
	const seed = 4
	r := rand.New(rand.NewPCG(seed, 1))
	for range 3000 {
		var row ledger.Row
		row.Src.Hash = digest.QetagOf(nil)
		if r.IntN(2) == 0 {
			for range 1 + r.IntN(40) {
				row.Src.Parts = append(row.Src.Parts, 1+r.Int64N(1<<(10+r.IntN(22))))
			}
			for _, n := range row.Src.Parts {
				row.Src.Size += n
			}
		} else {
			row.Src.Size = 1 + r.Int64N(1<<(20+r.IntN(26)))
		}
		first := int64(1+r.IntN(16)) * digest.BlockSize
		if r.IntN(8) == 0 {
			row.PartSize = digest.BlockSize
		}
		u := upload.Upload{Row: row, PartSize: partSize(row, first)}
		at := cuts(u)
		if n := len(at) - 1; n < 1 || n > verdict.MaxParts || at[0] != 0 || at[n] != row.Src.Size {
			t.Fatalf("seed %d: %d bytes in parts of %d are cut into %d from %d to %d", seed, row.Src.Size, u.PartSize, n, at[0], at[n])
		}
		steps := steps(row.Src)
		for i := range at[1:] {
			size := at[i+1] - at[i]
			if last := i+2 == len(at); size > verdict.MaxPart || !last && (size < u.PartSize || size < 100<<10) {
				t.Fatalf("seed %d: part %d of %d has %d bytes, want %d at least", seed, i+1, len(at)-1, size, u.PartSize)
			}
			if !steps(at[i]) {
				t.Fatalf("seed %d: a part begins at %d, which is no step of the hash", seed, at[i])
			}
			sum := int64(0)
			for _, n := range within(row.Src.Parts, at[i], at[i+1]) {
				sum += n
			}
			if len(row.Src.Parts) > 0 && sum != size {
				t.Fatalf("seed %d: the pieces of part %d have %d bytes, want %d", seed, i+1, sum, size)
			}
		}
	}
}

// steps returns whether an offset begins a block of the object's hash.
func steps(o store.Object) func(at int64) bool {
	return func(off int64) bool {
		if off == o.Size || len(o.Parts) == 0 {
			return off == o.Size || off%digest.BlockSize == 0
		}
		at := int64(0)
		for _, n := range o.Parts {
			if off < at+n {
				return (off-at)%digest.BlockSize == 0
			}
			at += n
		}
		return false
	}
}
