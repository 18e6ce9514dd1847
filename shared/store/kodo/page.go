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
	size            int64
	put             int64 // 100 ns since 1970
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

// parsePage decodes a page: by scanPage, which knows just the shape that Kodo
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
	Size     int64             `json:"fsize"`
	Put      int64             `json:"putTime"`
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

// UnmarshalJSON implements json.Unmarshaler.
func (e *exact) UnmarshalJSON(data []byte) error {
	s := scanner{data: data}
	b, ok := s.text()
	if !ok {
		return fmt.Errorf("the key %q is no text", data)
	}
	*e = exact(b)
	return nil
}

func (j jsonItem) item() item {
	it := item{
		hash: j.Hash, mime: j.MIME, md5: j.MD5, size: j.Size, put: j.Put,
		class: j.Class, status: j.Status, restored: j.Restored, parts: j.Parts,
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
		Marker string     `json:"marker"`
		Items  []jsonItem `json:"items"`
	}
	if err := json.Unmarshal(data, &raw); err != nil {
		return nil, err
	}
	p := &page{marker: raw.Marker, objects: make([]store.Object, 0, len(raw.Items))}
	for _, j := range raw.Items {
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
	o, err := it.object()
	if err != nil {
		return fmt.Errorf("key %q: %w", it.key, err)
	}
	if o.Frozen {
		p.thaw = append(p.thaw, len(p.objects))
	}
	p.objects = append(p.objects, o)
	return nil
}

// object is it in the port's words. Frozen is what restored says, which only /stat knows.
func (it *item) object() (store.Object, error) {
	if it.size < 0 {
		return store.Object{}, errors.New("a size below 0")
	}
	o := store.Object{
		Key: it.key, Size: it.size, Hash: it.hash, MD5: hexMD5(it.md5),
		Modified: time.Unix(it.put/1e7, it.put%1e7*100).UTC(), Type: it.mime, Class: store.Standard,
		Disabled: it.status == disabled,
		Frozen:   (it.class == classArchive || it.class == classDeep) && it.restored != thawed,
	}
	if it.class >= 0 && it.class < int64(len(classes)) {
		o.Class = classes[it.class]
	}
	if len(it.parts) > 0 {
		o.Parts = slices.Clone(it.parts)
	}
	if len(it.meta) > 1 {
		slices.SortStableFunc(it.meta, func(a, b pair) int { return cmp.Compare(a.name, b.name) })
	}
	for _, m := range it.meta {
		setMeta(&o, m.name, m.value)
	}
	return o, nil
}

// hexMD5 takes an MD5 as hex or as base64; what is neither is none.
func hexMD5(s string) string {
	switch len(s) {
	case 2 * md5.Size:
		if strings.ContainsFunc(s, func(r rune) bool { return !('0' <= r && r <= '9' || 'a' <= r|0x20 && r|0x20 <= 'f') }) {
			return ""
		}
		return strings.ToLower(s)
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
// name, so that a target that cannot hold it says so.
func setMeta(o *store.Object, name, value string) {
	name = strings.TrimPrefix(strings.ToLower(name), metaPrefix)
	header, marked := strings.CutPrefix(name, headerMark)
	if marked {
		header = http.CanonicalHeaderKey(header)
	}
	switch {
	case marked && header == "Content-Type":
		o.Type = value
	case marked && kept(header):
		if o.Header == nil {
			o.Header = map[string]string{}
		}
		o.Header[header] = value
	default:
		if o.Meta == nil {
			o.Meta = map[string]string{}
		}
		o.Meta[name] = value
	}
}
