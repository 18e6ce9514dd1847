package memory

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"kodoferry/shared/ledger"
	"kodoferry/shared/store"
)

// ByRun finds what runs that are over left of single keys. It is safe for
// concurrent use.
type ByRun struct {
	Ledger *ledger.Ledger
	Now    func() time.Time
	Warn   func(file string, err error) // as that of a Memory

	mu   sync.Mutex
	runs map[string]lookedUp
}

// lookedUp is what was found of a run.
type lookedUp struct {
	layer layer
	over  bool
	at    time.Time
}

const (
	// mostLookedUp is how many runs a ByRun remembers.
	mostLookedUp = 64
	// openFor is how long a run that is not over is not asked for again.
	openFor = time.Minute
)

// Of returns the row that a run, by its whole name, left of a key; nil where it left none that
// may be believed, is not over, or is no longer there. It reads the run's report and manifest,
// the first time, and two ranges of a file.
func (w *ByRun) Of(ctx context.Context, run, key string) (*ledger.Row, error) {
	y, over, err := w.lookUp(ctx, run)
	if err != nil || !over {
		return nil, err
	}
	row, err := y.rowOf(ctx, key, w.Warn)
	if row == nil || err != nil {
		return nil, err
	}
	return &ledger.Row{Src: row.Src, Dst: &row.Dst, State: row.State, Verdict: ledger.Verified, Proof: row.Proof, Author: row.Author, Prover: row.Prover, Attrs: row.Attrs}, nil
}

func (w *ByRun) lookUp(ctx context.Context, run string) (layer, bool, error) {
	now := w.Now()
	w.mu.Lock()
	f, known := w.runs[run]
	w.mu.Unlock()
	if known && (f.over || now.Sub(f.at) < openFor) {
		return f.layer, f.over, nil
	}
	f = lookedUp{at: now}
	var err error
	if f.layer, f.over, err = w.open(ctx, run); err != nil {
		return f.layer, false, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.runs == nil || len(w.runs) >= mostLookedUp {
		w.runs = map[string]lookedUp{}
	}
	w.runs[run] = f
	return f.layer, f.over, nil
}

// open reads which files a run that is over has.
func (w *ByRun) open(ctx context.Context, run string) (y layer, over bool, err error) {
	r := w.Ledger.Run(run)
	data, err := r.Results().ReadReport(ctx)
	if ledger.Missing(err) {
		return y, false, nil
	}
	if err != nil {
		return y, false, err
	}
	var report struct {
		Manifest string `json:"manifest"`
	}
	if err := json.Unmarshal(data, &report); err != nil {
		w.Warn(r.Path("report.json"), corrupt("it is no JSON: %w", err))
		return y, false, nil
	}
	if y, err = layerOf(ctx, w.Ledger, ledger.Last{Run: run, Manifest: report.Manifest}, store.Range{}); lost(err) {
		w.Warn(r.Path(ledger.ManifestFile), err)
		return y, false, nil
	}
	return y, err == nil, err
}
