package ledger

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/gzip"
	"golang.org/x/sync/errgroup"

	"kodoferry/shared/fault"
)

// segmentHead is the first line of a segment.
type segmentHead struct {
	V     int        `json:"v"`
	Rows  int        `json:"rows"`
	Retry *BatchRef  `json:"retry,omitempty"` // a write-off's in format 1: the batch that takes the rest
	Rest  []BatchRef `json:"rest,omitempty"`  // a write-off's: the batches that take the rest
	Until time.Time  `json:"until,omitzero"`  // a write-off's: the rest is not begun before
	Since int64      `json:"since,omitempty"` // a write-off's: since when a side that the rest waits for has not answered
	Lost  string     `json:"lost,omitempty"`  // a write-off's: given up as a whole, and why; no rows follow
	Cause Cause      `json:"cause,omitempty"` // of a lost one
}

// Level 1 costs a third of the default's processor time for a tenth more bytes
// (measured on rows of the demo).
var gzips = sync.Pool{New: func() any { w, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed); return w }}

// rowsPerMember is how many rows are compressed by themselves, beside others:
// nothing is copied while the last batch, of up to 10,000, is written off.
const rowsPerMember = 2500

// encodeSegment makes compressed JSON lines: the head, then the rows. Members of
// gzip in a row are one file to whoever reads them (RFC 1952, section 2.2).
func encodeSegment(head segmentHead, rows []Row) ([]byte, error) {
	head.V, head.Rows = Version, len(rows)
	if slices.ContainsFunc(head.Rest, func(b BatchRef) bool { return b.Remove }) {
		head.V = newest
	}
	if len(rows) <= rowsPerMember {
		return encodeMember(&head, rows)
	}
	members := make([][]byte, (len(rows)+rowsPerMember-1)/rowsPerMember)
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	of := &head // in the first alone
	for i := range members {
		first, part := of, rows[i*rowsPerMember:min((i+1)*rowsPerMember, len(rows))]
		of = nil
		g.Go(func() (err error) {
			members[i], err = encodeMember(first, part)
			return err
		})
	}
	err := g.Wait()
	return bytes.Join(members, nil), err
}

// encodeMember compresses a head, if there is one, and rows.
func encodeMember(head *segmentHead, rows []Row) ([]byte, error) {
	var out bytes.Buffer
	z := gzips.Get().(*gzip.Writer)
	defer gzips.Put(z)
	z.Reset(&out)
	e := json.NewEncoder(z)
	e.SetEscapeHTML(false)
	if head != nil {
		if err := e.Encode(head); err != nil {
			return nil, err
		}
	}
	buf := make([]byte, 0, 32<<10)
	for i := range rows {
		line, ok := appendRow(buf, &rows[i])
		if ok {
			buf = append(line, '\n')
		}
		if !ok || len(buf) >= 24<<10 || i == len(rows)-1 {
			if _, err := z.Write(buf); err != nil {
				return nil, err
			}
			buf = buf[:0]
		}
		if !ok {
			if err := e.Encode(&rows[i]); err != nil {
				return nil, err
			}
		}
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// decodeSegment reads what encodeSegment wrote. What does not keep the bounds, or
// ends early, is Corrupt.
func decodeSegment(data []byte, name string) (segmentHead, []Row, error) {
	var head segmentHead
	corrupt := func(err error) (segmentHead, []Row, error) { return head, nil, unreadable(name, err) }
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return corrupt(err)
	}
	lines := &lineReader{from: bufio.NewReaderSize(&io.LimitedReader{R: z, N: maxUnpacked}, 64<<10)}
	line, err := lines.next()
	if err == nil {
		err = json.Unmarshal(line, &head)
	}
	if err != nil {
		return corrupt(err)
	}
	if err := checkVersion(head.V, name); err != nil {
		return head, nil, err
	}
	if head.Rows < 0 || head.Rows > maxRows {
		return corrupt(fmt.Errorf("it is said to have %d rows, and none has over %d", head.Rows, maxRows))
	}
	rows := make([]Row, head.Rows)
	var known recurring
	for i := range rows {
		if line, err = lines.next(); err != nil {
			return corrupt(err)
		}
		if scanRow(line, &known, &rows[i]) {
			continue
		}
		rows[i] = Row{}
		if err := json.Unmarshal(line, &rows[i]); err != nil {
			return corrupt(err)
		}
	}
	if _, err := lines.next(); err != io.EOF {
		return corrupt(errors.New("it has more rows than it is said to"))
	}
	return head, rows, nil
}

// lineReader reads lines of up to maxLine bytes.
type lineReader struct {
	from *bufio.Reader
	long []byte // memory, for a line longer than from's
}

// next returns a line without its end, which holds until the next call. Behind
// the last line is io.EOF; a line that is cut off is io.ErrUnexpectedEOF.
func (l *lineReader) next() ([]byte, error) {
	line, err := l.from.ReadSlice('\n')
	if err == bufio.ErrBufferFull {
		l.long = l.long[:0]
		for err == bufio.ErrBufferFull {
			if l.long = append(l.long, line...); len(l.long) > maxLine {
				return nil, fmt.Errorf("a line has over %d bytes", maxLine)
			}
			line, err = l.from.ReadSlice('\n')
		}
		l.long = append(l.long, line...)
		line = l.long
	}
	switch {
	case err == io.EOF && len(line) > 0:
		return nil, io.ErrUnexpectedEOF
	case err != nil:
		return nil, err
	}
	return line[:len(line)-1], nil
}

// segmentName says where a batch's rows are. Those that List sealed are in
// `listed/<shard>/`; the few that were sealed again, a retry batch or a shard
// that verification opened, are in `again/`, so that one short listing finds them.
func segmentName(batch string) string {
	if strings.ContainsAny(batch, ".~") {
		return "again/" + batch
	}
	shard, _, _ := strings.Cut(batch, "-")
	return "listed/" + shard + "/" + batch
}

// Seal writes the rows of a batch. The batch exists once a record names it.
func (r *Run) Seal(ctx context.Context, batch string, rows []Row) error {
	data, err := encodeSegment(segmentHead{}, rows)
	if err != nil {
		return fault.New(fault.Invalid, "ledger.Seal", batch, err)
	}
	return r.write(ctx, segmentName(batch), data)
}

// Rows reads the rows of a batch as they were sealed.
func (r *Run) Rows(ctx context.Context, batch string) ([]Row, error) {
	name := segmentName(batch)
	data, err := r.read(ctx, name)
	if err != nil {
		return nil, err
	}
	_, rows, err := decodeSegment(data, name)
	return rows, err
}

// WriteOff is the outcome of a Copy task.
type WriteOff struct {
	Rows  []Row      // every row of the batch that reached a final state
	Rest  []BatchRef // the batches that take the rest, if any: one, and one each for objects that go in parts
	Until time.Time  // the rest is not begun before, but for what is to be removed; zero: at once
	Since int64      // since when the source or the target that the rest waits for has not answered, in Unix seconds; 0: it waits for none
	Lost  string     // if not empty, the batch was given up as a whole; Rows is empty then
	Cause Cause      // why, of a lost one
}

// WriteOff creates a batch's outcome and returns the one that stands.
func (r *Run) WriteOff(ctx context.Context, batch string, w WriteOff) (WriteOff, error) {
	data, err := encodeSegment(segmentHead{Rest: w.Rest, Until: w.Until, Since: w.Since, Lost: w.Lost, Cause: w.Cause}, w.Rows)
	if err != nil {
		return WriteOff{}, fault.New(fault.Invalid, "ledger.WriteOff", batch, err)
	}
	standing, won, err := r.create(ctx, "copied/"+batch, data)
	if err != nil || won {
		return w, err
	}
	return decodeWriteOff(standing, batch)
}

// WrittenOff reads a batch's outcome. One that is not written off yet is NotFound.
func (r *Run) WrittenOff(ctx context.Context, batch string) (WriteOff, error) {
	data, err := r.read(ctx, "copied/"+batch)
	if err != nil {
		return WriteOff{}, err
	}
	return decodeWriteOff(data, batch)
}

func decodeWriteOff(data []byte, batch string) (WriteOff, error) {
	head, rows, err := decodeSegment(data, "copied/"+batch)
	if head.Retry != nil {
		head.Rest = append(head.Rest, *head.Retry)
	}
	return WriteOff{Rows: rows, Rest: head.Rest, Until: head.Until, Since: head.Since, Lost: head.Lost, Cause: head.Cause}, err
}

// Settled reads the rows of a batch as they stand now, in key order, following
// its retries. done is false if one of them is not written off yet; its rows are pending.
func (r *Run) Settled(ctx context.Context, b BatchRef) (rows []Row, done bool, err error) {
	if b.Pending == 0 {
		rows, err = r.Rows(ctx, b.ID)
		return rows, true, err
	}
	w, err := r.WrittenOff(ctx, b.ID)
	switch {
	case fault.KindOf(err) == fault.NotFound:
		rows, err = r.Rows(ctx, b.ID)
		return rows, false, err
	case err != nil:
		return nil, false, err
	case w.Lost != "":
		rows, err = r.Rows(ctx, b.ID)
		for i := range rows {
			if rows[i].State == Pending {
				rows[i].State = Failed
				rows[i].Because(w.Cause, w.Lost)
			}
		}
		return rows, true, err
	}
	rows, done = w.Rows, true
	for _, rest := range w.Rest {
		more, ended, err := r.Settled(ctx, rest)
		if err != nil {
			return nil, false, err
		}
		rows, done = mergeRows(rows, more), done && ended
	}
	return rows, done, nil
}

// Outcome reads the rows of a batch that was found to be written off, its retries
// included. A write-off that was listed and is not there to be read yet is
// Temporary: rows that are pending in its place would be taken for an outcome.
func (r *Run) Outcome(ctx context.Context, b BatchRef) ([]Row, error) {
	rows, done, err := r.Settled(ctx, b)
	if err == nil && !done {
		err = fault.New(fault.Temporary, "ledger.Outcome", b.ID, errors.New("its write-off, or that of a retry, is listed and cannot be read yet"))
	}
	return rows, err
}

// mergeRows merges two lists in key order that share no key.
func mergeRows(a, b []Row) []Row {
	out := make([]Row, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		if a[0].Key() < b[0].Key() {
			out, a = append(out, a[0]), a[1:]
		} else {
			out, b = append(out, b[0]), b[1:]
		}
	}
	return append(append(out, a...), b...)
}
