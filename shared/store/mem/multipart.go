package mem

import (
	"cmp"
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"kodoferry/shared/digest"
	"kodoferry/shared/fault"
	"kodoferry/shared/store"
)

// Begin implements store.Multipart.
func (b *Bucket) Begin(ctx context.Context, o store.Object) (string, []string, error) {
	if err := alive(ctx, "mem.Begin", o.Key); err != nil {
		return "", nil, err
	}
	if err := b.CheckKey(o.Key); err != nil {
		return "", nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.serial++
	id := "upload-" + strconv.Itoa(b.serial)
	b.uploads[id] = &upload{object: clone(o), parts: map[int]part{}, begun: b.now()}
	return id, nil, nil
}

func (b *Bucket) upload(op, key, id string) (*upload, error) {
	u, ok := b.uploads[id]
	if !ok || u.object.Key != key {
		return nil, fault.New(fault.NotFound, op, key, fmt.Errorf("no upload %q", id))
	}
	return u, nil
}

// PutPart implements store.Multipart.
func (b *Bucket) PutPart(ctx context.Context, key, id string, n int, body io.Reader, size int64) (store.Part, error) {
	data, err := take(ctx, "mem.PutPart", key, body, size)
	if err != nil {
		return store.Part{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	u, err := b.upload("mem.PutPart", key, id)
	if err != nil {
		return store.Part{}, err
	}
	if n < 1 || n > 10_000 {
		return store.Part{}, fault.New(fault.Invalid, "mem.PutPart", key, fmt.Errorf("part %d: want 1 to 10,000", n))
	}
	sum := md5.Sum(data)
	p := store.Part{Number: n, Size: size, ETag: strings.ToUpper(hex.EncodeToString(sum[:])), CRC64: strconv.FormatUint(digest.CRC64(0, data), 10)}
	u.parts[n] = part{p, data}
	return p, nil
}

// Parts implements store.Multipart.
func (b *Bucket) Parts(ctx context.Context, key, id string) ([]store.Part, error) {
	if err := alive(ctx, "mem.Parts", key); err != nil {
		return nil, err
	}
	b.mu.RLock()
	defer b.mu.RUnlock()
	u, err := b.upload("mem.Parts", key, id)
	if err != nil {
		return nil, err
	}
	var parts []store.Part
	for p := range maps.Values(u.parts) {
		parts = append(parts, p.Part)
	}
	slices.SortFunc(parts, func(a, c store.Part) int { return cmp.Compare(a.Number, c.Number) })
	return parts, nil
}

// Finish implements store.Multipart.
func (b *Bucket) Finish(ctx context.Context, key, id string, parts []store.Part, how store.Put) (store.Stored, error) {
	if err := alive(ctx, "mem.Finish", key); err != nil {
		return store.Stored{}, err
	}
	u, data, err := b.assemble(key, id, parts)
	if err != nil {
		return store.Stored{}, err
	}
	sum := md5.Sum(data)
	stored, err := b.keep(u.object, data, fmt.Sprintf("%s-%d", strings.ToUpper(hex.EncodeToString(sum[:])), len(parts)), how)
	if err == nil {
		b.mu.Lock()
		delete(b.uploads, id)
		b.mu.Unlock()
	}
	return stored, err
}

// assemble joins exactly these parts.
func (b *Bucket) assemble(key, id string, parts []store.Part) (*upload, []byte, error) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	u, err := b.upload("mem.Finish", key, id)
	if err != nil {
		return nil, nil, err
	}
	if len(parts) == 0 {
		return nil, nil, fault.New(fault.Invalid, "mem.Finish", key, errors.New("no parts"))
	}
	var data []byte
	for i, p := range parts {
		held, ok := u.parts[p.Number]
		if !ok || held.ETag != p.ETag || i > 0 && p.Number <= parts[i-1].Number {
			return nil, nil, fault.New(fault.Invalid, "mem.Finish", key, fmt.Errorf("part %d is not the one uploaded, or out of order", p.Number))
		}
		data = append(data, held.body...)
	}
	return u, data, nil
}

// Abort implements store.Multipart.
func (b *Bucket) Abort(ctx context.Context, key, id string) error {
	if err := alive(ctx, "mem.Abort", key); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, err := b.upload("mem.Abort", key, id); err == nil {
		delete(b.uploads, id)
	}
	return nil
}

// Unfinished implements store.Multipart.
func (b *Bucket) Unfinished(ctx context.Context, key string) ([]store.Upload, error) {
	if err := alive(ctx, "mem.Unfinished", key); err != nil {
		return nil, err
	}
	b.mu.RLock()
	defer b.mu.RUnlock()
	var of []store.Upload
	for id, u := range b.uploads {
		if u.object.Key == key {
			of = append(of, store.Upload{ID: id, Begun: u.begun})
		}
	}
	return of, nil
}

// Uploads returns the ids of the uploads that are open, in order.
func (b *Bucket) Uploads() []string {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return slices.Sorted(maps.Keys(b.uploads))
}
