// Package memory reads what earlier runs of the same source and target left of each
// key: the rows of their files, newest first.
//
//	memory.go  Row, and which rows of a run may be believed
//	writer.go  Writer: packs the rows of a shard; coding.go writes hashes short
//	reader.go  reads what it has packed
//	csv.go     reads the same off the file that people keep
//	files.go   the files of a run
//	index.go   finds one row of a packed file by two ranges of it
//	layers.go  Memory: the rows of several runs as one
//	choose.go  which runs a new one is to remember
//	byrun.go   ByRun: what a run left of a key, by the run's name
package memory

import (
	"kodoferry/shared/ledger"
	"kodoferry/shared/store"
)

// Row is what earlier runs left of one key. The runs that it names have written and
// proved the target's object; the one that has the row may have found both so.
type Row struct {
	Key   string
	Src   store.Object // Size, Hash, MD5 and Modified, as the source listed them when they were proved
	Dst   ledger.Dst   // as the verification found the target's object, of the same size
	Attrs string       // the digest of the attributes that the source told; "" where it told none
	State ledger.State // in the run that has the row
	Proof ledger.Proof // of the bytes
	// Author is the run that wrote the target's object, or the job where its metadata alone
	// tell so; ledger.NotOurs where another writer did, "" where the run did not look.
	Author string
	Prover string // the run that proved the bytes
}

// Of returns what a later run may believe of a row that run ended with. ok is false
// where it is to believe nothing.
func Of(row ledger.Row, run string) (_ Row, ok bool) {
	proved := believable(row.State, row.Verdict, row.Proof)
	if row.Dst == nil || !proved && row.Author != ledger.NotOurs {
		return Row{}, false
	}
	r := Left(row, run)
	if !proved { // that another writer wrote the object is known whatever became of the row
		r.Proof, r.Prover = "", ""
	}
	return r, true
}

// Left returns what a row of run, which has a Dst, says of its key and of who wrote and
// proved what, whether that may be believed or not.
func Left(row ledger.Row, run string) Row {
	r := Row{
		Key: row.Key(), Src: store.Object{Key: row.Key(), Size: row.Src.Size, Hash: row.Src.Hash, MD5: row.Src.MD5, Modified: row.Src.Modified},
		Dst: *row.Dst, Attrs: row.Attrs, State: row.State, Proof: row.Proof, Author: row.Author, Prover: row.Prover,
	}
	if r.Author == "" && row.State.Wrote() {
		r.Author = run
	}
	if r.Prover == "" && r.Proof != "" {
		r.Prover = run
	}
	return r
}

// Known returns the row as what is kept with one that is judged by it.
func (r Row) Known() *ledger.Known {
	return &ledger.Known{
		Size: r.Src.Size, Hash: r.Src.Hash, MD5: r.Src.MD5, Modified: r.Src.Modified,
		Dst: r.Dst, State: r.State, Proof: r.Proof, Author: r.Author, Prover: r.Prover, Attrs: r.Attrs,
	}
}

// Was returns what was known of the key of a row before it was judged; nil: nothing.
func Was(row ledger.Row) *Row {
	k := row.Was
	if k == nil {
		return nil
	}
	return &Row{
		Key: row.Key(), Src: store.Object{Key: row.Key(), Size: k.Size, Hash: k.Hash, MD5: k.MD5, Modified: k.Modified},
		Dst: k.Dst, State: k.State, Proof: k.Proof, Author: k.Author, Prover: k.Prover, Attrs: k.Attrs,
	}
}

// DstOf returns the target's object of what earlier runs left of a key; nil where they left
// nothing.
func DstOf(row *Row) *ledger.Dst {
	if row == nil {
		return nil
	}
	return &row.Dst
}

// believable reports whether a row tells a later run something: that the target's
// object was proved, or deleted. What an earlier version proved by time it did not.
func believable(state ledger.State, verdict ledger.Verdict, proof ledger.Proof) bool {
	switch state {
	case ledger.Deleted:
		return true
	case ledger.Copied, ledger.Updated, ledger.Unchanged:
		return verdict == ledger.Verified && proof != "" && proof != ledger.ByTime
	}
	return false
}
