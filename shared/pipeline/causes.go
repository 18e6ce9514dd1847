package pipeline

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"kodoferry/shared/ledger"
)

// Group is the failures that have one cause, for a person to cure at once.
type Group struct {
	State    string // failed, conflict, mismatch
	Cause    string // what is the matter, without what differs from key to key
	Cure     string // what to do about it
	Keys     []GroupKey
	named    bool            // Cause was written by whoever met it
	distinct map[string]bool // the reasons
	commons  map[string]bool // what is common of them
}

// GroupKey is one object of a group.
type GroupKey struct {
	Key  string
	Note string // what its reason says that the group's does not
}

// shownKeys is how many keys of a group stand open; the others are folded away.
const shownKeys = 10

// First are the keys of the group that stand open.
func (g Group) First() []GroupKey { return g.Keys[:min(shownKeys, len(g.Keys))] }

// Count is how many objects the group has.
func (g Group) Count() int64 { return int64(len(g.Keys)) }

// Rest are the keys that are folded away.
func (g Group) Rest() []GroupKey { return g.Keys[min(shownKeys, len(g.Keys)):] }

// Causes groups failures by state and cause, the largest group first. Where an
// older version wrote no cause, what the reasons have in common counts for one.
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
			k.cause = common(f.Reason)
		}
		i, ok := at[k]
		if !ok {
			i = len(groups)
			at[k] = i
			groups = append(groups, Group{State: state, Cause: k.cause, named: k.named, distinct: map[string]bool{}, commons: map[string]bool{}})
		}
		groups[i].Keys = append(groups[i].Keys, GroupKey{f.Key, f.Reason})
		groups[i].distinct[f.Reason], groups[i].commons[common(f.Reason)] = true, true
	}
	for i := range groups {
		groups[i].settle()
	}
	slices.SortStableFunc(groups, func(a, b Group) int { return cmp.Compare(len(b.Keys), len(a.Keys)) })
	return groups
}

// settle puts the group into words for a person.
func (g *Group) settle() {
	cause, cure, ok := strings.Cut(g.Cause, "; ") // a sentence of ours: "cause; cure"
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
	g.Cause, g.Cure = sentence(cause), sentence(cure)
}

// sentence begins s with a capital where it begins with a plain word.
func sentence(s string) string {
	word, _, _ := strings.Cut(s, " ")
	if len(word) > 0 && strings.Trim(word, "abcdefghijklmnopqrstuvwxyz") == "" {
		return strings.ToUpper(s[:1]) + s[1:]
	}
	return s
}

// special finds what differs from object to object in a reason: what is
// quoted, and long words that hold a digit, as hashes and request ids do.
var special = regexp.MustCompile(`"(?:[^"\\]|\\.)*"|[\p{L}\p{N}_+/=.:-]*\p{N}[\p{L}\p{N}_+/=.:-]*`)

// shortest is how many bytes a word with a digit must have to be special.
const shortest = 6

func isSpecial(word string) bool {
	return word[0] == '"' || len(strings.TrimRight(word, ".:")) >= shortest
}

// common is a reason without what is special to one object.
func common(reason string) string {
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

// particular is what common leaves out, but for the key itself.
func particular(reason, key string) string {
	var words []string
	for _, word := range special.FindAllString(reason, -1) {
		if isSpecial(word) && word != strconv.Quote(key) {
			words = append(words, strings.TrimRight(word, ".:"))
		}
	}
	return strings.Join(words, ", ")
}
