package files

import (
	"context"
	"sync"
)

const (
	// mostLasting bounds the bytes of lasting records that a process remembers of a ledger,
	// mostOfOne those of one: a small run is remembered as a whole, of a large one what is
	// asked again soonest.
	mostLasting = 2 << 20
	mostOfOne   = 128 << 10
)

// CreateLasting is CreateRecord of a record that is not replaced or removed before its run
// is removed: this process remembers it, as far as it has room.
func CreateLasting[T any](ctx context.Context, f Folder, name string, record T) (T, error) {
	stands, data, err := create(ctx, f, name, record)
	if err == nil {
		f.in.lasting.add(f.prefix+name, data)
	}
	return stands, err
}

// ReadLasting is ReadRecord of such a record, without a request where this process
// remembers it.
func ReadLasting[T any](ctx context.Context, f Folder, name string) (record T, err error) {
	data, known := f.in.lasting.get(f.prefix + name)
	if !known {
		if data, err = f.Read(ctx, name); err != nil {
			return record, err
		}
	}
	if record, err = DecodeRecord[T](data, name); err == nil && !known {
		f.in.lasting.add(f.prefix+name, data)
	}
	return record, err
}

// lasting has records as they are in the bucket, by their keys. It is safe for concurrent use.
type lasting struct {
	mu    sync.Mutex
	files map[string][]byte
	order []string // of files, the oldest first
	size  int
}

func (l *lasting) get(key string) ([]byte, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	data, ok := l.files[key]
	return data, ok
}

func (l *lasting) add(key string, data []byte) {
	if len(data) > mostOfOne {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ok := l.files[key]; ok {
		return
	}
	if l.files == nil {
		l.files = map[string][]byte{}
	}
	l.files[key] = data
	l.order = append(l.order, key)
	l.size += len(data)
	for l.size > mostLasting {
		l.size -= len(l.files[l.order[0]])
		delete(l.files, l.order[0])
		l.order = l.order[1:]
	}
}
