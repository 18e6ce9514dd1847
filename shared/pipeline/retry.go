package pipeline

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/report/table"
)

// Retriable returns the source keys of a run that is over which another run
// may bring further, sorted and each once: those that failed, those that differ
// in the target, and what was open when the run was cancelled. Conflicts are
// left out: they are somebody's decision. So are stretches that were never
// listed, which no list of keys holds. A run that is not over is NotFound.
func Retriable(ctx context.Context, run *ledger.Run) ([]string, error) {
	data, err := run.Read(ctx, "manifest.json")
	if err != nil {
		return nil, err
	}
	var m Manifest
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, fault.New(fault.Corrupt, "pipeline.Retriable", "manifest.json", err)
	}
	var keys []string
	for _, f := range m.Files {
		if strings.HasPrefix(f.Name, "objects/"+deletedRows+"-") {
			continue // of what the source no longer has
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

// deletedRows begins the name of the file of deletions, where those of listed
// objects begin with their shard.
const deletedRows = "deleted"

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
