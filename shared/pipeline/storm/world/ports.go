package world

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"iter"
	"strconv"

	"kodoferry/shared/fault"
	"kodoferry/shared/pipeline/storm/linear"
	"kodoferry/shared/store"
	"kodoferry/shared/store/mem"
)

// side is one of the three buckets.
type side string

const (
	Source side = "source"
	Target side = "target"
	book   side = "ledger"
)

// port is a bucket as one process reaches it.
type port struct {
	by   *Process
	side side
	b    *mem.Bucket
}

func (p port) op(name string) string { return string(p.side) + " " + name }

// Versioned implements ledger.Bucket; it is no step.
func (p port) Versioned(ctx context.Context) (bool, error) { return p.b.Versioned(ctx) }

// CheckKey implements store.Target.
func (p port) CheckKey(key string) error { return p.b.CheckKey(key) }

// List implements store.Source: a call for each page of the bucket's size.
func (p port) List(ctx context.Context, r store.Range) iter.Seq2[store.Object, error] {
	return paged(ctx, p, r, p.b.List(ctx, r), func(o store.Object) string { return o.Key })
}

// Entries implements store.Lister as List does store.Source.
func (p port) Entries(ctx context.Context, prefix, after string) iter.Seq2[string, error] {
	return paged(ctx, p, store.Range{Prefix: prefix, After: after}, p.b.Entries(ctx, prefix, after), func(entry string) string { return entry })
}

// paged is a listing of r with a call for each page of the bucket's size.
func paged[T any](ctx context.Context, p port, r store.Range, listed iter.Seq2[T, error], key func(T) string) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		after := r.After
		page := func() bool {
			v := p.by.ask(ctx, Call{Op: p.op("list"), Key: r.Prefix + "|" + after + "|" + r.UpTo})
			if v.Refused != nil {
				var none T
				yield(none, v.Refused)
			}
			return v.Refused == nil
		}
		if !page() {
			return
		}
		n := 0
		for one, err := range listed {
			if !yield(one, err) || err != nil {
				return
			}
			after = key(one)
			if n++; n%p.b.PageSize == 0 && !page() { // before the bucket looks for the next one
				return
			}
		}
	}
}

// Stat implements store.Source.
func (p port) Stat(ctx context.Context, key string) (store.Object, error) {
	since := p.by.world.Answers.Moment()
	if v := p.by.ask(ctx, Call{Op: p.op("stat"), Key: key}); v.Refused != nil {
		return store.Object{}, v.Refused
	}
	p.by.world.History.looked(p, key)
	o, err := p.b.Stat(ctx, key)
	if p.side == Target {
		p.by.world.recorded(p.by, Target, key, since, linear.Asked{Kind: linear.Reads}, linear.Answered{Value: o.CRC64})
	}
	return o, err
}

// Open implements store.Source.
func (p port) Open(ctx context.Context, o store.Object, off, n int64) (store.Object, io.ReadCloser, error) {
	since := p.by.world.Answers.Moment()
	v := p.by.ask(ctx, Call{Op: p.op("open"), Key: o.Key, Body: p.side != book})
	if v.Refused != nil {
		return store.Object{}, nil, v.Refused
	}
	p.by.world.History.opened(p, o.Key)
	found, body, err := p.b.Open(ctx, o, off, n)
	if p.side == book {
		p.by.world.recorded(p.by, book, o.Key, since, linear.Asked{Kind: linear.Reads}, linear.Answered{Value: found.CRC64})
	}
	if err == nil && p.side == Source {
		body = p.by.world.Watch.Opened(p.by, cmp.Or(max(n, 0), found.Size), body)
	}
	if err != nil || v.Damage == intact {
		return found, body, err
	}
	defer body.Close()
	data, err := io.ReadAll(body)
	if err != nil || len(data) == 0 {
		return found, io.NopCloser(bytes.NewReader(data)), err
	}
	at := len(data) / 2
	if v.Damage == Flipped {
		data[at] ^= 0x10
		return found, io.NopCloser(bytes.NewReader(data)), nil
	}
	cut := fault.New(fault.Temporary, "storm.read", o.Key, io.ErrUnexpectedEOF)
	return found, io.NopCloser(io.MultiReader(bytes.NewReader(data[:at]), failing{cut})), nil
}

// failing is a body that has nothing but an error.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// Put implements store.Target, in two steps: the body is read behind the first,
// and what it holds is stored at the second.
func (p port) Put(ctx context.Context, o store.Object, body io.Reader, how store.Put) (store.Stored, error) {
	name := "put"
	if how.IfAbsent {
		name = "create"
	}
	var data []byte
	if p.side == Target {
		if v := p.by.ask(ctx, Call{Op: p.op(name), Key: o.Key}); v.Refused != nil {
			return store.Stored{}, v.Refused
		}
		p.by.world.History.began(p, o.Key, o.Size)
		name = "end of " + name
	}
	read, err := readAll(o, body)
	if err != nil {
		return store.Stored{}, err
	}
	data = read
	since := p.by.world.Answers.Moment()
	v := p.by.ask(ctx, Call{Op: p.op(name), Key: o.Key, Effect: true, Body: p.side == Target})
	if v.Refused != nil {
		return store.Stored{}, v.Refused
	}
	if v.Damage != intact && len(data) > 0 { // sent with its MD5: the service refuses it
		return store.Stored{}, fault.New(fault.Corrupt, "storm.put", o.Key, errors.New("the body was damaged on its way"))
	}
	return after(v, func() (store.Stored, error) {
		return p.change(o.Key, name, data, how.IfAbsent, since, v, func() (store.Stored, error) { return p.b.Put(ctx, o, bytes.NewReader(data), how) })
	})
}

// readAll reads the body of o: no more and no less than its size.
func readAll(o store.Object, body io.Reader) ([]byte, error) {
	if o.Size == 0 {
		return nil, nil
	}
	data := make([]byte, o.Size)
	if _, err := io.ReadFull(body, data); err != nil {
		return nil, fault.New(fault.Temporary, "storm.put", o.Key, err)
	}
	return data, nil
}

// after calls f and returns what it does, or that its answer was lost.
func after[T any](v Verdict, f func() (T, error)) (T, error) {
	got, err := f()
	if v.Lost != nil {
		var none T
		return none, v.Lost
	}
	return got, err
}

// Delete implements store.Target.
func (p port) Delete(ctx context.Context, key string) error {
	since := p.by.world.Answers.Moment()
	v := p.by.ask(ctx, Call{Op: p.op("delete"), Key: key, Effect: true})
	if v.Refused != nil {
		return v.Refused
	}
	_, err := after(v, func() (store.Stored, error) {
		return p.change(key, "delete", nil, false, since, v, func() (store.Stored, error) { return store.Stored{}, p.b.Delete(ctx, key) })
	})
	return err
}

// Begin implements store.Multipart.
func (p port) Begin(ctx context.Context, o store.Object) (string, []string, error) {
	v := p.by.ask(ctx, Call{Op: p.op("begin"), Key: o.Key, Effect: true})
	if v.Refused != nil {
		return "", nil, v.Refused
	}
	id, err := after(v, func() (string, error) {
		id, _, err := p.b.Begin(ctx, o)
		return id, err
	})
	return id, nil, err
}

// PutPart implements store.Multipart, in two steps as Put.
func (p port) PutPart(ctx context.Context, key, upload string, n int, body io.Reader, size int64) (store.Part, error) {
	at := key + " #" + strconv.Itoa(n)
	if v := p.by.ask(ctx, Call{Op: p.op("part"), Key: at}); v.Refused != nil {
		return store.Part{}, v.Refused
	}
	data, err := readAll(store.Object{Key: key, Size: size}, body)
	if err != nil {
		return store.Part{}, err
	}
	v := p.by.ask(ctx, Call{Op: p.op("end of part"), Key: at, Effect: true, Body: true, Part: true})
	if v.Stray {
		p.by.world.Stray(p.b, key, upload, n, data)
	}
	if v.Refused != nil {
		return store.Part{}, v.Refused
	}
	if v.Damage != intact && size > 0 {
		DamagePart(data)
	}
	return after(v, func() (store.Part, error) { return p.b.PutPart(ctx, key, upload, n, bytes.NewReader(data), size) })
}

// DamagePart changes a part on its way. Over 1 MiB nothing but the CRC64 of the answer tells.
func DamagePart(data []byte) { data[len(data)/2] ^= 0x10 }

// Parts implements store.Multipart.
func (p port) Parts(ctx context.Context, key, upload string) ([]store.Part, error) {
	if v := p.by.ask(ctx, Call{Op: p.op("parts"), Key: key}); v.Refused != nil {
		return nil, v.Refused
	}
	return p.b.Parts(ctx, key, upload)
}

// Finish implements store.Multipart.
func (p port) Finish(ctx context.Context, key, upload string, parts []store.Part, how store.Put) (store.Stored, error) {
	since := p.by.world.Answers.Moment()
	v := p.by.ask(ctx, Call{Op: p.op("finish"), Key: key, Effect: true})
	if v.Refused != nil {
		return store.Stored{}, v.Refused
	}
	return after(v, func() (store.Stored, error) {
		return p.change(key, "finish", nil, how.IfAbsent, since, v, func() (store.Stored, error) { return p.b.Finish(ctx, key, upload, parts, how) })
	})
}

// SetAttributes implements store.Target.
func (p port) SetAttributes(ctx context.Context, o store.Object) (store.Stored, error) {
	since := p.by.world.Answers.Moment()
	v := p.by.ask(ctx, Call{Op: p.op("set attributes"), Key: o.Key, Effect: true})
	if v.Refused != nil {
		return store.Stored{}, v.Refused
	}
	return after(v, func() (store.Stored, error) {
		if now, err := p.b.Stat(ctx, o.Key); err != nil || now.Hash != o.Hash {
			return p.b.SetAttributes(ctx, o) // which says why not, and changes nothing
		}
		return p.change(o.Key, "set attributes", nil, false, since, v, func() (store.Stored, error) { return p.b.SetAttributes(ctx, o) })
	})
}

// Abort implements store.Multipart.
func (p port) Abort(ctx context.Context, key, upload string) error {
	v := p.by.ask(ctx, Call{Op: p.op("abort"), Key: key, Effect: true})
	if v.Refused != nil {
		return v.Refused
	}
	_, err := after(v, func() (struct{}, error) { return struct{}{}, p.b.Abort(ctx, key, upload) })
	return err
}

// Unfinished implements store.Multipart.
func (p port) Unfinished(ctx context.Context, key string) ([]store.Upload, error) {
	if v := p.by.ask(ctx, Call{Op: p.op("unfinished"), Key: key}); v.Refused != nil {
		return nil, v.Refused
	}
	return p.b.Unfinished(ctx, key)
}

// change makes a change of a bucket, takes it into the history, and holds it
// against what may be.
func (p port) change(key, op string, data []byte, ifAbsent bool, since int64, v Verdict, f func() (store.Stored, error)) (store.Stored, error) {
	stored, err := f()
	in := linear.Asked{Kind: linear.Writes, Value: stored.CRC64}
	switch {
	case op == "delete":
		in = linear.Asked{Kind: linear.Removes}
	case ifAbsent:
		in.Kind = linear.Creates
	}
	out := linear.Answered{There: fault.KindOf(err) == fault.Changed, Nobody: v.Lost != nil}
	if err == nil || out.There {
		p.by.world.recorded(p.by, p.side, key, since, in, out)
	}
	switch p.side {
	case Target:
		if err == nil {
			p.by.world.Watch.TargetChanged(p.by, key, op, ifAbsent)
		}
	case book:
		p.by.world.Watch.RecordChanged(p.by, key, op, data, ifAbsent, err)
	}
	return stored, err
}
