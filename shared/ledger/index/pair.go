package index

import (
	"context"
	"fmt"
	"strings"
	"time"

	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/files"
	"kodoferry/shared/store"
)

// PairRun is a run that is over, among those of the same pair of places:
// `pairs/<pair>/<time>-<job>.json`, where the time runs backwards.
type PairRun struct {
	V int `json:"v"`
	ledger.Last
	At     time.Time `json:"at"` // when it began
	Prefix string    `json:"prefix,omitempty"`
	Filter string    `json:"filter,omitempty"` // the digest of the filter that chose its objects; "": it took all
	Whole  bool      `json:"whole,omitempty"`  // the run has a row for each object below Prefix that the filter chooses, its own or an earlier run's
}

// Holds reports whether r has a row for each object below prefix that a filter of that
// digest chooses.
func (r PairRun) Holds(prefix, filter string) bool {
	return r.Whole && strings.HasPrefix(prefix, r.Prefix) && (r.Filter == "" || r.Filter == filter)
}

// Meets reports whether r may have rows of keys below prefix.
func (r PairRun) Meets(prefix string) bool {
	return strings.HasPrefix(prefix, r.Prefix) || strings.HasPrefix(r.Prefix, prefix)
}

func pairFolder(pair string) string { return "pairs/" + pair + "/" }

// afterAll is behind the milliseconds since 1970 of every time.
const afterAll = 9_999_999_999_999

// WritePairRun adds a run to those of a pair, or replaces it. It is written before the
// run's report: a run that is over is found.
func WritePairRun(ctx context.Context, l *ledger.Ledger, pair string, r PairRun) error {
	r.V = ledger.Version
	back := afterAll - min(max(r.At.UnixMilli(), 0), afterAll)
	return files.WriteRecord(ctx, l.Folder(), fmt.Sprintf("%s%013d-%s.json", pairFolder(pair), back, l.Run(r.Run).Job()), r)
}

// ReadPairRuns reads the runs of a pair, the one that began last first, until visit
// returns false. Those that cannot be read go to damaged.
func ReadPairRuns(ctx context.Context, l *ledger.Ledger, pair string, visit func(PairRun) bool, damaged func(file string, err error)) error {
	var failed error
	err := l.Folder().ListUntil(ctx, store.Range{Prefix: pairFolder(pair)}, func(name string, _ store.Object) bool {
		r, err := files.ReadRecord[PairRun](ctx, l.Folder(), name)
		switch {
		case ledger.Missing(err):
		case ledger.Unreadable(err):
			damaged(name, err)
		case err != nil:
			failed = err
			return false
		default:
			return visit(r)
		}
		return true
	})
	if failed != nil {
		return failed
	}
	return err
}
