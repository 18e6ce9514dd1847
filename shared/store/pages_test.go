package store

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// asUTF8 is a service that takes nothing but UTF-8.
var asUTF8 = Pages{Cut: UTF8Prefix}

func TestTheQuestionIsAsNarrowAsTheRange(t *testing.T) {
	for name, tc := range map[string]struct {
		r             Range
		prefix, after string
		none          bool
	}{
		"everything":                               {},
		"a prefix":                                 {r: Range{Prefix: "a/"}, prefix: "a/"},
		"a shard shares its bounds' prefix":        {r: Range{After: "a/x1", UpTo: "a/x9"}, prefix: "a/x", after: "a/x1"},
		"the narrower of both prefixes":            {r: Range{Prefix: "a", After: "a/x1", UpTo: "a/x9"}, prefix: "a/x", after: "a/x1"},
		"the job's prefix where it is narrower":    {r: Range{Prefix: "a/x5", After: "a/x1", UpTo: "a/x9"}, prefix: "a/x5"},
		"open upwards":                             {r: Range{After: "a/x1"}, after: "a/x1"},
		"characters are not cut in two":            {r: Range{After: "é", UpTo: "ê"}, after: "é"},
		"a bound that is no UTF-8 is cut":          {r: Range{After: "a\xffb"}, after: "a"},
		"a prefix that is no UTF-8 is cut":         {r: Range{Prefix: "ab\xe4\xb8"}, prefix: "ab"},
		"bounds that cross":                        {r: Range{After: "b", UpTo: "a"}, none: true},
		"bounds that meet":                         {r: Range{After: "b", UpTo: "b"}, none: true},
		"bounds that miss the prefix":              {r: Range{Prefix: "c", After: "a1", UpTo: "a9"}, none: true},
		"an end before the prefix":                 {r: Range{Prefix: "c", UpTo: "b"}, none: true},
		"a start behind the prefix":                {r: Range{Prefix: "c", After: "d"}, none: true},
		"a start within the prefix":                {r: Range{Prefix: "c", After: "c5"}, prefix: "c", after: "c5"},
		"a start before the prefix needs no start": {r: Range{Prefix: "c", After: "b"}, prefix: "c"},
	} {
		t.Run(name, func(t *testing.T) {
			q, ok := asUTF8.plan(tc.r)
			if ok == tc.none || ok && (q.Prefix != tc.prefix || q.After != tc.after) {
				t.Errorf("plan(%+v) = %+v, %v, want %q after %q, asked: %v", tc.r, q, ok, tc.prefix, tc.after, !tc.none)
			}
		})
	}
}

func TestTheQuestionNeverLosesAKey(t *testing.T) {
	const seed = 11
	rnd := rand.New(rand.NewPCG(seed, 1))
	pick := func() string {
		b := make([]byte, rnd.IntN(4))
		for i := range b {
			b[i] = "ab\xc3\xa9\xff"[rnd.IntN(5)]
		}
		return string(b)
	}
	for range 50_000 {
		r, key := Range{Prefix: pick(), After: pick(), UpTo: pick()}, pick()
		in := strings.HasPrefix(key, r.Prefix) && (r.After == "" || key > r.After) && (r.UpTo == "" || key <= r.UpTo)
		q, ok := asUTF8.plan(r)
		if in && (!ok || !strings.HasPrefix(key, q.Prefix) || q.After != "" && key <= q.After) {
			t.Fatalf("seed %d: plan(%+v) = %+v, %v loses %q", seed, r, q, ok, key)
		}
	}
}

func TestACircleIsNoticedAndNothingElse(t *testing.T) {
	for start := range 20 {
		for length := 1; length < 20; length++ {
			var c circle
			steps := 0
			for !c.closes(fmt.Sprint(min(steps, start) + max(0, steps-start)%length)) {
				if steps++; steps > 1000 {
					t.Fatalf("a circle of %d after %d is not noticed", length, start)
				}
			}
			if steps < start+length {
				t.Fatalf("a circle of %d after %d is noticed at step %d, before it closes", length, start, steps)
			}
		}
	}
}
