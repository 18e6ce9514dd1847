package pipeline_test

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/store"
)

// policy sets what a job says of the target's objects, in the words of a job file.
func policy(t *testing.T, words string) func(*job.Job) {
	return func(j *job.Job) {
		for _, word := range strings.Fields(words) {
			name, value, _ := strings.Cut(word, "=")
			to := map[string]*string{"overwrite": &j.Overwrite, "present": &j.Present, "deletedInTarget": &j.DeletedInTarget, "attributes": &j.Attributes}[name]
			if to == nil {
				t.Fatalf("%s is no policy", name)
			}
			*to = value
		}
	}
}

// ends is what becomes of an object of the target.
type ends string

const (
	follows ends = "it is the source's" // bytes and type
	stays   ends = "it is as it was"    // its time included
	absent  ends = "there is none"
)

// TestEachPolicyHoldsForADeltaAndAnEvent has each value of each policy decide on the same
// situation, as a run lists it and as an event finds it, of each kind of source.
func TestEachPolicyHoldsForADeltaAndAnEvent(t *testing.T) {
	const size = 8
	theirs := func(body string) func(w *world) string {
		return func(w *world) string { // before the job has copied anything there
			put(w.t, w.src, "there", []byte("sources!"))
			w.write("there", store.Object{Type: "the application's"}, []byte(body))
			return "there"
		}
	}
	for situation, tc := range map[string]struct {
		happens func(w *world) (key string)
		ends    map[string]ends // by policies
		s3      map[string]ends // where a source that lists MD5s differs
	}{
		"the source has another version": {func(w *world) string { w.another(size, "b"); return rewritten }, map[string]ends{
			"overwrite=changed": follows, "overwrite=newer": follows, "overwrite=always": follows, "overwrite=never": stays, "attributes=ignore": follows,
		}, nil},
		"the source has other attributes": {func(w *world) string { w.restyled("text/b"); return rewritten }, map[string]ends{
			"attributes=follow": follows, "attributes=ignore": stays, "overwrite=never": stays, "overwrite=newer": follows,
		}, nil},
		"the application has written over the copy": {func(w *world) string {
			w.write(rewritten, store.Object{Type: "the application's"}, []byte("its own!"))
			return rewritten
		}, map[string]ends{
			"overwrite=changed": stays, "overwrite=never": stays, "overwrite=newer": stays, "overwrite=always": follows,
			"present=prove": stays, "present=accept": stays, "present=copy": stays, "present=copy overwrite=never": stays,
		}, nil},
		"the application has deleted the copy": {func(w *world) string { w.gone(); return rewritten }, map[string]ends{
			"deletedInTarget=copy": follows, "deletedInTarget=leave": absent, "deletedInTarget=leave overwrite=always": absent,
			"deletedInTarget=leave overwrite=never": absent, "deletedInTarget=copy overwrite=never": follows,
		}, nil},
		"the application has deleted the copy, and the source has another version": {func(w *world) string { w.gone(); w.another(size, "b"); return rewritten }, map[string]ends{
			"deletedInTarget=copy": follows, "deletedInTarget=leave": follows, "deletedInTarget=leave overwrite=never": follows,
		}, nil},
		"the application's is there, of other bytes": {theirs("another!"), map[string]ends{
			"present=prove": stays, "present=accept": stays, "present=copy": follows, "present=copy overwrite=never": stays, "overwrite=always": follows,
		}, map[string]ends{"present=copy": stays}},
		"the application's is there, of the same bytes": {theirs("sources!"), map[string]ends{
			"present=prove": stays, "present=accept": stays, "present=copy": follows, "present=copy overwrite=never": stays, "present=prove overwrite=never": stays,
		}, map[string]ends{"present=copy": stays}},
	} {
		for _, words := range slices.Sorted(maps.Keys(tc.ends)) {
			for _, kind := range []string{"kodo", "s3"} {
				for _, by := range []string{"a delta", "an event"} {
					t.Run(fmt.Sprintf("%s; %s; %s, %s", situation, words, kind, by), func(t *testing.T) {
						w := copiedWorld(t, kind, size, following, policy(t, words))
						w.keep()
						w.clock.Advance(time.Minute)
						key := tc.happens(w)
						before, err := w.dst.Stat(t.Context(), key)
						none := fault.KindOf(err) == fault.NotFound
						w.clock.Advance(time.Minute)
						if by == "a delta" {
							w.again()
						} else {
							w.drive(t.Context(), 0, w.notified(key)...)
						}
						want := tc.ends[words]
						if s3, ok := tc.s3[words]; ok && kind == "s3" {
							want = s3
						}
						src, serr := w.src.Stat(t.Context(), key)
						now, err := w.dst.Stat(t.Context(), key)
						if serr != nil || err != nil && fault.KindOf(err) != fault.NotFound {
							t.Fatal(serr, err)
						}
						got := ends("it is something else")
						switch {
						case err != nil:
							got = absent
						case !none && now.Hash == before.Hash && now.Modified.Equal(before.Modified) && now.Type == before.Type:
							got = stays
						case bytes.Equal(read(t, w.src, key), read(t, w.dst, key)) && now.Type == src.Type:
							got = follows
						}
						if got != want {
							t.Errorf("%s, want that %s: %+v", got, want, now)
						}
					})
				}
			}
		}
	}
}

// gone has the application delete the copy.
func (w *world) gone() {
	w.t.Helper()
	if err := w.dst.Delete(w.t.Context(), rewritten); err != nil {
		w.t.Fatal(err)
	}
}

// write has the application write to the target: body, with the metadata of o, as a copy by
// the service takes them along, or as who writes back what it has read.
func (w *world) write(key string, o store.Object, body []byte) {
	w.t.Helper()
	o.Key, o.Size = key, int64(len(body))
	if _, err := w.dst.Put(w.t.Context(), o, bytes.NewReader(body), store.Put{}); err != nil {
		w.t.Fatal(err)
	}
}
