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
	"time"

	"github.com/klauspost/compress/gzip"
	"golang.org/x/sync/errgroup"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger/files"
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

// packers has a compressor for each processor, nil until it was used: of more members that
// are compressed at a time, each would take the memory of one, some 1 MiB, and wait for a
// processor.
var packers = func() chan *gzip.Writer {
	c := make(chan *gzip.Writer, runtime.GOMAXPROCS(0))
	for range cap(c) {
		c <- nil
	}
	return c
}()

// pack takes a compressor, which is to be given back, and has it write to out. Level 1
// costs a third of the default's processor time for a tenth more bytes (measured on rows of
// the demo).
func pack(out io.Writer) *gzip.Writer {
	z := <-packers
	if z == nil {
		z, _ = gzip.NewWriterLevel(out, gzip.BestSpeed) // the level is valid
		return z
	}
	z.Reset(out)
	return z
}

// rowsPerMember is how many rows are compressed by themselves, beside others:
// nothing is copied while the last batch, of up to 10,000, is written off.
const rowsPerMember = 2500

// encodeSegment makes compressed JSON lines: the head, then the rows. Members of
// gzip in a row are one file to a reader (RFC 1952, section 2.2).
func encodeSegment(head segmentHead, rows []Row) ([]byte, error) {
	head.V, head.Rows = Version, len(rows)
	if slices.ContainsFunc(head.Rest, func(b BatchRef) bool { return b.Remove }) {
		head.V = files.WithEvents
	}
	if slices.ContainsFunc(rows, Row.isNew) {
		head.V = files.Newest
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

// isNew reports whether a process of the version before would take a row for another: it
// would copy what is to be compared, and count no object that is present.
func (r Row) isNew() bool { return r.Need != "" || r.State == Updated || r.State == Present }

// rowPacked is how many bytes a row takes in a member at most, mostly: 80 where it is pending,
// 135 once it is copied (measured on rows of the demo).
const rowPacked = 140

// encodeMember compresses a head, if there is one, and rows.
func encodeMember(head *segmentHead, rows []Row) ([]byte, error) {
	var out bytes.Buffer
	out.Grow(rowPacked * len(rows))
	z := pack(&out)
	defer func() {
		z.Reset(io.Discard) // or it would hold what it has written in memory
		packers <- z
	}()
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
	corrupt := func(err error) (segmentHead, []Row, error) { return head, nil, files.Corrupt(name, err) }
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
	if err := files.CheckVersion(head.V, name); err != nil {
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

// SegmentName says where a batch's rows are. Those that List sealed are in
// `listed/<shard>/`; the few that were sealed again, a retry batch or a shard
// that verification opened, are in `again/`, so that one short listing finds them.
func SegmentName(batch string) string {
	if strings.ContainsAny(batch, ".~") {
		return "again/" + batch
	}
	shard, _, _ := strings.Cut(batch, "-")
	return "listed/" + shard + "/" + batch
}

// WriteRows writes the rows of a batch. The batch exists once a record names it.
func (b Batches) WriteRows(ctx context.Context, batch string, rows []Row) error {
	data, err := encodeSegment(segmentHead{}, rows)
	if err != nil {
		return fault.New(fault.Invalid, "ledger.WriteRows", batch, err)
	}
	return b.files.Write(ctx, SegmentName(batch), data)
}

// ReadRows reads the rows of a batch as they were sealed.
func (b Batches) ReadRows(ctx context.Context, batch string) ([]Row, error) {
	name := SegmentName(batch)
	data, err := b.files.Read(ctx, name)
	if err != nil {
		return nil, err
	}
	_, rows, err := decodeSegment(data, name)
	return rows, err
}
