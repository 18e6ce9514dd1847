package report

import (
	"context"
	"slices"
	"strings"

	"kodoferry/shared/ledger"
	"kodoferry/shared/report/table"
)

// Retriable returns the source keys of a run that is over which another run may
// bring further, sorted and each once: those that failed, those that differ in the
// target, and what was open when the run was cancelled. Conflicts are left out, for a
// person has to decide on them, and so are stretches that were never listed. The
// error is NotFound for a run that is not over.
func Retriable(ctx context.Context, run *ledger.Run) ([]string, error) {
	rep, err := Read(ctx, run)
	if err != nil {
		return nil, err
	}
	m, err := ReadManifest(ctx, run, rep)
	if err != nil {
		return nil, err
	}
	var keys []string
	for _, f := range m.Files {
		if strings.HasPrefix(f.Name, "objects/"+Deletions+"-") {
			continue // the source no longer has them
		}
		some, err := retriable(ctx, run, f.Name)
		if err != nil {
			return nil, err
		}
		keys = append(keys, some...)
	}
	slices.Sort(keys)
	return slices.Compact(keys), nil
}

// retriable returns the keys of one file.
func retriable(ctx context.Context, run *ledger.Run, file string) (keys []string, err error) {
	data, err := run.Read(ctx, file)
	if err != nil {
		return nil, err
	}
	for line, err := range table.Read(data, file) {
		if err != nil {
			return nil, err
		}
		state, verdict := ledger.State(line[table.State]), ledger.Verdict(line[table.Verdict])
		if state == ledger.Failed || state == ledger.Pending || verdict == ledger.Mismatch {
			keys = append(keys, line[table.Key])
		}
	}
	return keys, nil
}
