package world

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"time"

	"kodoferry/shared/digest"
	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/eventnames"
	"kodoferry/shared/pipeline/mark"
	"kodoferry/shared/pipeline/storm/linear"
	"kodoferry/shared/pipeline/storm/weather"
	"kodoferry/shared/store"
	"kodoferry/shared/store/mem"
)

// State is what stood under a key from a step on.
type State struct {
	Step   int
	At     time.Time // of the source: when it came there, whatever its own time says
	Object store.Object
	Gone   bool
	App    bool   // the application wrote or removed it
	Crc    string // of the content
}

// History is what is known of all that ever stood under each key, and who changes it
// but for the engine: the owner of the source and the application.
type History struct {
	w      *World
	Source map[string][]State
	Target map[string][]State
	Looks  map[LookAt]look // when a process last looked at a key
	opens  map[LookAt]int  // at which step it opened a key of the source
	Puts   map[LookAt]int  // at which step it began a PUT of a key of the target
	bodies int             // contents that were made
}

type LookAt struct {
	Process string
	Side    side
	Key     string
}

type look struct{ Step int }

func newHistory(w *World) History {
	return History{w: w, Source: map[string][]State{}, Target: map[string][]State{}, Looks: map[LookAt]look{}, opens: map[LookAt]int{}, Puts: map[LookAt]int{}}
}

// Standing is what b has under key.
func Standing(b *mem.Bucket, key string) (store.Object, bool) {
	o, err := b.Stat(context.Background(), key)
	return o, fault.KindOf(err) != fault.NotFound
}

// keys lists every key of the source that was ever used on either side.
func (h *History) keys() []string {
	all := map[string]bool{}
	for key := range h.Source {
		all[key] = true
	}
	for key := range h.Target {
		if t := h.w.Owns(key); t != nil {
			all[t.SourceKey(key)] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}

func Last(states []State) State {
	if len(states) == 0 {
		return State{Gone: true}
	}
	return states[len(states)-1]
}

// fresh is a new content of about that many bytes; 0 is empty.
func (h *History) fresh(size int) []byte {
	h.bodies++
	return body(h.bodies, size)
}

// OwnerPut writes an object at the source.
func (h *History) OwnerPut(key string, size int) {
	data := h.fresh(size)
	h.put(h.w.Src, key, data)
	if h.Opaque() {
		h.w.Src.Alter(key, func(o *store.Object) { o.Hash = fmt.Sprintf("opaque-%d", h.bodies) })
	}
	o, _ := Standing(h.w.Src, key)
	h.Source[key] = append(h.Source[key], State{Step: h.w.Step, At: time.Now(), Object: o, Crc: crcOf(data)})
	h.w.Log.Note("the source has a new %s of %d bytes, %s", key, len(data), o.Hash)
	h.w.Notify(key)
}

// OwnerMove moves another object over one at the source: of the same size, with a time of
// its own, which is older.
func (h *History) OwnerMove(key string) {
	before := Last(h.Source[key])
	if before.Gone || len(h.Source[key]) == 0 {
		return
	}
	h.OwnerPut(key, int(before.Object.Size))
	h.w.Src.Alter(key, func(o *store.Object) { o.Modified = before.Object.Modified.Add(-time.Hour) })
	o, _ := Standing(h.w.Src, key)
	h.Source[key][len(h.Source[key])-1].Object = o
	h.w.Log.Note("it was moved there, and is of %s", o.Modified)
}

// OwnerAttributes changes the type of an object at the source, and nothing else.
func (h *History) OwnerAttributes(key string) {
	if Last(h.Source[key]).Gone || len(h.Source[key]) == 0 {
		return
	}
	h.bodies++
	kind := fmt.Sprintf("text/x-%d", h.bodies)
	h.w.Src.Alter(key, func(o *store.Object) { o.Type = kind })
	h.w.Log.Note("the source's %s has the type %s", key, kind)
	h.w.Notify(key)
}

// Opaque reports whether the source's hashes are not made of its bytes.
func (h *History) Opaque() bool { return h.w.Weather[weather.Parts] && !h.w.Weather[weather.Large] }

// OwnerDelete removes an object at the source.
func (h *History) OwnerDelete(key string) {
	if Last(h.Source[key]).Gone {
		return
	}
	_ = h.w.Src.Delete(context.Background(), key)
	h.Source[key] = append(h.Source[key], State{Step: h.w.Step, Gone: true})
	h.w.Log.Note("the source has no %s any more", key)
	h.w.Notify(key)
}

// AppPut writes an object in the target.
func (h *History) AppPut(key string, size int) {
	data := h.fresh(size)
	since := h.w.Answers.Moment()
	h.put(h.w.Dst, key, data)
	o, _ := Standing(h.w.Dst, key)
	h.w.recorded(nil, Target, key, since, linear.Asked{Kind: linear.Writes, Value: o.CRC64}, linear.Answered{})
	h.Target[key] = append(h.Target[key], State{Step: h.w.Step, Object: o, App: true, Crc: o.CRC64})
	h.w.Log.Note("the application writes %s of %d bytes, %s", key, len(data), o.Hash)
}

// AppCopy copies an object of the target to another key by the service, with all of its
// metadata; false where there is nothing to copy. An older copy of Ferry's is brought back to
// its own key only where it shows: its metadata say, and truly, that Ferry wrote it there.
func (h *History) AppCopy(from, to string) bool {
	o, there := Standing(h.w.Dst, from)
	if !there || from == to || h.w.wroteFor(o, to) && !h.shows(o, to) {
		return false
	}
	_, body, err := h.w.Dst.Open(context.Background(), o, 0, -1)
	if err != nil {
		h.w.Log.Fail("%q cannot be read: %v", from, err)
		return false
	}
	data, _ := io.ReadAll(body)
	since := h.w.Answers.Moment()
	o.Key = to
	if _, err := h.w.Dst.Put(context.Background(), o, bytes.NewReader(data), store.Put{}); err != nil {
		h.w.Log.Fail("a copy of %q failed: %v", from, err)
		return false
	}
	now, _ := Standing(h.w.Dst, to)
	h.w.recorded(nil, Target, to, since, linear.Asked{Kind: linear.Writes, Value: now.CRC64}, linear.Answered{})
	h.Target[to] = append(h.Target[to], State{Step: h.w.Step, Object: now, App: true, Crc: now.CRC64})
	h.w.Log.Note("the application copies %s to %s in the target", from, to)
	return true
}

// shows reports whether the ledger has a record of the writing that made an object of key, of
// which o is a copy, and that was long enough ago that another time shows.
func (h *History) shows(o store.Object, key string) bool {
	t := h.w.Owns(key)
	if t == nil || o.Origin.Run == "" {
		return false
	}
	w, err := h.w.Books().Run(o.Origin.Job+"/"+o.Origin.Run).Batches().ReadWriteOff(context.Background(), eventnames.Long(mark.Batch(o.Origin.Mark), t.SourceKey(key)))
	if err != nil {
		return false
	}
	return slices.ContainsFunc(w.Rows, func(r ledger.Row) bool {
		return r.Key() == t.SourceKey(key) && r.State.Wrote() && r.Dst != nil && r.Dst.Mark == o.Origin.Mark && time.Since(r.Dst.Modified) > 5*time.Second
	})
}

// wroteFor reports whether the metadata of an object say that it was copied to that key.
func (w *World) wroteFor(o store.Object, key string) bool {
	sum := sha256.Sum256([]byte(key))
	return o.Origin != nil && o.Origin.Place == hex.EncodeToString(sum[:8])
}

// AppDelete removes an object from the target.
func (h *History) AppDelete(key string) {
	if Last(h.Target[key]).Gone {
		return
	}
	since := h.w.Answers.Moment()
	_ = h.w.Dst.Delete(context.Background(), key)
	h.w.recorded(nil, Target, key, since, linear.Asked{Kind: linear.Removes}, linear.Answered{})
	h.Target[key] = append(h.Target[key], State{Step: h.w.Step, Gone: true, App: true})
	h.w.Log.Note("the application deletes %s", key)
}

func crcOf(data []byte) string {
	return strconv.FormatUint(digest.CRC64(0, data), 10)
}

// looked takes in that a process asks what stands under a key.
func (h *History) looked(p port, key string) {
	h.w.Mu.Lock()
	defer h.w.Mu.Unlock()
	h.Looks[LookAt{p.by.Name, p.side, key}] = look{Step: h.w.Step}
}

// opened takes in that a process opens a key.
func (h *History) opened(p port, key string) {
	h.w.Mu.Lock()
	defer h.w.Mu.Unlock()
	h.opens[LookAt{p.by.Name, p.side, key}] = h.w.Step
}

// began takes in that a process begins to write an object of the target. An empty one
// has no last byte to hold back: its PUT counts from when its source was opened.
func (h *History) began(p port, key string, size int64) {
	h.w.Mu.Lock()
	defer h.w.Mu.Unlock()
	begun := h.w.Step
	if t := h.w.Owns(key); size == 0 && t != nil {
		begun = h.opens[LookAt{p.by.Name, Source, t.SourceKey(key)}]
	}
	h.Puts[LookAt{p.by.Name, Target, key}] = begun
}

// put writes an object for a person or a program, at once.
func (h *History) put(b *mem.Bucket, key string, body []byte) {
	if _, err := b.Put(context.Background(), store.Object{Key: key, Size: int64(len(body)), Type: "text/plain"}, bytes.NewReader(body), store.Put{}); err != nil {
		h.w.Log.Fail("a write of %q failed: %v", key, err)
	}
}

// Fill draws what the source, and the target, have at the beginning.
func (h *History) Fill() {
	n := 3 + h.w.Dice.Draw(MostObjects-2, "objects", 0)
	for i := range n {
		if h.w.Plan.Without[fmt.Sprintf("object %d", i)] {
			continue
		}
		key := fmt.Sprintf("k/%03d", 10*i)
		if h.w.Weather[weather.Present] && h.w.Dice.Chance(20, "present", i) {
			h.AppPut(h.w.Tenants[0].Job.TargetKey(key), h.w.Dice.Draw(3, "present size", i)*20)
		}
		if h.w.Dice.Chance(90, "at the source", i) {
			size := h.w.Dice.Draw(4, "size", i) * 20
			if h.w.Weather[weather.Large] && i == 1 {
				size += digest.BlockSize
			}
			h.OwnerPut(key, size)
		}
	}
}

// AnyKey draws a key of the source that was ever used on either side, or, rarely, a new one.
func (h *History) AnyKey(who string, fresh bool) string {
	if n := h.w.Dice.Draw(100, who+" key", h.w.Step); fresh && n < 20 {
		return fmt.Sprintf("k/%03d", 10*h.w.Dice.Draw(17, who+" new key", h.w.Step)+5)
	}
	keys := h.keys()
	if len(keys) == 0 {
		return "k/000"
	}
	return keys[h.w.Dice.Draw(len(keys), who+" old key", h.w.Step)]
}

// Between changes the source between two runs.
func (h *History) Between() {
	keys := h.keys()
	for i := range min(4, len(keys)) {
		key := keys[h.w.Dice.Draw(len(keys), "between key", i)]
		switch h.w.Dice.Draw(4, "between", i) {
		case 0:
			h.OwnerDelete(key)
		case 1, 2:
			h.OwnerPut(key, h.w.Dice.Draw(4, "between size", i)*20)
		}
	}
}
