package files

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"kodoferry/shared/fault"
)

// Version is the format of records and rows this code writes. It reads this
// one and the one before. Format 2 added what goes in parts, what is deleted,
// and several batches that take the rest of one.
const Version = 2

// The formats of the records that format 2 cannot carry. Only these carry them, so that
// older processes do all else, and leave these alone.
const (
	WithEvents = 3 // the first record of a run of events, and a write-off whose rest is to be removed
	Newest     = 4 // the first record of a verification of a run; rows that need something else than a copy, or that were given it
)

// Time is how names write a time, in UTC, so that they sort by it.
const Time = "20060102T150405Z"

// Checked is a record that knows what its values may be.
type Checked interface {
	// Check says what cannot be; nil where all can.
	Check() error
}

// CreateRecord creates a record as JSON and returns the one that stands.
func CreateRecord[T any](ctx context.Context, f Folder, name string, record T) (T, error) {
	stands, _, err := create(ctx, f, name, record)
	return stands, err
}

// create also returns the bytes of the record that stands.
func create[T any](ctx context.Context, f Folder, name string, record T) (stands T, data []byte, err error) {
	if data, err = Encode(name, record); err != nil {
		return stands, nil, err
	}
	data, won, err := f.Create(ctx, name, data)
	if err != nil {
		return stands, nil, err
	}
	if won {
		return record, data, nil
	}
	stands, err = DecodeRecord[T](data, name)
	return stands, data, err
}

// WriteRecord writes a record as JSON, replacing what was there.
func WriteRecord[T any](ctx context.Context, f Folder, name string, record T) error {
	data, err := Encode(name, record)
	if err != nil {
		return err
	}
	return f.Write(ctx, name, data)
}

// Encode makes a record the JSON of the file of that name.
func Encode(name string, record any) ([]byte, error) {
	data, err := json.Marshal(record)
	if err != nil {
		return nil, fault.New(fault.Invalid, "ledger.create", name, err)
	}
	return data, nil
}

// ReadRecord reads a record. A missing one is NotFound, one that is not what it
// should be Corrupt, one of a format that this code does not know Newer.
func ReadRecord[T any](ctx context.Context, f Folder, name string) (T, error) {
	record, _, err := ReadDatedRecord[T](ctx, f, name)
	return record, err
}

// ReadDatedRecord reads a record, and when it was written, by the store's clock.
func ReadDatedRecord[T any](ctx context.Context, f Folder, name string) (record T, at time.Time, err error) {
	data, at, err := f.ReadDated(ctx, name)
	if err != nil {
		return record, at, err
	}
	record, err = DecodeRecord[T](data, name)
	return record, at, err
}

// DecodeRecord reads a record off data, of the file of that name.
func DecodeRecord[T any](data []byte, name string) (T, error) {
	var record T
	err := decode(data, name, &record)
	if c, ok := any(record).(Checked); ok && err == nil {
		if bad := c.Check(); bad != nil {
			err = Corrupt(name, bad)
		}
	}
	return record, err
}

// decode reads a JSON record and holds its version against this code's.
func decode(data []byte, name string, into any) error {
	v, ok := versionOf(data)
	if !ok {
		var head struct {
			V int `json:"v"`
		}
		if err := json.Unmarshal(data, &head); err != nil {
			return Corrupt(name, err)
		}
		v = head.V
	}
	if err := CheckVersion(v, name); err != nil {
		return err
	}
	if err := json.Unmarshal(data, into); err != nil {
		return Corrupt(name, err)
	}
	return nil
}

// versionOf reads the version off the beginning of a record, where every
// writer has put it, so that a large one is not scanned twice.
func versionOf(data []byte) (v int, ok bool) {
	rest, ok := bytes.CutPrefix(data, []byte(`{"v":`))
	n := 0
	for n < min(len(rest), 9) && '0' <= rest[n] && rest[n] <= '9' {
		n++
	}
	if !ok || n == 0 || n == len(rest) || rest[n] != ',' && rest[n] != '}' {
		return 0, false
	}
	v, err := strconv.Atoi(string(rest[:n]))
	return v, err == nil
}

// CheckVersion fails with Newer, or Corrupt, where this code does not read a format.
func CheckVersion(v int, name string) error {
	switch {
	case v > Newest:
		return fault.New(fault.Newer, "ledger.decode", name, fmt.Errorf("the ledger's file %s is of format %d, and this version reads up to %d: use the newer ferry, which wrote it", name, v, Newest))
	case v < 1 || v < Version-1:
		return Corrupt(name, fmt.Errorf("it is of format %d, and this version reads %d to %d", v, Version-1, Newest))
	}
	return nil
}

// Corrupt is the error of a file that is not what Ferry writes. It is of that kind,
// names the file, and says what to do.
func Corrupt(name string, err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = errors.New("it is cut off")
	} else if s, ok := errors.AsType[*json.SyntaxError](err); ok {
		err = fmt.Errorf("it is cut off or no JSON, at byte %d", s.Offset)
	}
	return fault.New(fault.Corrupt, "ledger.decode", name, fmt.Errorf("the ledger's file %s cannot be read: %w; put it back from a backup, or begin a new run, which finds what is there", name, err))
}

// Missing reports whether err says that a file is not there yet.
func Missing(err error) bool { return fault.KindOf(err) == fault.NotFound }

// Unreadable reports whether err says that a file is there and cannot be read:
// it is damaged (Corrupt), or a newer version wrote it (Newer).
func Unreadable(err error) bool {
	kind := fault.KindOf(err)
	return kind == fault.Corrupt || kind == fault.Newer
}
