package listing

import (
	"context"
	"strings"
	"time"

	"kodoferry/shared/store"
)

// besideTime is how long Beside lists.
const besideTime = 20 * time.Second

// Beside returns up to most names that src has beside a prefix that has none, or at
// the nearest levels above: the first of each, up to the next slash. It lists one page
// a name, and most + 2 at most. What is not found within 20 s is left out.
func Beside(ctx context.Context, src store.Source, prefix string, most int) []string {
	ctx, cancel := context.WithTimeout(ctx, besideTime)
	defer cancel()
	for _, level := range levels(prefix) {
		if names := namesBelow(ctx, src, level, most); len(names) > 0 {
			return names
		}
	}
	return nil
}

// levels are where to look for what lies beside prefix: the two levels above its
// last part, and the whole bucket.
func levels(prefix string) []string {
	var up []string
	for rest := prefix; len(up) < 2 && rest != ""; {
		rest = rest[:strings.LastIndex(strings.TrimSuffix(rest, "/"), "/")+1]
		if rest != "" {
			up = append(up, rest)
		}
	}
	return append(up, "")
}

// namesBelow are up to most names below level, up to the next slash of each.
func namesBelow(ctx context.Context, src store.Source, level string, most int) (names []string) {
	for after := ""; len(names) < most; {
		key := firstKey(ctx, src, store.Range{Prefix: level, After: after})
		if key == "" {
			break
		}
		name, after2 := key, key
		if i := strings.Index(key[len(level):], "/"); i >= 0 {
			name = key[:len(level)+i+1]
			after2 = before(key[:len(level)+i] + "0") // which follows all that lies below name
		}
		names, after = append(names, name), after2
	}
	return names
}

// firstKey is the first key that the source lists in a range, "" if it lists none.
func firstKey(ctx context.Context, src store.Source, in store.Range) string {
	in.Few = 1
	for o, err := range src.List(ctx, in) {
		if err != nil {
			return ""
		}
		return o.Key
	}
	return ""
}
