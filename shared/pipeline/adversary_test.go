package pipeline_test

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/report"
	"kodoferry/shared/report/table"
	"kodoferry/shared/store"
)

// standing is an object of the target as it was when it was looked at.
type standing struct {
	object store.Object
	body   []byte
}

// look returns what stands under a key in the target.
func (w *world) look(key string) standing {
	w.t.Helper()
	o, err := w.dst.Stat(w.t.Context(), key)
	if err != nil {
		w.t.Fatal(err)
	}
	return standing{o, read(w.t, w.dst, key)}
}

// written has the application write to the target: body, with the metadata of o, as a copy by
// the service takes them along, or as who writes back what it has read.
func (w *world) written(key string, o store.Object, body []byte) {
	w.t.Helper()
	o.Key, o.Size = key, int64(len(body))
	if _, err := w.dst.Put(w.t.Context(), o, bytes.NewReader(body), store.Put{}); err != nil {
		w.t.Fatal(err)
	}
}

// inPlace has the application copy an object onto itself, with what change alters.
func (w *world) inPlace(change func(o *store.Object)) {
	w.t.Helper()
	o := w.look(rewritten).object
	change(&o)
	if _, err := w.dst.SetAttributes(w.t.Context(), o); err != nil {
		w.t.Fatal(err)
	}
}

// adversaries are what an application does with two versions that the job has copied, one
// over the other, of which the newer stands; a while later.
var adversaries = map[string]func(w *world, older, newer standing){
	"restores the older version": func(w *world, older, _ standing) { w.written(rewritten, older.object, older.body) },
	"removes the newer of its versions": func(w *world, older, _ standing) {
		w.written(rewritten, older.object, older.body)
		w.dst.Alter(rewritten, func(o *store.Object) { o.Modified = older.object.Modified })
	},
	"copies it onto itself":              func(w *world, _, _ standing) { w.inPlace(func(*store.Object) {}) },
	"copies it onto itself, hours later": func(w *world, _, _ standing) { w.clock.Advance(3 * time.Hour); w.inPlace(func(*store.Object) {}) },
	"adds metadata of its own": func(w *world, _, _ standing) {
		w.inPlace(func(o *store.Object) { o.Meta = map[string]string{"reviewed": "yes"} })
	},
	"sets the attributes of the older one": func(w *world, older, _ standing) {
		w.inPlace(func(o *store.Object) {
			o.Type, o.Meta, o.Origin = older.object.Type, older.object.Meta, older.object.Origin
		})
	},
	"copies it away and back": func(w *world, _, newer standing) {
		w.written("away", newer.object, newer.body)
		w.clock.Advance(time.Minute)
		w.written(rewritten, newer.object, newer.body)
	},
	"writes what it made of it with all its metadata": func(w *world, _, newer standing) {
		w.written(rewritten, newer.object, bytes.ToUpper(newer.body))
	},
	"writes what it made of the older one with all its metadata": func(w *world, older, _ standing) {
		w.written(rewritten, older.object, bytes.ToUpper(older.body))
	},
	"writes something else twice, and then with the metadata of the older one": func(w *world, older, _ standing) {
		w.written(rewritten, store.Object{Type: "the application's"}, bytes.Repeat([]byte("X"), len(older.body)))
		w.again()
		w.written(rewritten, older.object, bytes.Repeat([]byte("Y"), len(older.body)))
	},
	"writes something else, and then with the metadata of the newer one": func(w *world, _, newer standing) {
		w.written(rewritten, store.Object{Type: "the application's"}, bytes.Repeat([]byte("X"), len(newer.body)))
		w.again()
		w.written(rewritten, newer.object, bytes.Repeat([]byte("Y"), len(newer.body)))
	},
}

// copiers are what has copied the two versions that an adversary finds: each begins with
// the older one copied by a run.
var copiers = map[string]func(w *world, size int){
	"by two runs": func(w *world, size int) {
		w.another(size, "b")
		w.again()
	},
	"by a run and an event": func(w *world, size int) {
		w.another(size, "b")
		w.drive(w.t.Context(), 0, w.notified(rewritten)...)
	},
	"by a run, an event and a run of the day": func(w *world, size int) {
		w.another(size, "0")
		w.drive(w.t.Context(), 0, w.notified(rewritten)...)
		w.another(size, "b")
		w.again()
	},
	"by two jobs of the same places": func(w *world, size int) {
		w.another(size, "b")
		w.job.Name = "another"
		w.fresh()
		w.again()
		w.job.Name = "j"
		w.fresh()
	},
}

// thens are what comes upon what the adversary left.
var thens = map[string]func(w *world, size int) (run string){
	"a delta":                      func(w *world, _ int) string { name, _ := w.again(); return name },
	"a delta of another version":   func(w *world, size int) string { w.another(size, "c"); name, _ := w.again(); return name },
	"a delta of the older version": func(w *world, size int) string { w.another(size, "a"); name, _ := w.again(); return name },
	"a mirror": func(w *world, _ int) string {
		remove(w.t, w, rewritten)
		name, _ := w.again()
		return name
	},
	"an event of another version": func(w *world, size int) string {
		w.another(size, "c")
		w.drive(w.t.Context(), 0, w.notified(rewritten)...)
		return ""
	},
	"an event of its deletion": func(w *world, _ int) string {
		remove(w.t, w, rewritten)
		w.drive(w.t.Context(), 0, w.notified(rewritten)...)
		return ""
	},
	"other attributes": func(w *world, _ int) string { w.restyled("text/c"); name, _ := w.again(); return name },
}

// TestWhatAnApplicationMakesOfCopiesIsItsOwn has an application do what may be taken for the
// job's, and then a run or an event come upon that: what the application left stands, and
// nothing is verified whose bytes are not the source's. The target's clock is behind, right,
// or ahead. Left out is what looks as if an event of a day that is not over had never been:
// the newer version, which it wrote, removed, so that what the last run left is there again.
func TestWhatAnApplicationMakesOfCopiesIsItsOwn(t *testing.T) {
	t.Parallel()
	skews := []time.Duration{0, -10 * time.Minute, 10 * time.Minute}
	n := 0
	for i, by := range slices.Sorted(maps.Keys(copiers)) {
		for k, does := range slices.Sorted(maps.Keys(adversaries)) {
			for l, then := range slices.Sorted(maps.Keys(thens)) {
				copied, adversary, come := copiers[by], adversaries[does], thens[then]
				if (i+k+l)%3 > 0 { // of any two there is each pair
					continue
				}
				if by == "by a run and an event" && does == "removes the newer of its versions" {
					continue
				}
				n++
				skew, kind, size := skews[n%3], []string{"kodo", "s3", "bare"}[n/3%3], 9
				if n%15 == 0 {
					size = 4<<20 + 1 // in parts
				}
				t.Run(fmt.Sprintf("copied %s; it %s; then %s; %s, %d bytes, %v", by, does, then, kind, size, skew), func(t *testing.T) {
					w := copiedWorldAt(t, kind, size, skew, mirrored, following)
					put(t, w.src, "other", []byte("stays"))
					w.keep()
					older := w.look(rewritten)
					copied(w, size)
					newer := w.look(rewritten)
					if bytes.Equal(older.body, newer.body) || newer.object.Origin.Mark == "" {
						t.Fatalf("the newer version is %+v: the test proves too little", newer.object)
					}
					w.clock.Advance(5 * time.Minute)
					adversary(w, older, newer)
					left := w.look(rewritten)
					w.clock.Advance(5 * time.Minute)
					run := come(w, size)
					w.left(left)
					w.verifiedHolds(run)
				})
			}
		}
	}
}

// left fails unless the target has what the application left.
func (w *world) left(was standing) {
	w.t.Helper()
	now, err := w.dst.Stat(w.t.Context(), rewritten)
	if fault.KindOf(err) == fault.NotFound {
		w.t.Error("what the application left is deleted")
	} else if err != nil || now.Hash != was.object.Hash || !now.Modified.Equal(was.object.Modified) || now.Type != was.object.Type {
		w.t.Errorf("the target has %+v, %v, want what the application left, %+v", now, err, was.object)
	}
}

// manifestOf is the manifest of a run that is over.
func manifestOf(t testing.TB, run *ledger.Run) report.Manifest {
	t.Helper()
	rep, err := report.Read(t.Context(), run)
	if err != nil {
		t.Fatal(err)
	}
	m, err := report.ReadManifest(t.Context(), run, rep)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// verifiedHolds fails if a run says that an object is verified, or the run, and the
// target has not the source's bytes. "" is no run.
func (w *world) verifiedHolds(name string) {
	w.t.Helper()
	if name == "" {
		return
	}
	run := w.config.Ledger.Run(name)
	m := manifestOf(w.t, run)
	for _, f := range m.Files {
		data, err := run.Read(w.t.Context(), f.Name)
		if err != nil {
			w.t.Fatal(err)
		}
		for line, err := range table.Read(data, f.Name) {
			if err != nil {
				w.t.Fatal(err)
			}
			key := line[table.Key]
			if line[table.Verdict] == string(ledger.Verified) && !bytes.Equal(read(w.t, w.src, key), read(w.t, w.dst, key)) {
				w.t.Errorf("%s is verified, and the target has other bytes", key)
			}
		}
	}
}

// TestWhatAMirrorRemovedAndTheApplicationPutsBackStays has a run remove a copy and the
// application restore it, or the version before it, and further runs mirror.
func TestWhatAMirrorRemovedAndTheApplicationPutsBackStays(t *testing.T) {
	for which, restore := range map[string]func(w *world, older, newer standing){
		"it":                 func(w *world, _, newer standing) { w.written(rewritten, newer.object, newer.body) },
		"the version before": func(w *world, older, _ standing) { w.written(rewritten, older.object, older.body) },
		"it, by removing the mark of its deletion": func(w *world, _, newer standing) {
			w.written(rewritten, newer.object, newer.body)
			w.dst.Alter(rewritten, func(o *store.Object) { o.Modified = newer.object.Modified })
		},
	} {
		t.Run(which, func(t *testing.T) {
			w := copiedWorld(t, "kodo", 9, mirrored, following)
			put(t, w.src, "other", []byte("stays"))
			w.keep()
			older := w.look(rewritten)
			w.another(9, "b")
			w.again()
			newer := w.look(rewritten)
			remove(t, w, rewritten)
			w.again()
			if _, err := w.dst.Stat(t.Context(), rewritten); fault.KindOf(err) != fault.NotFound {
				t.Fatalf("the copy was not removed, %v: the test proves too little", err)
			}
			w.clock.Advance(5 * time.Minute)
			restore(w, older, newer)
			left := w.look(rewritten)
			w.again()
			w.left(left)
			w.again() // by what the one before has left
			w.left(left)
		})
	}
}
