package pipeline_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/report"
	"kodoferry/shared/report/table"
	"kodoferry/shared/store"
	"kodoferry/shared/store/mem"
	"kodoferry/shared/task"
)

var (
	histories    = flag.Int("histories", defaultHistories, "how many histories of both buckets TestAHistory goes through")
	historyFirst = flag.Uint64("history-first", 1, "the first of them")
	historySeed  = flag.Uint64("history", 0, "the one history to go through; 0: as many as -histories says")
	historyTrace = flag.Bool("history-trace", false, "print what happens in the history")
)

// TestAHistory goes through histories of both buckets, each drawn from its seed: puts,
// overwrites of any size and time, moves, changed attributes and deletions at the source,
// and at the target what the application writes, copies there, restores and deletes, before,
// between and amid three runs of a job with policies of its own. After each run what it verified
// has the source's bytes, and what the application wrote stands as it wrote it.
func TestAHistory(t *testing.T) {
	first, last := *historyFirst, *historyFirst+uint64(*histories)-1
	if *historySeed != 0 {
		first, last = *historySeed, *historySeed
	}
	var next atomic.Uint64
	next.Store(first)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for !t.Failed() {
				seed := next.Add(1) - 1
				if seed > last {
					return
				}
				newHistory(t, seed).live()
			}
		})
	}
	all.Wait()
}

// history is one of both buckets.
type history struct {
	*world
	seed  uint64
	dice  *rand.Rand
	kind  string          // of source
	skew  time.Duration   // of the source's clock
	apps  map[string]bool // target keys that the application wrote last
	were  []version       // what stood in the target when a run had ended or was amid
	alone bool            // the application has written nothing at all
	runs  int
	amid  bool // something happened amid the last run
	lines []string
}

const historyKeys = 6

// version is what an object was.
type version struct {
	object store.Object
	body   []byte
}

// versions takes in what stands in the target.
func (h *history) versions() {
	for _, key := range h.dst.Keys() {
		if o, err := h.dst.Stat(h.t.Context(), key); err == nil {
			h.were = append(h.were, version{o, read(h.t, h.dst, key)})
		}
	}
}

func newHistory(t *testing.T, seed uint64) *history {
	h := &history{seed: seed, dice: rand.New(rand.NewPCG(seed, 15)), apps: map[string]bool{}, alone: true}
	pick := func(words ...string) string { return words[h.dice.IntN(len(words))] }
	h.world = newWorld(t, func(j *job.Job) {
		j.Overwrite = pick(job.OverwriteChanged, job.OverwriteChanged, job.OverwriteChanged, job.OverwriteNewer, job.OverwriteNever, job.OverwriteAlways)
		j.Present = pick(job.ProvePresent, job.ProvePresent, job.AcceptPresent, job.CopyPresent)
		j.DeletedInTarget = pick(job.CopyDeleted, job.LeaveDeleted)
		j.Attributes = pick(job.FollowAttributes, job.FollowAttributes, job.IgnoreAttributes)
		j.Delete, j.AllowEmpty, j.MaxDeleteShare = h.dice.IntN(2) == 0, true, 1
		j.Limits.Parallel = 2
	})
	h.kind = pick("kodo", "kodo", "s3", "bare")
	if h.kind != "kodo" {
		h.src = mem.New(mem.OSS)
	}
	h.skew = time.Duration(h.dice.IntN(7)-3) * time.Hour
	h.src.Now = func() time.Time { return h.clock.Now().Add(h.skew) }
	h.dst.Now = func() time.Time { return h.clock.Now().Truncate(time.Second) }
	h.source = func(s store.Source) store.Source { return telling{s, h.kind} }
	h.fresh()
	return h
}

// telling is a source as a service tells of it: s3 lists no attributes, and of some objects
// an ETag that is no MD5; a bare one lists no hash at all.
type telling struct {
	store.Source
	kind string
}

func (s telling) tell(o store.Object) store.Object {
	switch s.kind {
	case "s3":
		if o.CRC64 = ""; o.Size == 9 {
			o.Hash, o.MD5 = strings.ToLower(o.Hash)+"-2", ""
		}
	case "bare":
		o.CRC64, o.Hash, o.MD5 = "", "", ""
	}
	return o
}

func (s telling) List(ctx context.Context, r store.Range) iter.Seq2[store.Object, error] {
	return func(yield func(store.Object, error) bool) {
		for o, err := range s.Source.List(ctx, r) {
			if o = s.tell(o); s.kind == "s3" {
				o.Type, o.Header, o.Meta = "", nil, nil
			}
			if !yield(o, err) {
				return
			}
		}
	}
}

func (s telling) Stat(ctx context.Context, key string) (store.Object, error) {
	o, err := s.Source.Stat(ctx, key)
	return s.tell(o), err
}

func (s telling) Open(ctx context.Context, o store.Object, off, n int64) (store.Object, io.ReadCloser, error) {
	bare := o
	bare.Hash = strings.ToUpper(strings.TrimSuffix(bare.Hash, "-2"))
	if s.kind == "kodo" {
		bare.Hash = o.Hash
	}
	found, body, err := s.Source.Open(ctx, bare, off, n)
	return s.tell(found), body, err
}

func (h *history) note(format string, args ...any) {
	h.lines = append(h.lines, fmt.Sprintf(format, args...))
}

func (h *history) fail(format string, args ...any) {
	h.t.Helper()
	h.t.Errorf("history %d (go test ./shared/pipeline -run TestAHistory -history %d): "+format+"\n    %s", append(append([]any{h.seed, h.seed}, args...), strings.Join(h.lines, "\n    "))...)
}

func (h *history) live() {
	j := h.job
	h.note("a %s source, its clock %s ahead, overwrite=%s present=%s deletedInTarget=%s attributes=%s delete=%v", h.kind, h.skew, j.Overwrite, j.Present, j.DeletedInTarget, j.Attributes, j.Delete)
	for range 3 {
		h.changes(2 + h.dice.IntN(10))
		h.pass()
		if h.t.Failed() {
			return
		}
	}
	if *historyTrace {
		fmt.Println(strings.Join(h.lines, "\n"))
	}
}

// changes has n things happen to the buckets.
func (h *history) changes(n int) {
	for range n {
		h.clock.Advance(time.Duration(2+h.dice.IntN(4000)) * time.Second)
		if h.dice.IntN(3) > 0 {
			h.owner()
		} else {
			h.application()
		}
	}
}

func (h *history) key() string { return fmt.Sprintf("k%d", h.dice.IntN(historyKeys)) }

// content is one of few, so that equal sizes and equal bytes are met.
func (h *history) content() []byte {
	return bytes.Repeat([]byte{byte('a' + h.dice.IntN(3))}, []int{0, 1, 9, 9, 9, 20}[h.dice.IntN(6)])
}

// owner has the source's owner do something.
func (h *history) owner() {
	key, ctx := h.key(), h.t.Context()
	dated := func(key string) { // as a move with force, or a slow upload, leaves it
		at := h.src.Now().Add(-time.Duration(h.dice.IntN(48)) * time.Hour).Add(time.Duration(h.dice.IntN(1e9)))
		h.src.Alter(key, func(o *store.Object) { o.Modified = at })
	}
	_, err := h.src.Stat(ctx, key)
	switch what := h.dice.IntN(8); {
	case what < 4 || err != nil:
		body := h.content()
		h.write(h.src, store.Object{Key: key, Type: "text/plain"}, body)
		if h.dice.IntN(2) == 0 {
			dated(key)
		}
		h.note("the source's %s is %q", key, body)
	case what == 4:
		to := h.key()
		body := read(h.t, h.src, key)
		o, _ := h.src.Stat(ctx, key)
		h.write(h.src, store.Object{Key: to, Type: o.Type}, body)
		h.src.Alter(to, func(now *store.Object) { now.Modified = o.Modified.Add(time.Nanosecond) })
		if to != key {
			_ = h.src.Delete(ctx, key)
		}
		h.note("the source's %s is moved to %s: %q, with its time", key, to, body)
	case what == 5:
		_ = h.src.Delete(ctx, key)
		h.note("the source's %s is deleted", key)
	default:
		now := h.src.Now()
		h.src.Alter(key, func(o *store.Object) {
			o.Type = fmt.Sprintf("text/%d", h.dice.IntN(100))
			if h.kind != "kodo" {
				o.Modified = now
			}
			h.note("the source's %s has the type %s", key, o.Type)
		})
	}
}

func (h *history) write(b *mem.Bucket, o store.Object, body []byte) {
	o.Size = int64(len(body))
	if _, err := b.Put(h.t.Context(), o, bytes.NewReader(body), store.Put{}); err != nil {
		h.fail("a write: %v", err)
	}
}

// application has the application do something in the target.
func (h *history) application() {
	key, ctx := h.key(), h.t.Context()
	o, err := h.dst.Stat(ctx, key)
	wrote := func(key string) { h.apps[key], h.alone = true, false }
	switch what := h.dice.IntN(8); {
	case what > 5 && len(h.were) > 0: // the service restores a version with all that it had
		v := h.were[h.dice.IntN(len(h.were))]
		h.write(h.dst, store.Object{Key: v.object.Key, Type: v.object.Type, Meta: v.object.Meta, Origin: v.object.Origin}, v.body)
		wrote(v.object.Key)
		h.note("the application restores %s in the target: %q", v.object.Key, v.body)
	case what < 2 || err != nil:
		body := h.content()
		h.write(h.dst, store.Object{Key: key, Type: "the application's"}, body)
		wrote(key)
		h.note("the application writes %s: %q", key, body)
	case what < 4: // a copy by the service takes everything along
		to := h.key()
		body := read(h.t, h.dst, key)
		h.write(h.dst, store.Object{Key: to, Type: o.Type, Meta: o.Meta, Origin: o.Origin}, body)
		wrote(to)
		h.note("the application copies %s to %s in the target: %q", key, to, body)
	case what == 4:
		body := read(h.t, h.dst, key)
		h.write(h.dst, store.Object{Key: key, Type: "the application's", Origin: o.Origin}, body)
		wrote(key)
		h.note("the application sets the type of %s in the target", key)
	default:
		_ = h.dst.Delete(ctx, key)
		delete(h.apps, key)
		h.alone = false
		h.note("the application deletes %s", key)
	}
}

// pass runs the job once and holds what it came to against what may be.
func (h *history) pass() {
	h.runs++
	name := fmt.Sprintf("%s/%s", "j", epoch.Add(time.Duration(h.runs)*time.Hour).Format("20060102T150405Z"))
	h.clock.Advance(2 * time.Second)
	h.fresh()
	theirs := h.standing()
	amid := h.dice.IntN(3) == 0
	when := []task.Kind{task.Copy, task.Verify}[h.dice.IntN(2)]
	h.amid = amid
	h.before = func(at task.Task) {
		if amid && at.Kind == when {
			amid = false
			h.note("amid the run, before a %s", when)
			h.versions()
			h.kept(theirs)
			h.changes(1 + h.dice.IntN(2))
			h.clock.Advance(2 * time.Second)
			theirs = h.standing()
		}
	}
	tasks, err := h.pipe.Start(h.t.Context(), h.job, name)
	if err != nil {
		h.fail("start: %v", err)
		return
	}
	h.drive(h.t.Context(), 0, tasks...)
	rep, err := report.Read(h.t.Context(), h.config.Ledger.Run(name))
	if err != nil {
		h.fail("report: %v", err)
		return
	}
	h.note("run %d is %s: %+v", h.runs, rep.Result, rep.Objects)
	h.versions()
	h.verified(name, rep)
	h.kept(theirs)
	if h.alone && rep.Result != report.Verified && rep.Unlisted == 0 && !(rep.Result == report.Incomplete && rep.Mirror != nil && rep.Mirror.Refused != "") && (h.job.Overwrite == job.OverwriteChanged) {
		h.fail("nobody but Ferry wrote the target, and the run is %s: %s %+v", rep.Result, rep.Reason, rep.Failures)
	}
}

// standing is what the application wrote and stands in the target.
func (h *history) standing() map[string]store.Object {
	theirs := map[string]store.Object{}
	for key := range h.apps {
		if o, err := h.dst.Stat(h.t.Context(), key); err == nil {
			theirs[key] = o
		}
	}
	return theirs
}

// verified holds what a run verified against the bytes of both sides.
func (h *history) verified(name string, rep report.Report) {
	rows := h.rowsOf(name)
	for _, key := range h.src.Keys() {
		row, ok := rows[key]
		if rep.Result == report.Verified && (!ok || row.Verdict != ledger.Verified && row.State != ledger.Skipped && row.State != ledger.Present) {
			h.fail("the run is verified, and the row of %s is %+v", key, row)
		}
		if row.Verdict != ledger.Verified {
			continue
		}
		src, _ := h.src.Stat(h.t.Context(), key)
		dst, err := h.dst.Stat(h.t.Context(), key)
		if err != nil || !bytes.Equal(read(h.t, h.src, key), read(h.t, h.dst, key)) {
			h.fail("%s is verified (%s by %s), and the target has other bytes (%v)", key, row.State, row.Proof, err)
			return
		}
		unseen := h.kind == "s3" && h.amid // no listing tells: the next run asks
		left := h.job.Overwrite == job.OverwriteNever && strings.Contains(strings.Join(row.Warnings, ""), "overwrite=never leaves")
		if h.job.Attributes == job.FollowAttributes && !unseen && !left && !h.apps[key] && (row.State.Wrote() || h.alone) && dst.Type != src.Type {
			h.fail("%s is verified (%s), and its type is %q, not the source's %q", key, row.State, dst.Type, src.Type)
		}
	}
}

// rowsOf reads the rows of a run as its verification left them.
func (h *history) rowsOf(name string) map[string]ledger.Row {
	rows := map[string]ledger.Row{}
	run := h.config.Ledger.Run(name)
	m := manifestOf(h.t, run)
	for _, f := range m.Files {
		data, err := run.Read(h.t.Context(), f.Name)
		if err != nil {
			h.fail("%s: %v", f.Name, err)
			continue
		}
		for line, err := range table.Read(data, f.Name) {
			if err != nil {
				h.fail("%s: %v", f.Name, err)
				break
			}
			if ledger.State(line[table.State]) != ledger.Deleted {
				rows[line[table.Key]] = ledger.Row{
					State: ledger.State(line[table.State]), Verdict: ledger.Verdict(line[table.Verdict]), Proof: ledger.Proof(line[table.Proof]),
					Reason: line[table.Reason], Author: line[table.Author], Warnings: []string{line[table.Warnings]},
				}
			}
		}
	}
	return rows
}

// kept holds what the application wrote against what stands, and takes in what the job
// let Ferry replace.
func (h *history) kept(theirs map[string]store.Object) {
	for key, was := range theirs {
		now, err := h.dst.Stat(h.t.Context(), key)
		if err == nil && now.Hash == was.Hash && now.Modified.Equal(was.Modified) && now.Type == was.Type {
			continue
		}
		src, serr := h.src.Stat(h.t.Context(), key)
		switch {
		case err != nil:
			h.fail("%s of the application's is gone", key)
		case h.job.Overwrite == job.OverwriteAlways:
		case h.job.Overwrite == job.OverwriteNewer && serr == nil && (h.amid || src.Modified.After(was.Modified)): // as it was listed
		case h.job.Present == job.CopyPresent && serr == nil && src.Size == was.Size && h.job.Overwrite != job.OverwriteNever:
		default:
			h.fail("%s of the application's, %+v, is replaced by %+v", key, was, now)
		}
		delete(h.apps, key)
	}
}
