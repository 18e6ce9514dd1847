package report

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/report/table"
)

// ListFile is the file of a list of that name beside the report.
func ListFile(list string) string { return list + ".csv" }

// countLists takes in how many rows there are for each list.
func (m *Manifest) countLists(c ledger.Counts) {
	m.of = map[string]int64{
		"failed":  c.States[ledger.Failed].Objects + c.States[ledger.Conflict].Objects + c.Verdicts[ledger.Mismatch].Objects,
		"present": c.States[ledger.Present].Objects,
	}
}

// addApart takes in which file has the rows of a shard that a list takes.
func (m *Manifest) addApart(list string, f ledger.File) {
	if m.apart == nil {
		m.apart = map[string][]ledger.File{}
	}
	m.apart[list] = append(m.apart[list], f)
}

// GatherLists makes the lists beside the report that have rows, names them in the
// manifest, and writes each beside the report. They are CSV that a spreadsheet may open. Each has the
// first table.MaxListed rows, in the order of the shards, and 16 MiB at most; one list and
// as many packed rows are held in memory. What cannot be read of a shard's rows, which all stand in
// its own file, is told to lost and left out.
func (m *Manifest) GatherLists(ctx context.Context, run *ledger.Run, lost func(file string, err error)) error {
	for _, list := range table.Lists {
		if len(m.apart[list.Name]) == 0 {
			continue
		}
		rows := table.NewSafeList()
		for parts := m.apart[list.Name]; len(parts) > 0 && !rows.Full(); {
			some := parts[:together(parts)]
			parts = parts[len(some):]
			for i, p := range readParts(ctx, run, some) {
				err := p.err
				switch {
				case err != nil:
				case Sum(p.data) != some[i].SHA256:
					err = fault.New(fault.Corrupt, "report.GatherLists", some[i].Name, errors.New("its SHA-256 is not the one that the verification wrote down"))
				default:
					err = rows.Add(p.data, some[i].Name)
				}
				switch {
				case fault.KindOf(err) == fault.Corrupt, ledger.Missing(err):
					lost(some[i].Name, err)
				case err != nil:
					return err
				}
			}
		}
		data, err := rows.Finish()
		if err != nil {
			return fmt.Errorf("report: %w", err)
		}
		name, err := run.Results().CreateFile(ctx, ListFile(list.Name), data)
		if err != nil {
			return err
		}
		m.Lists = append(m.Lists, List{ledger.File{Name: name, Rows: rows.Rows, SHA256: Sum(data)}, m.of[list.Name]})
	}
	return nil
}

// together is how many of files are read at a time: up to 32, of as many rows as a list has.
func together(files []ledger.File) (n int) {
	for rows := int64(0); n < min(len(files), 32); n++ {
		if rows += files[n].Rows; n > 0 && rows > table.MaxListed {
			break
		}
	}
	return n
}

type part struct {
	data []byte
	err  error
}

// readParts reads files side by side.
func readParts(ctx context.Context, run *ledger.Run, files []ledger.File) []part {
	parts := make([]part, len(files))
	var reads sync.WaitGroup
	for i, f := range files {
		reads.Go(func() { parts[i].data, parts[i].err = run.Read(ctx, f.Name) })
	}
	reads.Wait()
	return parts
}
