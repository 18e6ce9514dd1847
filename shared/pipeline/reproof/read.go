package reproof

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync"
	"time"

	"kodoferry/shared/digest"
	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/store"
)

// read is what the bytes of the target's object tell of a row, beside src, which the
// source lists now. Bytes that do not agree are read a second time: they may have been
// damaged on the way.
func (s *Piece) read(ctx context.Context, row ledger.Row, src store.Object) (outcome, error) {
	changed := !sameSource(row.Src, src)
	want, by := wanted(row, src, changed)
	if by == "" {
		return outcome{row: row, finding: ledger.Unproved, why: "the source lists no hash that its bytes could be held against (one of version 2 takes the sizes of its parts), and what the run proved is of another version, or has no CRC64"}, nil
	}
	differs := ""
	for r := resume(s.Carry, src, by, want); ; r.again = true {
		began := time.Now()
		err := s.readAll(ctx, r, src)
		switch {
		case err != nil && ctx.Err() != nil:
			return outcome{row: row, cut: true, carry: r.state(src)}, nil
		case err == nil:
			s.Pace.Measured(src.Size, time.Since(began))
			if differs = r.differs(); differs == "" {
				return outcome{row: row, finding: ledger.Holds, by: by}, nil
			}
		case errors.As(err, new(otherSize)):
			differs = err.Error()
		default:
			return s.unseen(ctx, row, err)
		}
		if r.again {
			break
		}
		r.restart()
	}
	if changed {
		return outcome{row: row, finding: ledger.SourceChanged, why: "the source has another version since the run, and not the one that the target has"}, nil
	}
	return outcome{row: row, finding: ledger.Differs, why: differs}, nil
}

// wanted returns the hash that the bytes must have, and which one it is: that of the
// source's listing, or, where it lists none that could be computed of them, the CRC64 of
// what the run read of the same version. "" where there is none.
func wanted(row ledger.Row, src store.Object, changed bool) (hash string, by ledger.Proof) {
	switch {
	case digest.IsQetag(src.Hash) && (!digest.TakesParts(src.Hash) || len(src.Parts) > 0):
		return src.Hash, ledger.ByQetag
	case src.MD5 != "":
		return src.MD5, ledger.ByMD5
	case !changed && row.Dst.CRC64 != "":
		return row.Dst.CRC64, ledger.ByCRC
	}
	return "", ""
}

// otherSize says that the target's object is of another size than the source's.
type otherSize struct{ has, lists int64 }

func (e otherSize) Error() string {
	return fmt.Sprintf("the target has %d bytes, the source lists %d", e.has, e.lists)
}

// readAll reads what is left of an object into r. Where it breaks off, it goes on there.
func (s *Piece) readAll(ctx context.Context, r *reading, src store.Object) error {
	_, err := store.Retry(ctx, store.Pauses(), "reproof.read", src.Key, func() (struct{}, error) {
		began := time.Now()
		err := s.readOn(ctx, r, src)
		switch fault.KindOf(err) {
		case fault.Throttled:
			s.Slots.Throttled(began, fault.WaitOf(err))
		case fault.Changed: // the object was replaced while it was read
			r.restart()
			err = fault.New(fault.Temporary, "reproof.read", src.Key, err)
		}
		return struct{}{}, err
	})
	return err
}

// buffers are lent to readers: as much as is hashed in one go.
var buffers = sync.Pool{New: func() any { return new([256 << 10]byte) }}

// readOn reads an object from where r is to its end, by one GET.
func (s *Piece) readOn(ctx context.Context, r *reading, src store.Object) error {
	if r.at() > 0 && r.at() == src.Size {
		return nil
	}
	found, body, err := s.Target.Open(ctx, store.Object{Key: src.Key, Size: src.Size, Hash: r.etag}, r.at(), -1)
	if err != nil {
		return err
	}
	defer func() { _ = body.Close() }()
	if found.Size != src.Size {
		return otherSize{found.Size, src.Size}
	}
	r.etag = found.Hash
	buffer := buffers.Get().(*[256 << 10]byte)
	defer buffers.Put(buffer)
	for r.at() < src.Size {
		n, err := io.ReadFull(body, buffer[:min(int64(len(buffer)), src.Size-r.at())])
		_, _ = r.sum.Write(buffer[:n]) // never fails
		if err != nil {
			return fault.New(fault.Temporary, "reproof.read", src.Key, err)
		}
		if ctx.Err() != nil {
			return fault.New(fault.Temporary, "reproof.read", src.Key, ctx.Err())
		}
	}
	return nil
}

// reading is how far an object was read.
type reading struct {
	by    ledger.Proof
	want  digest.Want
	again bool   // the object is read a second time
	etag  string // of the object that is read
	sum   *digest.Rehash
}

// carried is a reading as it is kept between two tasks.
type carried struct {
	Key   string `json:"key"`
	Hash  string `json:"hash"` // the source's, when it was read
	ETag  string `json:"etag"`
	Again bool   `json:"again,omitempty"`
	Read  string `json:"read"` // as digest.Rehash lays it down
}

// resume returns the reading of src that was carried over, or a new one: of bytes that
// must have the hash want.
func resume(carry []byte, src store.Object, by ledger.Proof, want string) *reading {
	r := &reading{by: by, want: digest.Want{Size: src.Size}}
	switch by {
	case ledger.ByQetag:
		r.want.Qetag, r.want.Parts = want, src.Parts
	case ledger.ByMD5:
		r.want.MD5 = want
	default:
		r.want.CRC64 = want
	}
	r.restart()
	var c carried
	if len(carry) == 0 || json.Unmarshal(carry, &c) != nil || c.Key != src.Key || c.Hash != src.Hash || c.Read == "" {
		return r
	}
	if sum, err := digest.TakeUp(r.want, c.Read); err == nil {
		r.etag, r.sum, r.again = c.ETag, sum, c.Again
	}
	return r
}

// restart begins at the first byte.
func (r *reading) restart() { r.etag, r.sum = "", digest.NewRehash(r.want) }

// at is how many bytes were read.
func (r *reading) at() int64 { return r.sum.BytesRead() }

// state is the reading of src as another task resumes it; nil where nothing was read.
func (r *reading) state(src store.Object) []byte {
	if r.at() == 0 {
		return nil
	}
	data, err := json.Marshal(carried{src.Key, src.Hash, r.etag, r.again, r.sum.LayDown()})
	if err != nil {
		return nil
	}
	return data
}

// differs says in which the bytes do not agree with what is wanted; "" where they do.
func (r *reading) differs() string {
	_, err := r.sum.Compare()
	bad, ok := errors.AsType[*digest.Mismatch](err)
	if !ok {
		return ""
	}
	whose := "the source lists "
	if r.by == ledger.ByCRC {
		whose = "the run proved "
	}
	return "the bytes in the target, read twice, have the " + string(r.by) + " " + bad.Got + ", " + whose + bad.Want + " for " + strconv.FormatInt(r.want.Size, 10) + " bytes"
}
