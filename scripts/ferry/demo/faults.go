package demo

import (
	"math/rand/v2"
	"slices"

	"kodoferry/scripts/ferry/life"
	"kodoferry/shared/emulator/chaos"
	"kodoferry/shared/ledger"
)

// How many of the objects meet a fault of each kind when they are read.
const (
	flipShare  = 0.03
	resetShare = 0.03
	errorShare = 0.01
	slowDowns  = 8 // answers that say "too frequent", in all: each costs a wait
)

// trouble lets faults loose in both clouds. At the source it hits chosen
// objects, so that the same seed is the same trouble, and so that no byte is
// flipped in an object that is listed without any hash: on its way nothing but
// TLS, which stand-ins do not speak, could tell. At the target it hits any
// PUT, the ledger's included.
func (w *world) trouble() {
	w.clouds.Kodo.Desk().Reset()
	w.clouds.OSS.Desk().Reset()
	w.clouds.Kodo.Desk().Inject(w.sourceFaults()...)
	w.clouds.OSS.Desk().Inject(
		chaos.Rule{Op: "put", Kind: chaos.Lost, Rate: 0.02},
		chaos.Rule{Op: "put", Kind: chaos.Status, Rate: 0.02, Status: 503},
	)
}

func (w *world) sourceFaults() []chaos.Rule {
	rules := []chaos.Rule{
		{Op: "list", Kind: chaos.EmptyPage, Rate: 0.3, Limit: 3},
		{Op: "list", Kind: chaos.Status, Rate: 0.3, Status: 503, Limit: 3},
	}
	once := func(o *object, kind chaos.Kind, status int) {
		w.seen.faulty[o.Key]++
		rules = append(rules, chaos.Rule{Op: "get", Key: o.Key, Kind: kind, Status: status, Rate: 1, Limit: 1})
	}
	for _, o := range w.cast[refused:] {
		once(o, chaos.Status, 403)
	}
	r := rand.New(rand.NewPCG(w.options.StandIns.Seed, 0xfa017))
	slow := 0
	for _, o := range w.objects {
		if o.Size < 2 || o.want.State != ledger.Copied || o.want.Proof == ledger.ByCRC || slices.Contains(w.cast, o) {
			continue
		}
		switch p := r.Float64(); {
		case p < flipShare, o.Key == life.Giant:
			once(o, chaos.Flip, 0)
		case p < flipShare+resetShare:
			once(o, chaos.Reset, 0)
		case p < flipShare+resetShare+errorShare:
			once(o, chaos.Status, 503)
		case slow < slowDowns && p > 0.99:
			slow++
			once(o, chaos.Throttle, 0)
		}
	}
	return rules
}
