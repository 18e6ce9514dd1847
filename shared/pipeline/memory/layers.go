package memory

import (
	"context"
	"iter"
	"sync"

	"kodoferry/shared/ledger"
	"kodoferry/shared/store"
)

// Memory reads what the runs that a run's first record names left. It is safe for
// concurrent use.
//
// It holds some 300 bytes a file of these runs, of up to 200,000 rows each. A Cursor
// holds, packed, the files that the keys at hand lie in: mostly one a run.
type Memory struct {
	Ledger *ledger.Ledger
	Runs   []ledger.Last // newest first
	Range  store.Range   // of the run that remembers
	// Warn is told of a file that is damaged, missing, of another run or of a newer
	// format: it is passed over, and what it has is judged as without rows.
	Warn func(file string, err error)

	mu     sync.Mutex
	layers []layer // nil until they are read
}

// Open returns a Cursor over the last rows of a range. The caller closes it.
func (m *Memory) Open(ctx context.Context, in store.Range) *Cursor {
	return &Cursor{ctx: ctx, memory: m, in: in}
}

// Rows yields the last rows of a range in key order. The error, of a ledger that does
// not answer, comes last.
func (m *Memory) Rows(ctx context.Context, in store.Range) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		c := m.Open(ctx, in)
		defer c.Close()
		for {
			row, err := c.Next()
			if err != nil {
				yield(Row{}, err)
			}
			if err != nil || row == nil || !yield(*row, nil) {
				return
			}
		}
	}
}

// read reads the manifests, once.
func (m *Memory) read(ctx context.Context) ([]layer, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.layers != nil {
		return m.layers, nil
	}
	layers := make([]layer, 0, len(m.Runs))
	for _, last := range m.Runs[:min(len(m.Runs), mostLayers+1)] {
		y, err := layerOf(ctx, m.Ledger, last, m.Range)
		if lost(err) {
			m.Warn(y.run.Path(ledger.ManifestFile), err)
			continue
		}
		if err != nil {
			return nil, err
		}
		layers = append(layers, y)
	}
	m.layers = layers
	return layers, nil
}

// Cursor goes over last rows in key order. It is not safe for concurrent use.
type Cursor struct {
	ctx    context.Context
	memory *Memory
	in     store.Range

	begun  bool
	stacks []stack // newest first
	from   string  // where Next goes on
}

// stack is the files of one run that a Cursor has to do with.
type stack struct {
	layer
	open []*source // those that the keys at hand lie in
}

// Close lets go of the files.
func (c *Cursor) Close() {
	for _, s := range c.stacks {
		for _, o := range s.open {
			o.close()
		}
	}
	c.stacks = nil
}

// begin finds the files.
func (c *Cursor) begin() error {
	if c.begun {
		return nil
	}
	layers, err := c.memory.read(c.ctx)
	if err != nil {
		return err
	}
	for _, y := range layers {
		s := stack{layer: layer{run: y.run}}
		for _, f := range y.files {
			if touches(f, c.in) {
				s.files = append(s.files, f)
			}
		}
		if len(s.files) > 0 {
			c.stacks = append(c.stacks, s)
		}
	}
	c.begun = true
	return nil
}

// Find returns the last row of key, nil where there is none. Of two of one run, as where
// one tells what earlier runs left, it is that of a deletion, which came last. The keys
// that Find is asked for increase; files that lie between are not opened. The error is that
// of a ledger that does not answer.
func (c *Cursor) Find(key string) (*Row, error) {
	if err := c.seek(key); err != nil {
		return nil, err
	}
	for _, s := range c.stacks {
		var last *Row
		for _, o := range s.open {
			if o.key != key {
				continue
			}
			if row := o.row(); last == nil || row.State == ledger.Deleted {
				last = &row
			}
		}
		if last != nil {
			return last, nil
		}
	}
	return nil, nil
}

// Next returns the row behind the one that it returned before, nil at the end.
func (c *Cursor) Next() (*Row, error) {
	for {
		if err := c.seek(c.from); err != nil {
			return nil, err
		}
		nearest := ""
		for _, s := range c.stacks {
			for _, o := range s.open {
				nearest = lesser(nearest, o.key)
			}
			if len(s.files) > 0 {
				nearest = lesser(nearest, s.files[0].First)
			}
		}
		if nearest == "" {
			return nil, nil
		}
		row, err := c.Find(nearest)
		if c.from = nearest; row != nil {
			c.from += "\x00"
		}
		if row != nil || err != nil {
			return row, err
		}
	}
}

// lesser returns the lesser of two keys; "" is none.
func lesser(a, b string) string {
	if a == "" || b != "" && b < a {
		return b
	}
	return a
}

// seek goes on to a key: it opens the files that it may lie in, and closes those that
// end before it.
func (c *Cursor) seek(key string) error {
	if err := c.begin(); err != nil {
		return err
	}
	for i := range c.stacks {
		s := &c.stacks[i]
		for ; len(s.files) > 0 && s.files[0].First <= key; s.files = s.files[1:] {
			if s.files[0].Last < key {
				continue
			}
			o, ok, err := s.layer.open(c.ctx, s.files[0], c.in, key, c.memory.Warn)
			if err != nil {
				return err
			}
			if ok {
				s.open = append(s.open, o)
			}
		}
		kept := s.open[:0]
		for _, o := range s.open {
			more, err := o.seek(key)
			if err != nil {
				c.memory.Warn(o.name, err)
			}
			if more {
				kept = append(kept, o)
			}
		}
		s.open = kept
	}
	return nil
}
