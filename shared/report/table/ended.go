package table

import (
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
)

// List is a file beside a report that has some rows of its run alone.
type List struct {
	Name string // of the file, without ".csv"
	has  func(ledger.Row) bool
}

// Lists are the lists there are.
var Lists = [...]List{
	{"failed", ledger.Row.NeedsPerson},
	{"present", func(row ledger.Row) bool { return row.State == ledger.Present }},
}

// MaxListed is how many rows a list has at most, the first; the files of all rows have
// the others.
const MaxListed = 50_000

// Ended packs the rows that a shard ended with: all of them, and once more those of each
// list. It holds the packed files in memory.
type Ended struct {
	Profile ledger.Profile // of all
	all     *Writer
	lists   [len(Lists)]*Writer // nil where a list has none
}

// NewEnded returns an Ended of rows of that run of j.
func NewEnded(j job.Job, run string) *Ended { return &Ended{all: NewWriter(j, run)} }

// Add adds a row.
func (e *Ended) Add(row ledger.Row) error {
	e.Profile.Count(row)
	for i, list := range Lists {
		if !list.has(row) {
			continue
		}
		if e.lists[i] == nil {
			e.lists[i] = NewWriter(e.all.job, e.all.run)
		}
		if e.lists[i].Rows() == MaxListed {
			continue
		}
		if err := e.lists[i].Add(row); err != nil {
			return err
		}
	}
	return e.all.Add(row)
}

// Finish returns the packed file of all rows, as Writer.Finish does.
func (e *Ended) Finish() ([]byte, ledger.File, error) { return e.all.Finish() }

// FinishLists gives put the packed file of each list that has rows.
func (e *Ended) FinishLists(put func(list string, data []byte, file ledger.File) error) error {
	for i, w := range e.lists {
		if w == nil {
			continue
		}
		data, file, err := w.Finish()
		if err != nil {
			return err
		}
		if err := put(Lists[i].Name, data, file); err != nil {
			return err
		}
	}
	return nil
}
