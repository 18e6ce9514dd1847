package verdict_test

import (
	"context"
	"testing"
	"time"

	"kodoferry/shared/digest"
	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/memory"
	"kodoferry/shared/pipeline/verdict"
	"kodoferry/shared/store"
)

var (
	noon         = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	older, newer = noon.Add(-time.Hour), noon.Add(time.Hour)
)

// held is a target that holds one object, or none, and counts how often it is asked.
type held struct {
	object *store.Object
	asked  *int
}

func (h held) Stat(_ context.Context, key string) (store.Object, error) {
	*h.asked++
	if h.object == nil {
		return store.Object{}, fault.New(fault.NotFound, "Stat", key, nil)
	}
	return *h.object, nil
}

func (held) CheckKey(string) error { return nil }

// rules are those of a job named photos, whose target holds one object; asked counts the
// HEADs of either side.
func rules(t *testing.T, target *store.Object, set ...func(*job.Job)) (r *verdict.Rules, asked *int) {
	t.Helper()
	j := job.Job{Name: "photos"}.WithDefaults()
	for _, f := range set {
		f(&j)
	}
	j.Ledger.Bucket = "elsewhere"
	match, err := j.Filter.Compile("")
	if err != nil {
		t.Fatal(err)
	}
	asked = new(int)
	return &verdict.Rules{Job: j, Match: match, Target: held{target, asked}, Now: func() time.Time { return noon }}, asked
}

func overwriting(how string) func(*job.Job) { return func(j *job.Job) { j.Overwrite = how } }

// src is the source's object, with a hash that can be recomputed.
var src = store.Object{Key: "a", Size: 3, Hash: digest.QetagOf([]byte("now")), Type: "text/plain", Modified: noon}

// frozen returns o archived.
func frozen(o *store.Object) *store.Object {
	o.Frozen = true
	return o
}

// row is what a run left of src, whose copy has that ETag and time.
func row(etag string, at time.Time) memory.Row {
	return memory.Row{
		Key: "a", Src: store.Object{Key: "a", Size: 3, Hash: src.Hash, Modified: noon}, Dst: ledger.Dst{ETag: etag, CRC64: "1", Size: 3, Modified: at},
		State: ledger.Copied, Proof: ledger.ByQetag, Author: "photos/1", Prover: "photos/1",
	}
}

// TestWhatTheTargetHoldsDecides has a target's object, of the key and size of the
// source's and without a row, under each way to overwrite. No time decides but for newer.
func TestWhatTheTargetHoldsDecides(t *testing.T) {
	src := src
	src.MD5 = "m1"
	r, _ := rules(t, nil)
	mine := r.Copies().Origin(src, src)
	was, other, moved, early := *mine, *mine, *mine, *mine
	was.Hash, other.Job, moved.Place = "F0", "videos", "00"
	early.Job, early.Place = "", ""
	type ends = map[string]ledger.State
	all := func(s ledger.State) ends {
		return ends{job.OverwriteChanged: s, job.OverwriteNever: s, job.OverwriteNewer: s, job.OverwriteAlways: ledger.Pending}
	}
	for name, tc := range map[string]struct {
		dst  *store.Object
		want ends
		need ledger.Need // of changed, never and newer
	}{
		"nothing":                                  {nil, all(ledger.Pending), ""},
		"the same content by MD5":                  {&store.Object{MD5: "m1", Modified: older}, all(ledger.Unchanged), ""},
		"this job's copy of it":                    {&store.Object{Modified: older, Origin: mine}, all(ledger.Unchanged), ""},
		"this job's copy of it, with another MD5":  {&store.Object{MD5: "m2", Modified: newer, Origin: mine}, ends{job.OverwriteChanged: ledger.Pending, job.OverwriteNever: ledger.Skipped, job.OverwriteNewer: ledger.Pending, job.OverwriteAlways: ledger.Pending}, ""},
		"this job's copy of another version":       {&store.Object{Modified: newer, Origin: &was}, ends{job.OverwriteChanged: ledger.Pending, job.OverwriteNever: ledger.Skipped, job.OverwriteNewer: ledger.Pending, job.OverwriteAlways: ledger.Pending}, ""},
		"an older object of someone else":          {&store.Object{MD5: "m2", Modified: older}, ends{job.OverwriteChanged: ledger.Conflict, job.OverwriteNever: ledger.Skipped, job.OverwriteNewer: ledger.Pending, job.OverwriteAlways: ledger.Pending}, ""},
		"a newer object of someone else":           {&store.Object{MD5: "m2", Modified: newer}, ends{job.OverwriteChanged: ledger.Conflict, job.OverwriteNever: ledger.Skipped, job.OverwriteNewer: ledger.Skipped, job.OverwriteAlways: ledger.Pending}, ""},
		"one of another size":                      {&store.Object{Size: 4, Modified: older}, ends{job.OverwriteChanged: ledger.Conflict, job.OverwriteNever: ledger.Skipped, job.OverwriteNewer: ledger.Pending, job.OverwriteAlways: ledger.Pending}, ""},
		"one of equal size, newer":                 {&store.Object{Modified: newer}, all(ledger.Pending), ledger.NeedsProof},
		"one of equal size, older":                 {&store.Object{Modified: older}, all(ledger.Pending), ledger.NeedsProof},
		"a copy by another job":                    {&store.Object{Modified: newer, Origin: &other}, all(ledger.Pending), ledger.NeedsProof},
		"a copy of the copy, by its origin":        {&store.Object{Modified: newer, Origin: &moved}, all(ledger.Pending), ledger.NeedsProof},
		"a copy by an earlier version of Ferry":    {&store.Object{Modified: newer, Origin: &early}, all(ledger.Pending), ledger.NeedsProof},
		"a copy of the copy, with another MD5":     {&store.Object{MD5: "m2", Modified: older, Origin: &moved}, ends{job.OverwriteChanged: ledger.Conflict, job.OverwriteNever: ledger.Skipped, job.OverwriteNewer: ledger.Pending, job.OverwriteAlways: ledger.Pending}, ""},
		"a copy by another job of another version": {&store.Object{Size: 4, Modified: older, Origin: &other}, ends{job.OverwriteChanged: ledger.Conflict, job.OverwriteNever: ledger.Skipped, job.OverwriteNewer: ledger.Pending, job.OverwriteAlways: ledger.Pending}, ""},
	} {
		if tc.dst != nil {
			tc.dst.Key, tc.dst.Hash = src.Key, "E"
			if tc.dst.Size == 0 {
				tc.dst.Size = src.Size
			}
		}
		for overwrite, want := range tc.want {
			r, _ := rules(t, tc.dst, overwriting(overwrite))
			got, err := r.Decide(t.Context(), src, tc.dst, nil)
			need := tc.need
			if overwrite == job.OverwriteAlways {
				need = ""
			}
			if err != nil || got.State != want || got.Need != need {
				t.Errorf("the target has %s, overwrite=%s: %s %s, %v, want %s %s", name, overwrite, got.State, got.Need, err, want, need)
			}
			if got.State == ledger.Pending && got.Dst != nil && got.Dst.CRC64 != "" {
				t.Errorf("the target has %s, overwrite=%s: the pending row has a CRC64, which says that it was rejected", name, overwrite)
			}
		}
	}
}

// TestWhatEarlierRunsLeftDecides has the row of an earlier run beside both listings, and
// counts the requests: where it decides there are none.
func TestWhatEarlierRunsLeftDecides(t *testing.T) {
	changed := src
	changed.Hash, changed.Modified = digest.QetagOf([]byte("new")), older // a move with force brings an older time
	r, _ := rules(t, nil)
	mine := r.Copies().Origin(src, src)
	earlier := *mine
	earlier.Hash = "F0"
	with := func(f func(*memory.Row)) memory.Row {
		m := row("E", noon)
		f(&m)
		return m
	}
	edited := row("00112233445566778899AABBCCDDEEFF", newer) // as the run left that found it so
	edited.State, edited.Proof, edited.Prover, edited.Author = ledger.Conflict, "", "", ledger.NotOurs
	dst := func(etag string, at time.Time, o *store.Origin) *store.Object {
		return &store.Object{Key: "a", Size: 3, Hash: etag, Modified: at, Origin: o}
	}
	for name, tc := range map[string]struct {
		src    store.Object
		dst    *store.Object
		last   memory.Row
		set    func(*job.Job)
		state  ledger.State
		need   ledger.Need
		author string
		heads  int
	}{
		"both sides are as they were":                        {src: src, dst: dst("E", noon, nil), last: row("E", noon), state: ledger.Unchanged, author: "photos/1"},
		"the same bytes were written anew in the target":     {src: src, dst: dst("E", newer, mine), last: row("E", noon), state: ledger.Unchanged, author: ledger.NotOurs, heads: 1},
		"the source's is another, of equal size and older":   {src: changed, dst: dst("E", noon, nil), last: row("E", noon), state: ledger.Pending},
		"another at the source, and the same bytes anew":     {src: changed, dst: dst("E", newer, mine), last: row("E", noon), state: ledger.Pending, need: ledger.NeedsProof, author: ledger.NotOurs, heads: 1},
		"another at the source, and ours to be kept":         {src: changed, dst: dst("E", noon, mine), last: row("E", noon), set: overwriting(job.OverwriteNever), state: ledger.Skipped, heads: 1},
		"the target's is another, and nobody's":              {src: src, dst: dst("F", newer, nil), last: row("E", noon), state: ledger.Pending, need: ledger.NeedsProof, heads: 1},
		"the target's is another, and present are accepted":  {src: src, dst: dst("F", newer, nil), last: row("E", noon), set: func(j *job.Job) { j.Present = job.AcceptPresent }, state: ledger.Pending, need: ledger.NeedsProof, heads: 1},
		"the target's is another, and present are copied":    {src: src, dst: dst("F", newer, nil), last: row("E", noon), set: func(j *job.Job) { j.Present = job.CopyPresent }, state: ledger.Pending, need: ledger.NeedsProof, heads: 1},
		"an event copied the source's of now":                {src: changed, dst: dst("F", newer, &store.Origin{Hash: changed.Hash, Job: mine.Job, Place: mine.Place}), last: row("E", noon), state: ledger.Unchanged, author: "photos", heads: 1},
		"an event copied a version in between":               {src: changed, dst: dst("F", newer, &earlier), last: row("E", noon), state: ledger.Pending, heads: 1},
		"other bytes under the metadata of its copy":         {src: src, dst: &store.Object{Key: "a", Size: 3, Hash: "00112233445566778899AABBCCDDEEFF", MD5: "00112233445566778899aabbccddeeff", Modified: newer, Origin: mine}, last: row("FF112233445566778899AABBCCDDEEFF", noon), state: ledger.Pending, need: ledger.NeedsProof, author: ledger.NotOurs, heads: 1},
		"an edited copy that an earlier run found, and left": {src: src, dst: &store.Object{Key: "a", Size: 3, Hash: "00112233445566778899AABBCCDDEEFF", MD5: "00112233445566778899aabbccddeeff", Modified: newer, Origin: mine}, last: edited, set: func(j *job.Job) { j.Present = job.CopyPresent }, state: ledger.Pending, need: ledger.NeedsProof, author: ledger.NotOurs, heads: 1},
		"an archived one that was written over its copy":     {src: src, dst: frozen(dst("F", newer, nil)), last: row("E", noon), state: ledger.Conflict, heads: 1},
		"written over its copy, where nothing is replaced":   {src: src, dst: dst("F", newer, nil), last: row("E", noon), set: overwriting(job.OverwriteNever), state: ledger.Skipped, heads: 1},
		"nothing proved it":                                  {src: src, dst: dst("E", noon, nil), last: with(func(m *memory.Row) { m.Proof, m.Author = "", "" }), state: ledger.Pending, need: ledger.NeedsProof, heads: 1},
		"a time proved it":                                   {src: src, dst: dst("E", noon, nil), last: with(func(m *memory.Row) { m.Proof, m.Author = ledger.ByTime, "" }), state: ledger.Pending, need: ledger.NeedsProof, heads: 1},
		"it was proved, and not copied":                      {src: src, dst: dst("E", noon, nil), last: with(func(m *memory.Row) { m.Author = "" }), state: ledger.Unchanged},
		"it was proved, not copied, and changed":             {src: changed, dst: dst("E", noon, nil), last: with(func(m *memory.Row) { m.Author = "" }), state: ledger.Pending, need: ledger.NeedsProof, heads: 1},
		"it was deleted in the target":                       {src: src, last: row("E", noon), state: ledger.Pending},
		"it was deleted, and is another at the source":       {src: changed, last: row("E", noon), state: ledger.Pending},
		"it was deleted in the target, and stays so":         {src: src, last: row("E", noon), set: func(j *job.Job) { j.DeletedInTarget = job.LeaveDeleted }, state: ledger.Skipped},
		"it was deleted, and uploaded again at the source":   {src: func() store.Object { s := src; s.Modified = newer; return s }(), last: row("E", noon), set: func(j *job.Job) { j.DeletedInTarget = job.LeaveDeleted }, state: ledger.Pending},
		"a mirror deleted it":                                {src: src, last: with(func(m *memory.Row) { m.State = ledger.Deleted }), set: func(j *job.Job) { j.DeletedInTarget = job.LeaveDeleted }, state: ledger.Pending},
		"what was there is gone":                             {src: src, last: with(func(m *memory.Row) { m.Author = "" }), set: func(j *job.Job) { j.DeletedInTarget = job.LeaveDeleted }, state: ledger.Pending},
		"it is archived since":                               {src: func() store.Object { s := src; s.Frozen = true; return s }(), dst: dst("E", noon, nil), last: row("E", noon), state: ledger.Unchanged, author: "photos/1"},
	} {
		set := tc.set
		if set == nil {
			set = func(*job.Job) {}
		}
		r, asked := rules(t, tc.dst, set)
		got, err := r.Decide(t.Context(), tc.src, tc.dst, &tc.last)
		if err != nil || got.State != tc.state || got.Need != tc.need || got.Author != tc.author || *asked != tc.heads {
			t.Errorf("%s: %s %q by %q after %d HEADs, %v; want %s %q by %q after %d", name, got.State, got.Need, got.Author, *asked, err, tc.state, tc.need, tc.author, tc.heads)
		}
		if restored := tc.dst == nil && got.State == ledger.Pending && tc.last.Author != "" && tc.last.State != ledger.Deleted && tc.src.Modified.Equal(tc.last.Src.Modified); got.Restored != restored {
			t.Errorf("%s: restored %v, want %v", name, got.Restored, restored)
		}
		if got.State == ledger.Unchanged && tc.heads == 0 && (got.Proof != ledger.ByQetag || got.Prover != "photos/1") {
			t.Errorf("%s: proved by %s of %q, want what the row says", name, got.Proof, got.Prover)
		}
	}
}

// TestWhatIsPresentIsProvedUnlessTheJobSaysOtherwise has an object of equal size that
// nothing ties to the source.
func TestWhatIsPresentIsProvedUnlessTheJobSaysOtherwise(t *testing.T) {
	bare := src
	bare.Hash = "" // nothing to recompute
	for name, tc := range map[string]struct {
		src     store.Object
		present string
		frozen  bool
		state   ledger.State
		need    ledger.Need
	}{
		"prove":                          {src, job.ProvePresent, false, ledger.Pending, ledger.NeedsProof},
		"accept":                         {src, job.AcceptPresent, false, ledger.Present, ""},
		"copy":                           {src, job.CopyPresent, false, ledger.Pending, ""},
		"prove, and there is no hash":    {bare, job.ProvePresent, false, ledger.Present, ""},
		"prove, and it is archived":      {src, job.ProvePresent, true, ledger.Present, ""},
		"copy, and there is no hash":     {bare, job.CopyPresent, false, ledger.Pending, ""},
		"prove, and it is an ETag alone": {func() store.Object { o := src; o.Hash = "0123-2"; return o }(), job.ProvePresent, false, ledger.Present, ""},
	} {
		dst := &store.Object{Key: "a", Size: 3, Hash: "E", Modified: newer, Frozen: tc.frozen}
		r, _ := rules(t, dst, func(j *job.Job) { j.Present = tc.present })
		got, err := r.Decide(t.Context(), tc.src, dst, nil)
		if err != nil || got.State != tc.state || got.Need != tc.need || (got.State == ledger.Present) != (got.Cause == ledger.ThereBefore) || got.Proof != "" {
			t.Errorf("%s: %+v, %v, want %s %s", name, got, err, tc.state, tc.need)
		}
	}
}

// TestWhoWroteTheBytesOfARowAnew has the target's object with the ETag of what earlier runs
// left, and of a later time.
func TestWhoWroteTheBytesOfARowAnew(t *testing.T) {
	const first, second, third = "20260301T110000Z", "20260301T120000Z", "20260301T130000Z"
	r, _ := rules(t, nil)
	for name, tc := range map[string]struct {
		author, prover, mark string // of the row
		run, with            string // in the metadata
		after                time.Duration
		want                 string
	}{
		"the run of the row, by another delivery":       {"photos/" + second, "photos/" + second, "a", second, "b", 30 * time.Minute, "photos/" + second},
		"somebody else, by a copy onto itself":          {"photos/" + second, "photos/" + second, "a", second, "a", 30 * time.Minute, ledger.NotOurs},
		"a later run":                                   {"photos/" + second, "photos/" + second, "a", third, "b", 30 * time.Minute, "photos/" + third},
		"a run of events":                               {"photos/" + second, "photos/" + second, "a", "20260301-events", "b", 30 * time.Minute, "photos/20260301-events"},
		"it is not known, and no writing has a mark":    {"photos/" + second, "photos/" + second, "", second, "", 30 * time.Minute, ledger.NotOurs},
		"a later run, over what nobody is known to own": {"", "photos/" + second, "", third, "b", 2 * time.Hour, "photos/" + third},
		"somebody else, of what nobody is known to own": {"", "photos/" + second, "", first, "b", 2 * time.Hour, ledger.NotOurs},
		"the run that proved what nobody owned":         {"", "photos/" + second, "", second, "b", 2 * time.Hour, ledger.NotOurs},
		"a run side by side, over what nobody owned":    {"", "photos/" + second, "", first, "b", time.Minute, "photos/" + first},
		"a run of events, over what nobody owned":       {"", "photos/" + second, "", "20260302-events", "b", 2 * time.Hour, ledger.NotOurs},
	} {
		last := row("E", noon)
		last.Author, last.Prover, last.Dst.Mark = tc.author, tc.prover, tc.mark
		kept := store.Object{Key: "a", Size: 3, Hash: "E", Modified: noon.Add(tc.after), Origin: r.Copies().Origin(src, src)}
		kept.Origin.Run, kept.Origin.Mark = tc.run, tc.with
		if got := r.Copies().Author(kept, &last); got != tc.want {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}

// TestOnlyTheJobsOwnCopyIsItsOwn is of metadata, without a row.
func TestOnlyTheJobsOwnCopyIsItsOwn(t *testing.T) {
	r, _ := rules(t, nil)
	mine := r.Copies().Origin(store.Object{Key: "a"}, store.Object{})
	for name, tc := range map[string]struct {
		origin *store.Origin
		wrote  bool
	}{
		"the job's copy":                    {mine, true},
		"what the application wrote":        {nil, false},
		"a copy by another job":             {&store.Origin{Job: "other", Place: mine.Place}, false},
		"a copy of the copy, by its origin": {&store.Origin{Job: mine.Job, Place: "00"}, false},
		"a copy by an earlier version":      {&store.Origin{Hash: "F1"}, false},
	} {
		if got := r.Copies().Wrote(store.Object{Key: "a", Origin: tc.origin}); got != tc.wrote {
			t.Errorf("%s: Wrote %v, want %v", name, got, tc.wrote)
		}
	}
}

// TestWhatARunWroteStandsUntilItIsWrittenOver has the target's object, which has the ETag of
// the row of a run that wrote it and was answered at noon.
func TestWhatARunWroteStandsUntilItIsWrittenOver(t *testing.T) {
	r, _ := rules(t, nil)
	r.Run = "2"
	by := func(run, mark string) *store.Origin {
		o := r.Copies().Origin(src, src)
		o.Run, o.Mark = run, mark
		return o
	}
	const not = ledger.NotOurs
	for name, tc := range map[string]struct {
		state    ledger.State
		author   string
		answered time.Time
		mark     string // in the row
		at       time.Time
		origin   *store.Origin
		moved    bool // by its listing
		want     string
	}{
		"of the second of the answer":                {ledger.Copied, "", noon, "a", noon.Add(time.Second - 1), by("2", "a"), false, ""},
		"of before the answer":                       {ledger.Copied, "", noon, "a", noon.Add(-time.Minute), by("2", "a"), false, ""},
		"of two seconds later, the run's":            {ledger.Copied, "", noon, "a", noon.Add(2 * time.Second), by("2", "a"), true, ""},
		"of three seconds later, copied on":          {ledger.Copied, "", noon, "a", noon.Add(3 * time.Second), by("2", "a"), true, not},
		"of a second later, somebody else's":         {ledger.Updated, "", noon, "a", noon.Add(time.Second), nil, true, not},
		"of later, and no answer told a time":        {ledger.Copied, "", time.Time{}, "a", newer, by("2", "a"), false, ""},
		"of later, by another delivery":              {ledger.Copied, "", noon, "a", noon.Add(time.Hour), by("2", "b"), true, ""},
		"of much later, by another delivery":         {ledger.Copied, "", noon, "a", noon.Add(time.Hour + time.Second), by("2", "b"), true, not},
		"of later, by another run":                   {ledger.Copied, "", noon, "a", newer, by("3", "b"), true, "photos/3"},
		"of later, and nothing is marked":            {ledger.Copied, "", noon, "", noon.Add(time.Minute), by("2", ""), true, not},
		"of later, of a row that is not marked":      {ledger.Copied, "", noon, "", noon.Add(time.Minute), by("2", "b"), true, not},
		"of later, of a run that marks nothing":      {ledger.Copied, "", noon, "a", noon.Add(time.Minute), by("1", ""), true, "photos/1"},
		"of this second, by another delivery":        {ledger.Copied, "", noon, "a", noon, by("2", "b"), false, ""},
		"judged, and as it was":                      {ledger.Unchanged, "photos/1", noon, "a", noon, by("1", "a"), false, "photos/1"},
		"judged, and copied on":                      {ledger.Unchanged, "photos/1", noon, "a", newer, by("1", "a"), true, not},
		"judged, and written by a late delivery":     {ledger.Unchanged, "photos/1", noon, "a", noon.Add(time.Minute), by("1", "b"), true, "photos/1"},
		"judged, and written by another run":         {ledger.Unchanged, "photos/1", noon, "a", newer, by("3", "b"), true, "photos/3"},
		"judged, and written by this run":            {ledger.Unchanged, "photos/1", noon, "a", newer, by("2", "b"), true, "photos/2"},
		"judged, and written by somebody else":       {ledger.Unchanged, "photos/1", noon, "a", newer, nil, true, not},
		"judged, and the time was not known":         {ledger.Unchanged, "photos/1", time.Time{}, "", newer, by("1", "a"), false, "photos/1"},
		"nobody's that is known, written by a run":   {ledger.Unchanged, "", noon, "", newer, by("1", "a"), true, "photos/1"},
		"nobody's that is known, and copied on":      {ledger.Unchanged, "", noon, "a", newer, by("1", "a"), true, not},
		"nobody's that is known, not by the job":     {ledger.Unchanged, "", noon, "", newer, nil, true, not},
		"somebody else's, and copied on once more":   {ledger.Unchanged, not, noon, "a", newer, by("1", "a"), true, not},
		"somebody else's, and written by a late one": {ledger.Unchanged, not, noon, "a", noon.Add(time.Minute), by("1", "b"), true, "photos/1"},
	} {
		t.Run(name, func(t *testing.T) {
			row := ledger.Row{Src: src, State: tc.state, Author: tc.author, Dst: &ledger.Dst{ETag: "E", CRC64: "1", Size: src.Size, Modified: tc.answered, Mark: tc.mark}}
			was := *row.Dst
			kept := store.Object{Key: src.Key, Size: src.Size, Hash: "E", Modified: tc.at, Origin: tc.origin}
			if got := verdict.Overwritten(row, tc.at); got != tc.moved {
				t.Errorf("moved by its listing: %v, want %v", got, tc.moved)
			}
			now := row
			r.Seen(&now, kept)
			if now.Author != tc.want || *row.Dst != was {
				t.Errorf("by %q, %+v, want %q, and the row that was copied as it was", now.Author, row.Dst, tc.want)
			}
			want := verdict.DstOf(kept)
			if want.CRC64 = "1"; *now.Dst != want {
				t.Errorf("the row has %+v, want what is there, %+v", now.Dst, want)
			}
		})
	}
}

// TestAttributesAloneAreSet has the source's attributes changed over the same bytes.
func TestAttributesAloneAreSet(t *testing.T) {
	bare := store.Object{Key: "a", Size: 3, Hash: "E1", Modified: noon} // as S3 lists it
	full := bare
	full.Type = "image/png"
	touched := bare
	touched.Modified = newer
	r, _ := rules(t, nil)
	was, other := r.Copies().Attrs(full, full), r.Copies().Attrs(src, src)
	asked := was + "-standard" // of what the listing does not tell, with the class
	if was == "" || was == other || r.Copies().Attrs(bare, full) != asked || r.Copies().Attrs(bare, bare) != "" {
		t.Fatalf("digests %q and %q, want two, which depend on what either tells", was, other)
	}
	never := overwriting(job.OverwriteNever)
	ignored := func(j *job.Job) { j.Attributes = job.IgnoreAttributes }
	archived := func(j *job.Job) { j.Class = string(store.Archive) }
	for name, tc := range map[string]struct {
		src      store.Object
		attrs    string // in the row
		author   string
		describe *store.Object // what a HEAD of the source tells; nil: it fails
		set      func(*job.Job)
		state    ledger.State
		want     string // digest
		heads    int
		warned   bool
	}{
		"listed, the same":                      {full, was, "photos/1", nil, nil, ledger.Unchanged, was, 0, false},
		"listed, and others":                    {full, other, "photos/1", nil, nil, ledger.Pending, other, 0, false},
		"listed, and others, ignored":           {full, other, "photos/1", nil, ignored, ledger.Unchanged, other, 0, false},
		"listed, and others, not overwritten":   {full, other, "photos/1", nil, never, ledger.Unchanged, other, 0, true},
		"listed, the same, not overwritten":     {full, was, "photos/1", nil, never, ledger.Unchanged, was, 0, false},
		"listed, of another's object":           {full, other, "", nil, nil, ledger.Unchanged, other, 0, false},
		"listed, of a row that tells none":      {full, "", "photos/1", nil, nil, ledger.Unchanged, was, 0, false},
		"listed, and asked for before":          {full, asked, "photos/1", nil, nil, ledger.Unchanged, asked, 0, false},
		"listed, of another class":              {full, was, "photos/1", nil, archived, ledger.Pending, was, 0, false},
		"not listed, at the same time":          {bare, was, "photos/1", &full, nil, ledger.Unchanged, was, 0, false},
		"not listed, later, and the same":       {touched, was, "photos/1", &full, nil, ledger.Unchanged, asked, 1, false},
		"not listed, later, and others":         {touched, other, "photos/1", &full, nil, ledger.Pending, other, 1, false},
		"not listed, later, ignored":            {touched, other, "photos/1", &full, ignored, ledger.Unchanged, "?" + other, 0, false},
		"not listed, later, not overwritten":    {touched, other, "photos/1", &full, never, ledger.Unchanged, "?" + other, 0, true},
		"not listed, later, nobody answers":     {touched, other, "photos/1", nil, nil, ledger.Unchanged, "?" + other, 1, true},
		"not listed, nobody answered once":      {bare, "?" + other, "photos/1", &full, nil, ledger.Pending, "?" + other, 1, false},
		"not listed, nobody answered twice":     {bare, "?" + was, "photos/1", &full, nil, ledger.Unchanged, asked, 1, false},
		"not listed, of the class":              {bare, asked, "photos/1", &full, nil, ledger.Unchanged, asked, 0, false},
		"not listed, of another class":          {bare, asked, "photos/1", &full, archived, ledger.Pending, asked, 1, false},
		"not listed, of a class that is none":   {bare, was, "photos/1", &full, archived, ledger.Unchanged, was, 0, false},
		"not listed, of another class, ignored": {bare, asked, "photos/1", &full, func(j *job.Job) { archived(j); ignored(j) }, ledger.Unchanged, "?" + asked, 0, false},
	} {
		last := row("E", noon)
		last.Src, last.Attrs, last.Author = bare, tc.attrs, tc.author
		set := []func(*job.Job){}
		if tc.set != nil {
			set = append(set, tc.set)
		}
		r, _ := rules(t, nil, set...)
		heads := 0
		r.Describe = func(context.Context, string) (store.Object, error) {
			heads++
			if tc.describe == nil {
				return store.Object{}, fault.New(fault.Denied, "Stat", "a", nil)
			}
			return *tc.describe, nil
		}
		got, err := r.Decide(t.Context(), tc.src, &store.Object{Key: "a", Size: 3, Hash: "E", Modified: noon}, &last)
		need := ledger.Need("")
		if tc.state == ledger.Pending {
			need = ledger.NeedsAttributes
		}
		if err != nil || got.State != tc.state || got.Need != need || got.Attrs != tc.want || heads != tc.heads || got.Proof != ledger.ByQetag || got.Prover != "photos/1" || len(got.Warnings) > 0 != tc.warned {
			t.Errorf("%s: %s %q, digest %q, proved by %s of %q after %d HEADs, warnings %q, %v; want %s, %q after %d", name, got.State, got.Need, got.Attrs, got.Proof, got.Prover, heads, got.Warnings, err, tc.state, tc.want, tc.heads)
		}
	}
}

// TestAttributesAreComparedWhateverProvesTheBytes has the target's object described, as an
// event has, or a listing that does not decide, and the source's attributes changed.
func TestAttributesAreComparedWhateverProvesTheBytes(t *testing.T) {
	full := src
	full.Type = "image/png"
	summed, empty, bare := full, full, full
	summed.MD5 = "m1"
	empty.Size = 0
	bare.Hash, bare.Size, bare.Modified = "", 0, newer
	for name, tc := range map[string]struct {
		src   store.Object
		kept  store.Object
		given string // the type that the copy was given
		other bool   // it is another's copy
		set   func(*job.Job)
		need  ledger.Need
		proof ledger.Proof
	}{
		"by its MD5":                    {src: summed, kept: store.Object{MD5: "m1"}, given: "text/plain", need: ledger.NeedsAttributes, proof: ledger.ByMD5},
		"by its MD5, the same":          {src: summed, kept: store.Object{MD5: "m1"}, given: "image/png", proof: ledger.ByMD5},
		"by its MD5, and ignored":       {src: summed, kept: store.Object{MD5: "m1"}, given: "text/plain", set: func(j *job.Job) { j.Attributes = job.IgnoreAttributes }, proof: ledger.ByMD5},
		"by its MD5, of another's":      {src: summed, kept: store.Object{MD5: "m1"}, given: "text/plain", other: true, proof: ledger.ByMD5},
		"by the hash":                   {src: full, given: "text/plain", need: ledger.NeedsAttributes, proof: ledger.ByKept},
		"empty, of a source of hashes":  {src: empty, given: "text/plain", need: ledger.NeedsAttributes, proof: ledger.ByKept},
		"empty, of a source without":    {src: bare, given: "text/plain", need: ledger.NeedsAttributes, proof: ledger.ByCRC},
		"empty, without, and the same":  {src: bare, given: "image/png", proof: ledger.ByCRC},
		"empty, without, and another's": {src: bare, given: "text/plain", other: true, proof: ledger.ByCRC},
	} {
		set := tc.set
		if set == nil {
			set = func(*job.Job) {}
		}
		r, _ := rules(t, nil, set)
		was := tc.src
		was.Type, was.Modified = tc.given, older
		tc.kept.Key, tc.kept.Hash, tc.kept.Size, tc.kept.Modified, tc.kept.Origin = "a", "E", tc.src.Size, noon, r.Copies().Origin(was, was)
		if tc.other {
			tc.kept.Origin.Job = "videos"
		}
		got := ledger.Row{Src: tc.src, State: ledger.Pending}
		r.DecideOverwrite(&got, tc.kept, nil)
		if want := map[bool]ledger.State{true: ledger.Pending, false: ledger.Unchanged}[tc.need != ""]; got.State != want || got.Need != tc.need || got.Proof != tc.proof {
			t.Errorf("%s: %s %q by %q, want %s %q by %q", name, got.State, got.Need, got.Proof, want, tc.need, tc.proof)
		}
	}
}

// TestAttributesThatChangedAreSetWithoutARow has a copy of which no earlier run left a row
// and an S3 source, whose listing tells a later time alone: what the copy carries says
// which attributes it was given.
func TestAttributesThatChangedAreSetWithoutARow(t *testing.T) {
	bare := store.Object{Key: "a", Size: 3, Hash: "E1", Modified: noon}
	full, now := bare, bare
	full.Type, now.Type, now.Modified = "image/png", "image/webp", newer
	touched := bare
	touched.Modified = newer
	for name, tc := range map[string]struct {
		src, tells store.Object
		set        func(*job.Job)
		state      ledger.State
		heads      int // of the source
		doubted    bool
	}{
		"later, and others":              {touched, now, func(*job.Job) {}, ledger.Pending, 1, false},
		"later, and the same":            {touched, full, func(*job.Job) {}, ledger.Unchanged, 1, false},
		"at the same time":               {bare, full, func(*job.Job) {}, ledger.Unchanged, 0, false},
		"of another class":               {bare, full, func(j *job.Job) { j.Class = string(store.Archive) }, ledger.Pending, 1, false},
		"later, and others, ignored":     {touched, now, func(j *job.Job) { j.Attributes = job.IgnoreAttributes }, ledger.Unchanged, 0, true},
		"later, others, not overwritten": {touched, now, overwriting(job.OverwriteNever), ledger.Unchanged, 0, true},
	} {
		kept := store.Object{Key: "a", Size: 3, Hash: "E", Modified: noon}
		r, _ := rules(t, &kept, tc.set)
		was, _ := rules(t, nil)
		kept.Origin = was.Copies().Origin(bare, full)
		heads := 0
		r.Describe = func(context.Context, string) (store.Object, error) {
			heads++
			found := tc.tells
			found.Modified = tc.src.Modified
			return found, nil
		}
		got, err := r.Decide(t.Context(), tc.src, &store.Object{Key: "a", Size: 3, Hash: "E", Modified: noon}, nil)
		if doubted := len(got.Attrs) > 0 && got.Attrs[0] == '?'; err != nil || got.State != tc.state || heads != tc.heads || tc.state == ledger.Unchanged && doubted != tc.doubted {
			t.Errorf("%s: %s %q, digest %q after %d HEADs, %v; want %s after %d", name, got.State, got.Need, got.Attrs, heads, err, tc.state, tc.heads)
		}
	}
}
