package table

import (
	"context"

	"kodoferry/shared/ledger"
)

// Write writes the rows that a shard ended with, and what of them lists take, and names the
// files in p.
func (e *Ended) Write(ctx context.Context, to ledger.Results, p *ledger.Proved) error {
	data, file, err := e.Finish()
	if err != nil {
		return err
	}
	p.Objects, p.Profile = file, &e.Profile
	if p.Objects.Name, err = to.WriteObjects(ctx, p.Shard, data); err != nil {
		return err
	}
	return e.FinishLists(func(list string, data []byte, file ledger.File) (err error) {
		if file.Name, err = to.WriteApart(ctx, list, p.Shard, data); err != nil {
			return err
		}
		if p.Apart == nil {
			p.Apart = map[string]ledger.File{}
		}
		p.Apart[list] = file
		return nil
	})
}
