package report

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"kodoferry/shared/ledger"
)

// Group is the failures that have one cause, and so one cure.
type Group struct {
	State    string // failed, conflict, mismatch
	Cause    string // what is the matter, without what differs from key to key
	Cure     string // what to do about it
	Advised  bool   // the cure is that of the cause: until it is applied, they fail again
	Keys     []GroupKey
	named    bool            // the rows name the cause
	distinct map[string]bool // the reasons
	commons  map[string]bool // CommonReason of these
}

// GroupKey is one object of a group.
type GroupKey struct {
	Key  string
	Note string // what its reason says besides the group's cause
}

// shownKeys is how many keys of a group are shown unfolded.
const shownKeys = 10

// First are the keys of the group that are shown unfolded.
func (g Group) First() []GroupKey { return g.Keys[:min(shownKeys, len(g.Keys))] }

// Count is how many objects the group has.
func (g Group) Count() int64 { return int64(len(g.Keys)) }

// Rest are the keys that are folded away.
func (g Group) Rest() []GroupKey { return g.Keys[min(shownKeys, len(g.Keys)):] }

// Causes groups failures by state and cause, the largest group first. Where an
// older version wrote no cause, the common part of the reasons is the cause.
func Causes(failures []ledger.Failure) []Group {
	type id struct {
		state, cause string
		named        bool
	}
	at := map[id]int{}
	var groups []Group
	for _, f := range failures {
		state := string(f.State)
		if f.Verdict == ledger.Mismatch {
			state = string(f.Verdict)
		}
		k := id{state, string(f.Cause), f.Cause != ""}
		if !k.named {
			k.cause = CommonReason(f.Reason)
		}
		i, ok := at[k]
		if !ok {
			i = len(groups)
			at[k] = i
			groups = append(groups, Group{State: state, Cause: k.cause, named: k.named, distinct: map[string]bool{}, commons: map[string]bool{}})
		}
		groups[i].Keys = append(groups[i].Keys, GroupKey{f.Key, f.Reason})
		groups[i].distinct[f.Reason], groups[i].commons[CommonReason(f.Reason)] = true, true
	}
	for i := range groups {
		groups[i].phrase()
	}
	slices.SortStableFunc(groups, func(a, b Group) int { return cmp.Compare(len(b.Keys), len(a.Keys)) })
	return groups
}

// phrase splits the cause of a group into cause and cure, and finds the notes of its
// keys.
func (g *Group) phrase() {
	cause, cure, ok := strings.Cut(g.Cause, "; ") // reasons are written as "cause; cure"
	if reason := g.Keys[0].Note; len(g.distinct) == 1 && !g.named {
		cause, cure, ok = strings.Cut(reason, "; ")
	} else if len(g.distinct) == 1 {
		cause = strings.TrimSuffix(reason, "; "+cure)
	}
	for i, k := range g.Keys {
		switch {
		case len(g.distinct) == 1:
			g.Keys[i].Note = ""
		case len(g.commons) == 1:
			g.Keys[i].Note = particular(k.Note, k.Key)
		} // else the reasons differ in their words, too
	}
	switch {
	case cause == "":
		cause = "no reason was recorded"
		fallthrough
	case !ok:
		cure = "run the same command again: what is proved is not copied again. If it stays, “ferry why” tells every try of a key"
	case g.State == string(ledger.Conflict):
		cure = "decide which of the two is wanted; " + cure
	}
	g.Cause, g.Cure, g.Advised = sentence(cause), sentence(cure), ok
}

// special finds what differs from object to object in a reason: what is
// quoted, and long words that hold a digit, as hashes and request ids do.
var special = regexp.MustCompile(`"(?:[^"\\]|\\.)*"|[\p{L}\p{N}_+/=.:-]*\p{N}[\p{L}\p{N}_+/=.:-]*`)

// shortest is how many bytes a word with a digit must have to be special.
const shortest = 6

func isSpecial(word string) bool {
	return word[0] == '"' || len(strings.TrimRight(word, ".:")) >= shortest
}

// CommonReason is a reason without the names, hashes and request ids that differ
// from object to object.
func CommonReason(reason string) string {
	return special.ReplaceAllStringFunc(reason, func(word string) string {
		switch {
		case !isSpecial(word):
			return word
		case word[0] == '"':
			return "“…”"
		}
		return "…" + word[len(strings.TrimRight(word, ".:")):]
	})
}

// particular is what CommonReason leaves out of a reason, without the key.
func particular(reason, key string) string {
	var words []string
	for _, word := range special.FindAllString(reason, -1) {
		if isSpecial(word) && word != strconv.Quote(key) {
			words = append(words, strings.TrimRight(word, ".:"))
		}
	}
	return strings.Join(words, ", ")
}
