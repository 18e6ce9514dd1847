package kodo

import (
	"cmp"
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"kodoferry/shared/store"
)

// page is an answer of /list (developer.qiniu.com/kodo/api/list).
type page struct {
	marker  string // "" is the only sign of the end
	objects []store.Object
	thaw    []int // indices of objects that may be thawed, which a listing does not tell
}

// item is an object as /list and /stat describe it (go-sdk,
// storagev2/apis/get_objects and stat_object).
type item struct {
	named           bool // it has a key
	key, hash, mime string
	md5             string
	sized           bool // it has a size
	size            int64
	put             int64  // 100 ns since 1970
	odd             string // the putTime that is no whole number, as it came
	class           int64
	status          int64
	restored        int64 // /stat only
	meta            []pair
	parts           []int64
}

type pair struct{ name, value string }

const (
	classArchive = 2
	classDeep    = 3
	thawed       = 2 // of restoreStatus
	disabled     = 1 // of status
)

// classes are Kodo's types 0 to 5 (qshell, docs/listbucket2.md).
var classes = [...]store.Class{store.Standard, store.Infrequent, store.Archive, store.DeepArchive, store.ArchiveIR, store.Tiered}

// parsePage decodes a page. It must hold items, a list or null, each with a key
// and an fsize, a marker that is text where there is one, and no error. Else it
// is no page, and says nothing about an end. It is read by scanPage, which knows just the shape that Kodo
// sends, and by encoding/json wherever anything is not as expected. The two
// agree wherever the first has an answer; a fuzz test holds them together.
func parsePage(data []byte) (*page, error) {
	if p, ok := scanPage(data); ok {
		return p, nil
	}
	return decodePage(data)
}

// jsonItem is item for encoding/json.
type jsonItem struct {
	Key      *exact            `json:"key"`
	Hash     string            `json:"hash"`
	Size     *int64            `json:"fsize"`
	Put      ticks             `json:"putTime"`
	MIME     string            `json:"mimeType"`
	Class    int64             `json:"type"`
	Status   int64             `json:"status"`
	Restored int64             `json:"restoreStatus"`
	MD5      string            `json:"md5"`
	Meta     map[string]string `json:"x-qn-meta"`
	Parts    []int64           `json:"parts"`
}

// exact is a string that is what was sent or an error, where encoding/json
// would put U+FFFD for what it cannot read: a key must not change.
type exact string

// notText is a key that cannot be told for certain.
type notText struct{ key string }

func (e *notText) Error() string {
	return fmt.Sprintf("the listing holds the key %s, which is not UTF-8: JSON cannot carry it, so that nobody can name the object for certain; rename or remove it at Kodo", e.key)
}

// UnmarshalJSON implements json.Unmarshaler.
func (e *exact) UnmarshalJSON(data []byte) error {
	s := scanner{data: data}
	b, ok := s.text()
	if !ok {
		return &notText{store.UTF8Prefix(fmt.Sprintf("%.100q", data))}
	}
	*e = exact(b)
	return nil
}

// ticks is a putTime; text is what came instead of a whole number.
type ticks struct {
	n    int64
	text string
}

// UnmarshalJSON implements json.Unmarshaler. It takes whatever comes: a time that
// is odd is trouble with its object and not with the page.
func (t *ticks) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		return nil
	}
	t.text = ""
	if json.Unmarshal(data, &t.n) != nil {
		t.n, t.text = 0, store.UTF8Prefix(string(data[:min(len(data), 40)]))
	}
	return nil
}

// present is a list of which it is known whether it was there at all; null was.
type present[T any] struct {
	there bool
	all   []T
}

// UnmarshalJSON implements json.Unmarshaler.
func (p *present[T]) UnmarshalJSON(data []byte) error {
	p.there = true
	return json.Unmarshal(data, &p.all)
}

func (j jsonItem) item() item {
	it := item{
		hash: j.Hash, mime: j.MIME, md5: j.MD5, put: j.Put.n, odd: j.Put.text,
		class: j.Class, status: j.Status, restored: j.Restored, parts: j.Parts,
	}
	if j.Size != nil {
		it.sized, it.size = true, *j.Size
	}
	if j.Key != nil {
		it.named, it.key = true, string(*j.Key)
	}
	for name, value := range j.Meta {
		it.meta = append(it.meta, pair{name, value})
	}
	return it
}

// decodePage is parsePage by encoding/json.
func decodePage(data []byte) (*page, error) {
	var raw struct {
		mistake
		Marker string            `json:"marker"`
		Items  present[jsonItem] `json:"items"`
	}
	if err := json.Unmarshal(data, &raw); err != nil {
		return nil, err
	}
	if err := raw.err(); err != nil {
		return nil, err
	}
	if !raw.Items.there {
		return nil, errors.New("it has no items")
	}
	p := &page{marker: raw.Marker, objects: make([]store.Object, 0, len(raw.Items.all))}
	for _, j := range raw.Items.all {
		it := j.item()
		if err := p.add(&it); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// add appends the object that it describes, and leaves it for the next one to use.
func (p *page) add(it *item) error {
	if !it.named {
		return fmt.Errorf("entry %d has no key", len(p.objects)+1)
	}
	n := len(p.objects)
	p.objects = append(p.objects, store.Object{})
	o := &p.objects[n]
	if err := it.describe(o); err != nil {
		p.objects = p.objects[:n]
		return fmt.Errorf("key %q: %w", it.key, err)
	}
	if o.Frozen {
		p.thaw = append(p.thaw, n)
	}
	return nil
}

// object is it in the port's words, as describe has it.
func (it *item) object() (o store.Object, err error) {
	err = it.describe(&o)
	return o, err
}

// describe sets o, which is empty, to it in the port's words, in place: a page has a
// thousand. Frozen is what restored says, which only /stat knows. What is odd but for its
// size is a warning.
func (it *item) describe(o *store.Object) error {
	switch {
	case !it.sized:
		return errors.New("no fsize")
	case it.size < 0:
		return errors.New("a size below 0")
	}
	o.Key, o.Size, o.Hash, o.MD5 = it.key, it.size, it.hash, hexMD5(it.md5)
	o.Type, o.Class, o.Disabled = it.mime, store.Standard, it.status == disabled
	o.Frozen = (it.class == classArchive || it.class == classDeep) && it.restored != thawed
	if at := time.Unix(it.put/1e7, it.put%1e7*100).UTC(); it.odd == "" && store.Dated(at) {
		o.Modified = at
	} else {
		warn(o, "its putTime %s is no time of an upload, in units of 100 ns since 1970: it counts as without one", cmp.Or(it.odd, strconv.FormatInt(it.put, 10)))
	}
	if it.class >= 0 && it.class < int64(len(classes)) {
		o.Class = classes[it.class]
	} else {
		warn(o, "its type %d is no storage class that is known: it counts as standard", it.class)
	}
	if len(it.parts) > 0 {
		o.Parts = slices.Clone(it.parts)
	}
	if len(it.meta) > 1 {
		slices.SortStableFunc(it.meta, func(a, b pair) int { return cmp.Compare(a.name, b.name) })
	}
	for _, m := range it.meta {
		setMeta(o, m.name, m.value)
	}
	return nil
}

func warn(o *store.Object, format string, args ...any) {
	o.Warnings = append(o.Warnings, fmt.Sprintf(format, args...))
}

// hexMD5 takes an MD5 as hex or as base64; what is neither is none.
func hexMD5(s string) string {
	switch len(s) {
	case 2 * md5.Size:
		upper := false
		for _, c := range []byte(s) {
			if !('0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f') {
				return ""
			}
			upper = upper || 'A' <= c && c <= 'F'
		}
		if upper {
			return strings.ToLower(s)
		}
		return s
	case base64.StdEncoding.EncodedLen(md5.Size):
		for _, e := range [...]*base64.Encoding{base64.StdEncoding, base64.URLEncoding} {
			if raw, err := e.DecodeString(s); err == nil && len(raw) == md5.Size {
				return hex.EncodeToString(raw)
			}
		}
	}
	return ""
}

const (
	metaPrefix = "x-qn-meta-"
	headerMark = "!" // Kodo keeps standard headers as user metadata of that mark (Qiniu's SDKs, chgm)
)

// kept reports whether header is a standard one that an object carries to its readers.
func kept(header string) bool {
	switch header {
	case "Cache-Control", "Content-Disposition", "Content-Encoding", "Content-Language", "Expires":
		return true
	}
	return false
}

// setMeta sorts one x-qn-meta of Kodo into headers and user metadata. A marked
// header that no other service keeps stays user metadata under its marked
// name, so that a target that cannot hold it says so. Of names that differ by
// case alone, which no service tells apart, the last is kept, with a warning.
func setMeta(o *store.Object, name, value string) {
	keep := func(m *map[string]string, as string) {
		if *m == nil {
			*m = map[string]string{}
		}
		if was, ok := (*m)[as]; ok && was != value {
			warn(o, "metadata %q: there are two under names that differ by case alone, one of %d and one of %d bytes; only the latter is kept", as, len(was), len(value))
		}
		(*m)[as] = value
	}
	name = strings.TrimPrefix(strings.ToLower(name), metaPrefix)
	header, marked := strings.CutPrefix(name, headerMark)
	if marked {
		header = http.CanonicalHeaderKey(header)
	}
	switch {
	case marked && header == "Content-Type":
		o.Type = value
	case marked && kept(header):
		keep(&o.Header, header)
	default:
		keep(&o.Meta, name)
	}
}
