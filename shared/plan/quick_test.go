package plan_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/plan"
	"kodoferry/shared/store"
	"kodoferry/shared/store/mem"
)

// names is a source that has nothing but sorted keys; each object has 10 bytes.
type names struct {
	store.Source
	keys  []string
	usage map[store.Class]store.Usage
	fussy bool // it lists only from keys that exist
	alter func(*store.Object)
}

func (n *names) List(_ context.Context, r store.Range) iter.Seq2[store.Object, error] {
	return func(yield func(store.Object, error) bool) {
		i, found := slices.BinarySearch(n.keys, max(r.After, r.Prefix))
		if found && r.After >= r.Prefix {
			i++
		}
		if n.fussy && r.After != "" && !found {
			return
		}
		for _, key := range n.keys[i:] {
			o := store.Object{Key: key, Size: 10}
			if n.alter != nil {
				n.alter(&o)
			}
			if r.UpTo != "" && key > r.UpTo || !strings.HasPrefix(key, r.Prefix) || !yield(o, nil) {
				return
			}
		}
	}
}

func (n *names) Usage(context.Context) (map[store.Class]store.Usage, error) {
	if n.usage == nil {
		return nil, fault.New(fault.Denied, "names.Usage", "", errors.New("the keys may not ask"))
	}
	return n.usage, nil
}

func (n *names) quick(t *testing.T, set ...func(*job.Job)) plan.Plan {
	t.Helper()
	j, err := job.New("kodo://photos/?region=z0", "oss://photos-new/?region=cn-hangzhou", "", set...)
	if err != nil {
		t.Fatal(err)
	}
	p, err := plan.Quick(t.Context(), plan.Sides{Source: n, Target: keeping{sealed{mem.New(mem.OSS), t}}}, j)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// sealed is a target that fails on every write.
type sealed struct {
	store.Writer
	t *testing.T
}

func (s sealed) Put(_ context.Context, o store.Object, _ io.Reader, _ store.Put) (store.Stored, error) {
	s.t.Errorf("a plan put %q", o.Key)
	return store.Stored{}, errors.New("sealed")
}

// keeping is a target that cannot hold metadata of the name bad.
type keeping struct{ sealed }

func (keeping) Losses(o store.Object) []string {
	if o.Meta["bad"] == "" {
		return nil
	}
	return []string{"its metadata bad cannot be held"}
}

const many = 240_000

// nameSets are buckets as they occur.
var nameSets = map[string]func(r *rand.Rand, i int) string{
	"numbers":         func(_ *rand.Rand, i int) string { return fmt.Sprintf("%09d", i*7) },
	"uniform hex":     func(r *rand.Rand, _ int) string { return fmt.Sprintf("%016x", r.Uint64()) },
	"a common prefix": func(r *rand.Rand, _ int) string { return strings.Repeat("deep/", 40) + fmt.Sprintf("%08x", r.Uint32()) },
	"dates": func(r *rand.Rand, i int) string {
		return fmt.Sprintf("log/20%02d/%02d/%02d/%08x", 15+i%9, 1+i/9%12, 1+i/108%28, r.Uint32())
	},
	"ten directories": func(r *rand.Rand, i int) string { return directories[i%10] + fmt.Sprintf("/%08x.jpg", r.Uint32()) },
	"one prefix with 99 %": func(r *rand.Rand, i int) string {
		return []string{"users/", "zoo/"}[max(0, i%100-98)] + fmt.Sprintf("%08x", r.Uint32())
	},
	"names in several scripts": func(r *rand.Rand, i int) string {
		return []string{"照片", "фото", "photos", "写真"}[i%4] + fmt.Sprintf("/%07d", r.IntN(1e7))
	},
	"names of different length": func(r *rand.Rand, i int) string { return fmt.Sprintf("u%d/%x", r.IntN(5000), r.Uint32()) },
}

var directories = []string{
	"avatars-of-users", "backup-of-the-old-site", "covers", "documents/contracts/signed", "exports", "images/original", "images/thumbnail/200x200",
	"videos/raw-material", "videos/transcoded/h264", "zips",
}

func keysOf(make func(*rand.Rand, int) string, seed uint64) []string {
	r := rand.New(rand.NewPCG(seed, 0))
	keys := []string{}
	for i := range many {
		keys = append(keys, make(r, i))
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

func TestAQuickPlanGuessesTheNumberOfObjectsFromTheirNamesAlone(t *testing.T) {
	const seed = 20261123
	for name, make := range nameSets {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := &names{keys: keysOf(make, seed)}
			p := n.quick(t)
			got, want := float64(p.Listed.Objects), float64(len(n.keys))
			t.Logf("%.0f of %.0f", got, want)
			if got < want/1.5 || got > want*1.5 {
				t.Errorf("%.0f objects guessed, want %.0f or a half more or less (seed %d)", got, want, seed)
			}
			if how := strings.Join(p.How, "\n"); !p.Estimated || !strings.Contains(how, "guessed") || !strings.Contains(how, "may not ask") {
				t.Errorf("estimated %v, how %q; want it marked, and why there are no statistics", p.Estimated, how)
			}
		})
	}
}

func numbered(n int) []string {
	keys := []string{}
	for i := range n {
		keys = append(keys, fmt.Sprintf("k/%08d", i))
	}
	return keys
}

func TestAQuickPlanTellsWhatItsNumbersRestOn(t *testing.T) {
	for name, tc := range map[string]struct {
		source names
		set    func(*job.Job)
		exact  bool
		want   map[plan.Fate]int64 // objects
		how    string
	}{
		"a small bucket is looked at whole": {
			source: names{keys: numbered(2500), usage: map[store.Class]store.Usage{store.Standard: {Objects: 9, Bytes: 9}}},
			exact:  true, want: map[plan.Fate]int64{plan.ToCopy: 2500}, how: "every one of the source's 2,500 objects",
		},
		"an empty one, too": {source: names{}, exact: true, want: map[plan.Fate]int64{}, how: "every one of the source's 0 objects"},
		"statistics count, also what no sample met": {
			source: names{keys: numbered(many), usage: map[store.Class]store.Usage{store.Standard: {Objects: 5e6, Bytes: 5e9}, store.DeepArchive: {Objects: 70, Bytes: 7e6}}},
			want:   map[plan.Fate]int64{plan.ToCopy: 5e6, "skipped": 70}, how: "counted by the service itself",
		},
		"a prefix has no statistics": {
			source: names{keys: numbered(2500), usage: map[store.Class]store.Usage{store.Standard: {Objects: 9, Bytes: 9}}},
			set:    func(j *job.Job) { j.Source.Prefix, j.Target.Prefix = "k/000000", "k/000000" },
			exact:  true, want: map[plan.Fate]int64{plan.ToCopy: 100}, how: "every one",
		},
		"only the beginning can be listed": {source: names{keys: numbered(many), fussy: true}, how: "from the beginning of the bucket alone"},
	} {
		t.Run(name, func(t *testing.T) {
			var set []func(*job.Job)
			if tc.set != nil {
				set = append(set, tc.set)
			}
			p := tc.source.quick(t, set...)
			if how := strings.Join(p.How, "\n"); p.Estimated == tc.exact || !strings.Contains(how, tc.how) {
				t.Errorf("estimated %v, how %q; want %q", p.Estimated, how, tc.how)
			}
			if tc.want == nil {
				return
			}
			for _, fate := range plan.Fates {
				if n := p.Sum(fate, "", "").Objects; n != tc.want[fate] {
					t.Errorf("%d objects to %s, want %d", n, fate, tc.want[fate])
				}
			}
		})
	}
}

func TestAQuickPlanEstimatesWhatOSSWouldRefuseWhatIsArchivedAndWhichMetadataIsLost(t *testing.T) {
	const seed = 12
	r := rand.New(rand.NewPCG(seed, 1))
	n := &names{alter: func(o *store.Object) {
		switch o.Key[len(o.Key)-1] {
		case '0', '1':
			o.Class, o.Frozen = store.Archive, true
		case '2':
			o.Meta = map[string]string{"bad": "x"}
		}
	}}
	for i := range many {
		lead := ""
		if i%4 == 0 {
			lead = "/"
		}
		n.keys = append(n.keys, fmt.Sprintf("%sk/%08x%d", lead, r.Uint32(), i%10))
	}
	slices.Sort(n.keys)
	p := n.quick(t)
	about := func(what string, got, want int64) {
		if got < want*2/3 || got > want*3/2 {
			t.Errorf("%s: about %d, want %d, or a half more or less (seed %d)", what, got, want, seed)
		}
	}
	reason := func(will plan.Fate, part string) (sum int64) {
		for _, r := range p.Reasons {
			if r.Will == will && strings.Contains(r.Why, part) {
				sum += r.Objects
			}
		}
		return sum
	}
	if !p.Estimated {
		t.Error("it does not say that it estimates")
	}
	about("keys that OSS refuses", reason("failed", "begin"), many/4)
	about("archived", reason("skipped", "restore"), many*15/100)
	about("metadata that is lost", reason(plan.Warned, "bad"), many/20)
}
