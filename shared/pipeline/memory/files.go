package memory

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/store"
)

// layer is the files of one run, in the order of their first keys.
type layer struct {
	run   *ledger.Run
	files []ledger.File
}

// manifest is what a manifest.json has that matters here.
type manifest struct {
	Run   string        `json:"run"`
	Files []ledger.File `json:"files"`
}

// layerOf reads which files a run has. The error is Corrupt where the manifest is not the
// one that the run ended with.
func layerOf(ctx context.Context, l *ledger.Ledger, last ledger.Last, in store.Range) (layer, error) {
	y := layer{run: l.Run(last.Run)}
	data, err := y.run.Results().ReadManifest(ctx, last.Manifest)
	if err != nil {
		return y, err
	}
	if err := checkSum(data, last.Manifest); err != nil {
		return y, err
	}
	var m manifest
	if err := json.Unmarshal(data, &m); err != nil {
		return y, corrupt("it is no JSON: %w", err)
	}
	if m.Run != last.Run {
		return y, corrupt("it is of the run %.80q", m.Run)
	}
	for _, f := range m.Files {
		if f.Packed != nil && f.Packed.Last != "" { // which has rows that the file does not
			f.First, f.Last = f.Packed.First, f.Packed.Last
		}
		if f.Packed != nil && touches(f, in) {
			y.files = append(y.files, f)
		}
	}
	slices.SortStableFunc(y.files, func(a, b ledger.File) int { return cmp.Compare(a.First, b.First) })
	return y, nil
}

func checkSum(data []byte, want string) error {
	if ledger.Sum(data) != want {
		return corrupt("its SHA-256 is not the one that its run has written down")
	}
	return nil
}

// touches reports whether a file may have keys of a range.
func touches(f ledger.File, in store.Range) bool {
	return f.Last > in.After && (in.UpTo == "" || f.First <= in.UpTo) &&
		f.Last >= in.Prefix && (f.First <= in.Prefix || strings.HasPrefix(f.First, in.Prefix))
}

// cursor reads the rows of a file in key order.
type cursor interface {
	next(from string) (key string, ok bool, err error)
	row() Row
	close()
}

// open opens a file at its first row that is at or behind from. Where the packed file
// cannot be read, it opens the CSV file of the same rows, and tells warn. ok is false
// where neither can, and where there is no such row. An error is trouble that may pass.
func (y layer) open(ctx context.Context, f ledger.File, in store.Range, from string, warn func(name string, err error)) (_ *source, ok bool, err error) {
	for _, form := range [...]struct {
		name, sum string
		read      func([]byte) (cursor, error)
	}{
		{f.Packed.Name, f.Packed.SHA256, func(data []byte) (cursor, error) { return newReader(data, y.run.Name, in) }},
		{f.Name, f.SHA256, func(data []byte) (cursor, error) { return newCSVReader(data, f.Name, in), nil }},
	} {
		s, more, err := openForm(ctx, y.run, form.name, form.sum, form.read, from)
		if err == nil {
			return s, more, nil
		}
		if !lost(err) {
			return nil, false, err
		}
		warn(y.run.Path(form.name), err)
	}
	return nil, false, nil
}

func openForm(ctx context.Context, run *ledger.Run, name, sum string, read func([]byte) (cursor, error), from string) (*source, bool, error) {
	data, err := run.Read(ctx, name)
	if err != nil {
		return nil, false, err
	}
	if err := checkSum(data, sum); err != nil {
		return nil, false, err
	}
	c, err := read(data)
	if err != nil {
		return nil, false, err
	}
	s := &source{cursor: c, name: run.Path(name)}
	more, err := s.seek(from)
	return s, more, err
}

// lost reports whether what cannot be read will not be readable later either, by this
// version: it is missing, damaged, of another run or of a newer format.
func lost(err error) bool {
	switch fault.KindOf(err) {
	case fault.NotFound, fault.Corrupt, fault.Newer, fault.Invalid:
		return true
	}
	return false
}

// source is an open file and its row at hand.
type source struct {
	cursor
	name string
	key  string
}

// seek goes on to the first row at or behind key. At the end, and where the file is
// damaged, it closes the file.
func (s *source) seek(key string) (ok bool, err error) {
	if s.key != "" && s.key >= key {
		return true, nil
	}
	if s.key, ok, err = s.next(key); !ok || err != nil {
		s.close()
		return false, err
	}
	return true, nil
}
