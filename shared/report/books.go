package report

import "strings"

// books are the balance as the page shows it.
type books struct {
	Lines                []bookLine
	SumObjects, SumBytes int64 // the right side
	// DiffObjects and DiffBytes are what the balance is off by: 0 in good books.
	DiffObjects, DiffBytes int64
	Word                   string // what the difference means
}

// bookLine is one line of the balance.
type bookLine struct {
	Name, Class, Text string
	Objects, Bytes    int64
	Share             float64 // of what was listed, in percent
}

func booksOf(rep Report) books {
	b := books{Lines: bookLines(rep.Objects, rep.Bytes), SumObjects: rep.Objects.Sum(), SumBytes: rep.Bytes.Sum()}
	b.DiffObjects, b.DiffBytes = rep.Objects.Listed-b.SumObjects, rep.Bytes.Listed-b.SumBytes
	switch {
	case rep.Balanced:
		b.Word = "the books balance"
	case len(rep.Unknown) > 0:
		b.Word = "what was given up is not in these books"
	default:
		b.Word = "the books do not balance"
	}
	return b
}

// bookLines are the ends of what was listed, in the order of ledger.Finals.
func bookLines(objects, bytes Totals) []bookLine {
	lines := []bookLine{
		{Name: "Copied", Text: "stored in the target; the bytes were checked on the way", Objects: objects.Copied, Bytes: bytes.Copied},
		{Name: "Updated", Text: "the target held the same content; type, headers, metadata or class were set there", Objects: objects.Updated, Bytes: bytes.Updated},
		{Name: "Unchanged", Text: "the target already held the same content", Objects: objects.Unchanged, Bytes: bytes.Unchanged},
		{Name: "Present", Text: "the target held an object of equal size before; nothing ties its bytes to the source", Objects: objects.Present, Bytes: bytes.Present},
		{Name: "Skipped", Text: "its owner disabled it or archived it without thawing it, or the job leaves alone what the target holds", Objects: objects.Skipped, Bytes: bytes.Skipped},
		{Name: "Conflict", Text: "the target holds what Ferry did not write; left alone", Objects: objects.Conflict, Bytes: bytes.Conflict},
		{Name: "Gone", Text: "deleted at the source after it was listed, or named in a list of keys and not there", Objects: objects.Gone, Bytes: bytes.Gone},
		{Name: "Failed", Text: "given up; the reason and its cure are below", Objects: objects.Failed, Bytes: bytes.Failed},
	}
	if objects.Open > 0 {
		lines = append(lines, bookLine{Name: "Open", Text: "the run was cancelled before they ended; what was in flight then may be in the target", Objects: objects.Open, Bytes: bytes.Open})
	}
	for i := range lines {
		lines[i].Class = strings.ToLower(lines[i].Name)
		if objects.Listed > 0 {
			lines[i].Share = float64(lines[i].Objects) / float64(objects.Listed) * 100
		}
	}
	return lines
}
