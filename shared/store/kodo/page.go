package kodo

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"kodoferry/shared/store"
)

// page is an answer of /list (developer.qiniu.com/kodo/api/list).
type page struct {
	Marker string `json:"marker"` // "" is the only sign of the end
	Items  []item `json:"items"`
}

// item is an object as /list and /stat describe it (go-sdk,
// storagev2/apis/get_objects and stat_object).
type item struct {
	Key      string            `json:"key"`
	Hash     string            `json:"hash"`
	Size     int64             `json:"fsize"`
	PutTime  int64             `json:"putTime"` // 100 ns since 1970
	Type     string            `json:"mimeType"`
	Class    int               `json:"type"`
	Status   int               `json:"status"` // 1: disabled
	MD5      string            `json:"md5"`
	Meta     map[string]string `json:"x-qn-meta"`
	Parts    []int64           `json:"parts"`
	Restored int               `json:"restoreStatus"` // /stat only; 2: thawed
}

const (
	classArchive = 2
	classDeep    = 3
	thawed       = 2
	disabled     = 1
)

// classes are Kodo's types 0 to 5.
var classes = [...]store.Class{store.Standard, store.Infrequent, store.Archive, store.DeepArchive, store.ArchiveIR, store.Tiered}

// needsThaw reports whether the item may be frozen, which a listing does not tell.
func (i item) needsThaw() bool { return i.Class == classArchive || i.Class == classDeep }

// object is i in the port's words. Of one that needs thawing, frozen says
// whether it was.
func (i item) object(frozen bool) store.Object {
	o := store.Object{
		Key: i.Key, Size: i.Size, Hash: i.Hash, MD5: hexMD5(i.MD5), Parts: i.Parts,
		Modified: time.Unix(0, i.PutTime*100).UTC(), Type: i.Type, Class: store.Standard,
		Disabled: i.Status == disabled, Frozen: frozen,
	}
	if i.Class >= 0 && i.Class < len(classes) {
		o.Class = classes[i.Class]
	}
	setMeta(&o, i.Meta)
	return o
}

// hexMD5 takes an MD5 as hex or as base64; what is neither is none.
func hexMD5(s string) string {
	if raw, err := hex.DecodeString(s); err == nil && len(raw) == 16 {
		return strings.ToLower(s)
	}
	for _, e := range [...]*base64.Encoding{base64.StdEncoding, base64.URLEncoding} {
		if raw, err := e.DecodeString(s); err == nil && len(raw) == 16 {
			return hex.EncodeToString(raw)
		}
	}
	return ""
}

const (
	metaPrefix = "x-qn-meta-"
	headerMark = "!" // Kodo keeps standard headers as user metadata of that mark (Qiniu's SDKs, chgm)
)

// kept are the standard headers that an object carries to its readers.
var kept = map[string]bool{"Cache-Control": true, "Content-Disposition": true, "Content-Encoding": true, "Content-Language": true, "Expires": true}

// setMeta sorts what Kodo keeps as x-qn-meta into headers and user metadata.
func setMeta(o *store.Object, meta map[string]string) {
	for name, value := range meta {
		name = strings.TrimPrefix(strings.ToLower(name), metaPrefix)
		header, marked := strings.CutPrefix(name, headerMark)
		header = http.CanonicalHeaderKey(header)
		switch {
		case marked && header == "Content-Type":
			o.Type = value
		case marked && kept[header]:
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
}

func parsePage(data []byte) (page, error) {
	var p page
	err := json.Unmarshal(data, &p)
	return p, err
}
