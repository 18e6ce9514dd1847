package storm

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/anishathalye/porcupine"

	"kodoferry/shared/digest"
	"kodoferry/shared/fault"
	"kodoferry/shared/store"
	"kodoferry/shared/store/mem"
)

// state is what stood under a key from a step on.
type state struct {
	step   int
	object store.Object
	gone   bool
	app    bool   // the application wrote or removed it
	crc    string // of the content
}

// history is what is known of all that ever stood under each key.
type history struct {
	source  map[string][]state
	target  map[string][]state
	looks   map[lookAt]look      // when a process last looked at a key
	puts    map[lookAt]int       // at which step it began a PUT of a key of the target
	bodies  int                  // contents that were made
	seen    map[string]bool      // runs that the operator knows
	records map[string]string    // the create-once records of the ledger, as they stand
	named   map[string]bool      // the batches and shards that records name
	ended   map[string]time.Time // when the report of a run was written

	overRuns []string
	failures map[string][]string // the keys that failed, by run
	tables   map[string][]row    // the rows of each run that was checked
	silences map[string]silence  // by run and by job

	moments    int64
	operations map[string][]porcupine.Operation // by side and key
}

type lookAt struct {
	process string
	side    side
	key     string
}

type look struct{ step int }

func newHistory() history {
	return history{
		source: map[string][]state{}, target: map[string][]state{}, looks: map[lookAt]look{}, puts: map[lookAt]int{},
		seen: map[string]bool{}, records: map[string]string{}, named: map[string]bool{}, operations: map[string][]porcupine.Operation{}, ended: map[string]time.Time{}, failures: map[string][]string{}, tables: map[string][]row{}, silences: map[string]silence{},
	}
}

// standing is what b has under key.
func standing(b *mem.Bucket, key string) (store.Object, bool) {
	o, err := b.Stat(context.Background(), key)
	return o, fault.KindOf(err) != fault.NotFound
}

// keys lists every key of the source that was ever used on either side.
func (w *world) keys() []string {
	all := map[string]bool{}
	for key := range w.source {
		all[key] = true
	}
	for key := range w.target {
		if t := w.owns(key); t != nil {
			all[t.sourceKey(key)] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}

func last(states []state) state {
	if len(states) == 0 {
		return state{gone: true}
	}
	return states[len(states)-1]
}

// fresh is a new content of about that many bytes; 0 is empty.
func (w *world) fresh(size int) []byte {
	w.bodies++
	return body(w.bodies, size)
}

// ownerPut writes an object at the source.
func (w *world) ownerPut(key string, size int) {
	data := w.fresh(size)
	w.put(w.src, key, data)
	if w.opaque() {
		w.src.Alter(key, func(o *store.Object) { o.Hash = fmt.Sprintf("opaque-%d", w.bodies) })
	}
	o, _ := standing(w.src, key)
	w.source[key] = append(w.source[key], state{step: w.step, object: o, crc: crcOf(data)})
	w.note("the source has a new %s of %d bytes, %s", key, len(data), o.Hash)
	w.notify(key)
}

// opaque reports whether the source's hashes are not made of its bytes.
func (w *world) opaque() bool { return w.weather[Parts] && !w.weather[Large] }

// ownerDelete removes an object at the source.
func (w *world) ownerDelete(key string) {
	if last(w.source[key]).gone {
		return
	}
	_ = w.src.Delete(context.Background(), key)
	w.source[key] = append(w.source[key], state{step: w.step, gone: true})
	w.note("the source has no %s any more", key)
	w.notify(key)
}

// appPut writes an object in the target.
func (w *world) appPut(key string, size int) {
	data := w.fresh(size)
	since := w.moment()
	w.put(w.dst, key, data)
	o, _ := standing(w.dst, key)
	w.recorded(nil, target, key, since, asked{writes, o.CRC64}, answered{})
	w.target[key] = append(w.target[key], state{step: w.step, object: o, app: true, crc: o.CRC64})
	w.note("the application writes %s of %d bytes, %s", key, len(data), o.Hash)
}

// appDelete removes an object from the target.
func (w *world) appDelete(key string) {
	if last(w.target[key]).gone {
		return
	}
	since := w.moment()
	_ = w.dst.Delete(context.Background(), key)
	w.recorded(nil, target, key, since, asked{kind: removes}, answered{})
	w.target[key] = append(w.target[key], state{step: w.step, gone: true, app: true})
	w.note("the application deletes %s", key)
}

func crcOf(data []byte) string {
	return formatCRC(digest.CRC64(0, data))
}

// looked takes in that a process asks what stands under a key.
func (w *world) looked(p port, key string) {
	w.looks[lookAt{p.name, p.side, key}] = look{step: w.step}
}

// began takes in that a process begins to write an object of the target.
func (w *world) began(p port, key string) {
	w.puts[lookAt{p.name, target, key}] = w.step
}
