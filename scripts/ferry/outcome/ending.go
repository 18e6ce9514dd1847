package outcome

import (
	"fmt"
	"strings"

	"kodoferry/scripts/ferry/life"
	"kodoferry/shared/ledger"
)

// Ending is how an object must end.
type Ending struct {
	State  ledger.State
	Proof  ledger.Proof // of a copied one
	Reason string       // a part of the row's reason
}

// Holds reports whether r ends so.
func (e Ending) Holds(r Row) bool {
	if r.State != e.State || r.Proof != e.Proof || !strings.Contains(r.Reason, e.Reason) {
		return false
	}
	return e.State != ledger.Copied || r.Verdict == ledger.Verified
}

func (e Ending) String() string {
	if e.Proof != "" {
		return fmt.Sprintf("%s, verified, proved by %s", e.State, e.Proof)
	}
	return string(e.State)
}

// Expect returns how an object ends that nobody changes during the run, and names the story of
// one that is not copied as any other.
func Expect(it life.Item) (want Ending, story string) {
	switch {
	case it.Frozen:
		return Ending{State: ledger.Skipped, Reason: "restore it"}, "story.archived"
	case it.Disabled:
		return Ending{State: ledger.Skipped, Reason: "enable it"}, "story.disabled"
	case it.Key[0] == '/' || it.Key[0] == '\\':
		return Ending{State: ledger.Failed, Reason: "give the target a prefix"}, "story.slash"
	case it.NoHash && it.MD5:
		return Ending{State: ledger.Copied, Proof: ledger.ByMD5}, "story.md5"
	case it.NoHash:
		return Ending{State: ledger.Copied, Proof: ledger.ByCRC}, "story.no_hash"
	}
	return Ending{State: ledger.Copied, Proof: ledger.ByQetag}, ""
}
