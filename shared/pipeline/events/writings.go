package events

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/eventnames"
	"kodoferry/shared/pipeline/mark"
	"kodoferry/shared/pipeline/memory"
	"kodoferry/shared/store"
)

// Writings finds the records of writings, by what the metadata of an object say of its own.
// It is safe for concurrent use.
type Writings struct {
	Ledger *ledger.Ledger
	Runs   memory.ByRun
	Now    func() time.Time

	mu     sync.Mutex
	recent []*writeOff // that were asked for last
}

// writeOff is what a batch is known to have written.
type writeOff struct {
	run, batch string

	read chan struct{} // is closed when it was read
	at   time.Time
	rows map[string]written // by their keys, those that have a mark; nil where it has no record
	err  error
	cut  bool // err is of a caller who was cut short
}

// written is what a row tells of the writing that it is the record of: some 300 bytes.
type written struct {
	dst     ledger.Dst
	state   ledger.State
	verdict ledger.Verdict
	author  string
}

const (
	// mostRecent is how many batches a Writings remembers, of up to 1,000 rows each: keys
	// are asked for in their order by most, so that one read serves a batch, and a process
	// lists up to 48 shards at a time.
	mostRecent = 64
	// unwrittenFor is how long a batch that has no record is not asked for again by a run that
	// lists: the batch is of a run that is over, and has left it open for good, for no two runs of a job
	// list at a time. An event asks each time, as it may be beside a run that is about to write
	// the batch off; and everybody asks each time for that of an event, which has one row.
	unwrittenFor = time.Minute
)

// Of returns the row of the writing of an object of key that o names: of an event, of a run
// that is over, or of the batch that its mark names; nil where there is none. What run itself
// has written is none of these, but for events: its own rows tell, and who asks has them.
func (w *Writings) Of(ctx context.Context, run, key string, o store.Origin) (*ledger.Row, error) {
	name, batch := o.Job+"/"+o.Run, eventnames.Long(mark.Batch(o.Mark), key)
	if !isName(o.Job) || !isName(o.Run) { // metadata are anybody's
		return nil, nil
	}
	event := eventnames.IsRun(o.Run)
	if name == run && !event {
		return nil, nil
	}
	if !event {
		row, err := w.Runs.Of(ctx, name, key)
		if err != nil || row != nil && row.Dst.Mark == o.Mark {
			return row, err
		}
	}
	if isName(batch) {
		row, err := w.written(ctx, name, batch, key, event || eventnames.IsRun(run))
		if err != nil || row != nil && row.Dst.Mark == o.Mark {
			return row, err
		}
	}
	if event && name != run {
		return w.Runs.Of(ctx, name, key)
	}
	return nil, nil
}

const (
	inNames  = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_.~"
	mostName = 200 // bytes; a batch's is the longest, which has that of its shard
)

// isName reports whether s may be the name of a job, a run or a batch: one of a file of the
// ledger, which every service takes.
func isName(s string) bool {
	return s != "" && len(s) <= mostName && s[0] != '.' && strings.Trim(s, inNames) == ""
}

// written returns the row of key of the write-off of a batch; nil where it has none. anew says
// that one may be about to be written: that there was none is not remembered.
func (w *Writings) written(ctx context.Context, run, batch, key string, anew bool) (*ledger.Row, error) {
	f, reads := w.find(run, batch)
	if reads {
		f.at = w.Now()
		f.rows, f.err = rowsOf(ctx, w.Ledger.Run(run).Batches(), batch)
		f.cut = f.err != nil && ctx.Err() != nil
		close(f.read)
	}
	select {
	case <-f.read:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if f.err != nil {
		w.forget(f)
		if f.cut && !reads && ctx.Err() == nil {
			return w.written(ctx, run, batch, key, anew)
		}
		return nil, f.err
	}
	if f.rows == nil && (anew || w.Now().Sub(f.at) >= unwrittenFor) {
		w.forget(f)
	}
	k, ok := f.rows[key]
	if !ok {
		return nil, nil
	}
	return &ledger.Row{Src: store.Object{Key: key}, Dst: &k.dst, State: k.state, Verdict: k.verdict, Author: k.author}, nil
}

// find returns what is remembered of a batch, or is to be: then reads says that the caller is
// to read it.
func (w *Writings) find(run, batch string) (f *writeOff, reads bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, f := range w.recent {
		if f.run == run && f.batch == batch {
			w.recent = append(slices.Delete(w.recent, i, i+1), f)
			return f, false
		}
	}
	if len(w.recent) >= mostRecent {
		w.recent = slices.Delete(w.recent, 0, 1)
	}
	f = &writeOff{run: run, batch: batch, read: make(chan struct{})}
	w.recent = append(w.recent, f)
	return f, true
}

func (w *Writings) forget(f *writeOff) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.recent = slices.DeleteFunc(w.recent, func(g *writeOff) bool { return g == f })
}

// rowsOf returns the rows of a batch's write-off that the batch wrote objects of; nil where it
// has no record that can be read: then the metadata alone tell.
func rowsOf(ctx context.Context, batches ledger.Batches, batch string) (map[string]written, error) {
	w, err := batches.ReadWriteOff(ctx, batch)
	if ledger.Missing(err) || ledger.Unreadable(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	rows := map[string]written{}
	for _, row := range w.Rows {
		if row.Dst != nil && row.Dst.Mark != "" && row.State.Holds() { // its texts are parts of the whole record
			d := ledger.Dst{ETag: strings.Clone(row.Dst.ETag), Size: row.Dst.Size, Modified: row.Dst.Modified, Mark: strings.Clone(row.Dst.Mark)}
			rows[strings.Clone(row.Key())] = written{d, row.State, row.Verdict, strings.Clone(row.Author)}
		}
	}
	return rows, nil
}
