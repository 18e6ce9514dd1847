package transfer

import (
	"cmp"

	"kodoferry/shared/digest"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/upload"
	"kodoferry/shared/pipeline/verdict"
)

const (
	// perTaskBytes is about what one Part task copies, and mostTasks how many
	// tasks an object becomes before each copies more.
	perTaskBytes = 128 << 20
	mostTasks    = 256
)

// perTask returns how many parts one Part task copies.
func perTask(size, part int64) int {
	return int(max(1, max(perTaskBytes, size/mostTasks)/part))
}

// partSize returns the size of an object's parts in bytes: the row's own, else
// first, or more where there would be more parts than OSS takes.
func partSize(row ledger.Row, first int64) int64 {
	return verdict.PartSize(row.Src.Size, cmp.Or(row.PartSize, first))
}

// Ranges divides the parts of an upload into ranges of u.PerTask, one for each of the
// Part tasks that Begin yields.
func Ranges(u upload.Upload) []upload.PartRange {
	count := len(cuts(u)) - 1
	var all []upload.PartRange
	for from := 1; from <= count; from += u.PerTask {
		all = append(all, upload.PartRange{From: from, To: min(from+u.PerTask-1, count)})
	}
	return all
}

// cuts returns the offsets at which the parts of an upload begin, and the object's
// size as the last. They are ends of blocks of its hash; blocks begin anew with each
// part that the source was uploaded in.
func cuts(u upload.Upload) []int64 {
	pieces := u.Row.Src.Parts
	if len(pieces) == 0 || !digest.IsQetag(u.Row.Src.Hash) {
		pieces = []int64{u.Row.Src.Size}
	}
	out := []int64{0}
	at, begun := int64(0), int64(0)
	for _, piece := range pieces {
		for end := at + piece; at < end; {
			at = min(end, at+digest.BlockSize)
			if at-begun >= u.PartSize {
				out, begun = append(out, at), at
			}
		}
	}
	if begun < at || at == 0 {
		out = append(out, at)
	}
	return out
}

// within returns the pieces of the source's parts that lie in [from, to).
func within(parts []int64, from, to int64) []int64 {
	var out []int64
	at := int64(0)
	for _, n := range parts {
		if l, h := max(at, from), min(at+n, to); l < h {
			out = append(out, h-l)
		}
		at += n
	}
	return out
}

// InParts reports whether the object of a row goes in parts: it is larger than j has
// objects go whole, or did not fit an invocation, and the row has the size of its parts.
// One that needs no copy does not.
func InParts(j *job.Job, row *ledger.Row) bool {
	return row.Need == "" && (row.PartSize > 0 || row.Src.Size > j.Limits.PartsAbove)
}

// Gaps returns the stretches of the parts from to to that are not done.
func Gaps(from, to int, done []upload.PartRow) []upload.PartRange {
	var out []upload.PartRange
	for _, p := range done {
		if from < p.Number {
			out = append(out, upload.PartRange{From: from, To: p.Number - 1})
		}
		from = p.Number + 1
	}
	if from <= to {
		out = append(out, upload.PartRange{From: from, To: to})
	}
	return out
}
