package storm

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"iter"
	"strconv"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/queue"
	"kodoferry/shared/store"
	"kodoferry/shared/store/mem"
)

// call is a call of a port that a process has made and that the driver has not
// yet let go on.
type call struct {
	p       *process
	op, key string
	since   int // the step before which it was made
	serial  int
	effect  bool // it changes something: its answer may be lost
	body    bool // it brings a body, which may be damaged on the way
	part    bool // it is the end of a part
	sends   int  // messages that it sends
	ctx     context.Context
	answer  chan verdict
}

// verdict is what becomes of a call.
type verdict struct {
	refused error // the answer, of a call that has no effect
	lost    error // the answer in place of the true one, of a call that had its effect
	damage  damage
	message messageFault
	stray   bool // a part that is refused comes later
}

// damage is what becomes of a body on its way.
type damage string

const (
	intact    damage = ""
	flipped   damage = "flipped"   // one bit is another
	truncated damage = "truncated" // the connection ends within it
)

// messageFault is what a queue does with a message that it took.
type messageFault string

const (
	kept    messageFault = ""
	dropped messageFault = "dropped"
	doubled messageFault = "doubled"
)

var errDead = fault.New(fault.Temporary, "storm", "", errors.New("the process is dead"))

// ask waits until the driver lets a call go on and returns what becomes of it.
// A call whose context ends, or whose process dies, has no effect.
func (p *process) ask(ctx context.Context, c call) verdict {
	if p.dead.Load() {
		return verdict{refused: errDead}
	}
	c.p, c.ctx, c.answer = p, ctx, make(chan verdict, 1)
	p.world.arrive(&c)
	select {
	case v := <-c.answer:
		return v
	case <-ctx.Done():
		if !p.world.withdraw(&c) {
			return <-c.answer
		}
		return verdict{refused: fault.New(fault.Temporary, "storm."+c.op, c.key, ctx.Err())}
	}
}

// side is one of the three buckets.
type side string

const (
	source side = "source"
	target side = "target"
	book   side = "ledger"
)

// port is a bucket as one process reaches it.
type port struct {
	*process
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
	return func(yield func(store.Object, error) bool) {
		after := r.After
		page := func() bool {
			v := p.ask(ctx, call{op: p.op("list"), key: r.Prefix + "|" + after + "|" + r.UpTo})
			if v.refused != nil {
				yield(store.Object{}, v.refused)
			}
			return v.refused == nil
		}
		if !page() {
			return
		}
		n := 0
		for o, err := range p.b.List(ctx, r) {
			if !yield(o, err) || err != nil {
				return
			}
			after = o.Key
			if n++; n%p.b.PageSize == 0 && !page() { // before the bucket looks for the next one
				return
			}
		}
	}
}

// Stat implements store.Source.
func (p port) Stat(ctx context.Context, key string) (store.Object, error) {
	since := p.world.moment()
	if v := p.ask(ctx, call{op: p.op("stat"), key: key}); v.refused != nil {
		return store.Object{}, v.refused
	}
	p.world.looked(p, key)
	o, err := p.b.Stat(ctx, key)
	if p.side == target {
		p.world.recorded(p.process, target, key, since, asked{kind: reads}, answered{value: o.CRC64})
	}
	return o, err
}

// Open implements store.Source.
func (p port) Open(ctx context.Context, o store.Object, off, n int64) (store.Object, io.ReadCloser, error) {
	since := p.world.moment()
	v := p.ask(ctx, call{op: p.op("open"), key: o.Key, body: p.side != book})
	if v.refused != nil {
		return store.Object{}, nil, v.refused
	}
	found, body, err := p.b.Open(ctx, o, off, n)
	if p.side == book {
		p.world.recorded(p.process, book, o.Key, since, asked{kind: reads}, answered{value: found.CRC64})
	}
	if err == nil && p.side == source {
		body = p.world.opened(p.process, cmp.Or(max(n, 0), found.Size), body)
	}
	if err != nil || v.damage == intact {
		return found, body, err
	}
	defer body.Close()
	data, err := io.ReadAll(body)
	if err != nil || len(data) == 0 {
		return found, io.NopCloser(bytes.NewReader(data)), err
	}
	at := len(data) / 2
	if v.damage == flipped {
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
	if p.side == target {
		if v := p.ask(ctx, call{op: p.op(name), key: o.Key}); v.refused != nil {
			return store.Stored{}, v.refused
		}
		p.world.began(p, o.Key)
		name = "end of " + name
	}
	read, err := readAll(o, body)
	if err != nil {
		return store.Stored{}, err
	}
	data = read
	since := p.world.moment()
	v := p.ask(ctx, call{op: p.op(name), key: o.Key, effect: true, body: p.side == target})
	if v.refused != nil {
		return store.Stored{}, v.refused
	}
	if v.damage != intact && len(data) > 0 { // sent with its MD5: the service refuses it
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
func after[T any](v verdict, f func() (T, error)) (T, error) {
	got, err := f()
	if v.lost != nil {
		var none T
		return none, v.lost
	}
	return got, err
}

// Delete implements store.Target.
func (p port) Delete(ctx context.Context, key string) error {
	since := p.world.moment()
	v := p.ask(ctx, call{op: p.op("delete"), key: key, effect: true})
	if v.refused != nil {
		return v.refused
	}
	_, err := after(v, func() (store.Stored, error) {
		return p.change(key, "delete", nil, false, since, v, func() (store.Stored, error) { return store.Stored{}, p.b.Delete(ctx, key) })
	})
	return err
}

// Begin implements store.Multipart.
func (p port) Begin(ctx context.Context, o store.Object) (string, []string, error) {
	v := p.ask(ctx, call{op: p.op("begin"), key: o.Key, effect: true})
	if v.refused != nil {
		return "", nil, v.refused
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
	if v := p.ask(ctx, call{op: p.op("part"), key: at}); v.refused != nil {
		return store.Part{}, v.refused
	}
	data, err := readAll(store.Object{Key: key, Size: size}, body)
	if err != nil {
		return store.Part{}, err
	}
	v := p.ask(ctx, call{op: p.op("end of part"), key: at, effect: true, body: true, part: true})
	if v.stray {
		p.world.strays.sent(p.b, key, upload, n, data)
	}
	if v.refused != nil {
		return store.Part{}, v.refused
	}
	if v.damage != intact && size > 0 {
		damagePart(data)
	}
	return after(v, func() (store.Part, error) { return p.b.PutPart(ctx, key, upload, n, bytes.NewReader(data), size) })
}

// damagePart changes a part on its way. Over 1 MiB nothing but the CRC64 of the answer tells.
func damagePart(data []byte) { data[len(data)/2] ^= 0x10 }

// Parts implements store.Multipart.
func (p port) Parts(ctx context.Context, key, upload string) ([]store.Part, error) {
	if v := p.ask(ctx, call{op: p.op("parts"), key: key}); v.refused != nil {
		return nil, v.refused
	}
	return p.b.Parts(ctx, key, upload)
}

// Finish implements store.Multipart.
func (p port) Finish(ctx context.Context, key, upload string, parts []store.Part, how store.Put) (store.Stored, error) {
	since := p.world.moment()
	v := p.ask(ctx, call{op: p.op("finish"), key: key, effect: true})
	if v.refused != nil {
		return store.Stored{}, v.refused
	}
	return after(v, func() (store.Stored, error) {
		return p.change(key, "finish", nil, how.IfAbsent, since, v, func() (store.Stored, error) { return p.b.Finish(ctx, key, upload, parts, how) })
	})
}

// Abort implements store.Multipart.
func (p port) Abort(ctx context.Context, key, upload string) error {
	v := p.ask(ctx, call{op: p.op("abort"), key: key, effect: true})
	if v.refused != nil {
		return v.refused
	}
	_, err := after(v, func() (struct{}, error) { return struct{}{}, p.b.Abort(ctx, key, upload) })
	return err
}

// Unfinished implements store.Multipart.
func (p port) Unfinished(ctx context.Context, key string) ([]store.Upload, error) {
	if v := p.ask(ctx, call{op: p.op("unfinished"), key: key}); v.refused != nil {
		return nil, v.refused
	}
	return p.b.Unfinished(ctx, key)
}

// change makes a change of a bucket, takes it into the history, and holds it
// against what may be.
func (p port) change(key, op string, data []byte, ifAbsent bool, since int64, v verdict, f func() (store.Stored, error)) (store.Stored, error) {
	stored, err := f()
	in := asked{kind: writes, value: stored.CRC64}
	switch {
	case op == "delete":
		in = asked{kind: removes}
	case ifAbsent:
		in.kind = creates
	}
	out := answered{there: fault.KindOf(err) == fault.Changed, nobody: v.lost != nil}
	if err == nil || out.there {
		p.world.recorded(p.process, p.side, key, since, in, out)
	}
	switch p.side {
	case target:
		if err == nil {
			p.world.targetChanged(p.process, key, op, ifAbsent)
		}
	case book:
		p.world.recordChanged(p.process, key, op, data, ifAbsent, err)
	}
	return stored, err
}

// queuePort is a queue as one process reaches it.
type queuePort struct {
	*process
	pile *pile
}

// Send implements queue.Sender.
func (q queuePort) Send(ctx context.Context, messages ...queue.Outgoing) error {
	v := q.ask(ctx, call{op: "send", key: q.pile.name, effect: true, sends: len(messages)})
	if v.refused != nil {
		return v.refused
	}
	_, err := after(v, func() (struct{}, error) {
		for i, m := range messages {
			times := 1
			if i == len(messages)/2 {
				switch v.message {
				case dropped:
					times = 0
				case doubled:
					times = 2
				}
			}
			q.world.sends(q.process, m)
			for range times {
				q.pile.add(m)
			}
		}
		return struct{}{}, nil
	})
	return err
}

// Depth implements queue.Queue.
func (q queuePort) Depth(ctx context.Context) (queue.Depth, error) {
	if v := q.ask(ctx, call{op: "depth", key: q.pile.name}); v.refused != nil {
		return queue.Depth{}, v.refused
	}
	q.world.counted(q.process, q.pile)
	return q.pile.depth(), nil
}

var errDriven = errors.New("the driver hands out the messages")

// Receive implements queue.Queue: nobody receives, for the driver decides who gets what.
func (q queuePort) Receive(context.Context, int, time.Duration) ([]queue.Message, error) {
	return nil, fault.New(fault.Invalid, "storm.Receive", q.pile.name, errDriven)
}

// Extend implements queue.Queue.
func (q queuePort) Extend(context.Context, queue.Message, time.Duration) (queue.Message, error) {
	return queue.Message{}, fault.New(fault.Invalid, "storm.Extend", q.pile.name, errDriven)
}

// Delete implements queue.Queue.
func (q queuePort) Delete(context.Context, queue.Message) error {
	return fault.New(fault.Invalid, "storm.Delete", q.pile.name, errDriven)
}
