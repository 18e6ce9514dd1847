package kodo

import (
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"kodoferry/shared/digest"
)

// maxParts is how many parts an upload has at most (Kodo, "upload part").
const maxParts = 10000

// multipart is an upload by parts (version 2).
type multipart struct {
	bucket  string
	object  string // as the path has it: base64 of the key, or ~ for none
	expires time.Time
	parts   map[int]part
}

type part struct {
	data []byte
	etag string
	put  int64 // Unix seconds
}

// target is what the path of a request of an upload by parts names.
type target struct {
	bucket, object, id, number string
	key                        *string
}

// routeParts finds the operations of an upload by parts.
func (s *Server) routeParts(r *http.Request, seg []string) (c call, ok bool) {
	if len(seg) < 5 || len(seg) > 7 || seg[2] != "objects" || seg[4] != "uploads" {
		return call{}, false
	}
	t := target{bucket: seg[1], object: seg[3]}
	c.bucket = t.bucket
	valid := true
	if t.object != "~" {
		key, ok := decodeBase64(t.object)
		t.key, c.key, valid = &key, key, ok
	}
	if len(seg) > 5 {
		t.id = seg[5]
	}
	if len(seg) > 6 {
		t.number = seg[6]
	}
	var work func(w http.ResponseWriter, r *http.Request, p policy, t target)
	switch r.Method + " " + strconv.Itoa(len(seg)) {
	case "POST 5":
		c.op, work = "init", s.initParts
	case "PUT 7":
		c.op, work = "part", s.putPart
	case "GET 6":
		c.op, work = "parts", s.listParts
	case "POST 6":
		c.op, work = "complete", s.complete
	case "DELETE 6":
		c.op, work = "abort", s.abort
	default:
		return call{}, false
	}
	c.work = func(w http.ResponseWriter, r *http.Request) {
		p, no := s.headerToken(r)
		switch {
		case no != nil:
			writeRefusal(w, no)
		case !valid:
			writeRefusal(w, errArgument)
		case p.bucket != t.bucket:
			writeRefusal(w, errScope)
		case t.key != nil && p.allows(*t.key) != nil:
			writeRefusal(w, errScope)
		default:
			work(w, r, p, t)
		}
	}
	return c, true
}

func (s *Server) initParts(w http.ResponseWriter, _ *http.Request, _ policy, t target) {
	u := &s.uploads
	u.mu.Lock()
	u.sweep(s.cfg.Now())
	id := u.name()
	m := &multipart{bucket: t.bucket, object: t.object, expires: s.cfg.Now().Add(lifetime), parts: map[int]part{}}
	u.multis[id] = m
	u.mu.Unlock()
	writeJSON(w, map[string]any{"uploadId": id, "expireAt": m.expires.Unix()})
}

// multi is the upload that t names. uploads.mu is held.
func (u *uploads) multi(t target, now time.Time) (*multipart, *refusal) {
	u.sweep(now)
	m := u.multis[t.id]
	if m == nil || now.After(m.expires) || m.bucket != t.bucket || m.object != t.object {
		return nil, errNoUpload
	}
	return m, nil
}

func (s *Server) putPart(w http.ResponseWriter, r *http.Request, _ policy, t target) {
	n, err := strconv.Atoi(t.number)
	if err != nil || n < 1 || n > maxParts {
		writeRefusal(w, &refusal{http.StatusBadRequest, "invalid part number"})
		return
	}
	data, no := take(r)
	if no != nil {
		writeRefusal(w, no)
		return
	}
	sum := md5.Sum(data)
	hexSum := hex.EncodeToString(sum[:])
	// The SDK sends the MD5 in hex; the header's standard is base64.
	if want := r.Header.Get("Content-MD5"); want != "" && !strings.EqualFold(want, hexSum) && want != base64.StdEncoding.EncodeToString(sum[:]) {
		writeRefusal(w, errMD5)
		return
	}
	etag := digest.QetagOf(data)
	u := &s.uploads
	u.mu.Lock()
	m, no := u.multi(t, s.cfg.Now())
	if no == nil {
		m.parts[n] = part{data: data, etag: etag, put: s.cfg.Now().Unix()}
	}
	u.mu.Unlock()
	if no != nil {
		writeRefusal(w, no)
		return
	}
	writeJSON(w, map[string]string{"etag": etag, "md5": hexSum})
}

func (s *Server) listParts(w http.ResponseWriter, r *http.Request, _ policy, t target) {
	limit, after := 1000, 0
	q := r.URL.Query()
	// The Go SDK writes part-number_marker, the documentation part-number-marker.
	for name, to := range map[string]*int{"max-parts": &limit, "part-number_marker": &after, "part-number-marker": &after} {
		if v := q.Get(name); v != "" {
			n, err := strconv.Atoi(v)
			if err != nil || n < 0 || name == "max-parts" && (n < 1 || n > 1000) {
				writeRefusal(w, errArgument)
				return
			}
			*to = n
		}
	}
	u := &s.uploads
	u.mu.Lock()
	m, no := u.multi(t, s.cfg.Now())
	list, next := []any{}, 0
	if no == nil {
		for _, n := range slices.Sorted(maps.Keys(m.parts)) {
			if n <= after {
				continue
			}
			if len(list) == limit {
				next = list[limit-1].(map[string]any)["partNumber"].(int)
				break
			}
			p := m.parts[n]
			list = append(list, map[string]any{"size": len(p.data), "etag": p.etag, "partNumber": n, "putTime": p.put})
		}
	}
	u.mu.Unlock()
	if no != nil {
		writeRefusal(w, no)
		return
	}
	writeJSON(w, map[string]any{"uploadId": t.id, "expireAt": m.expires.Unix(), "partNumberMarker": next, "parts": list})
}

// completion is the body of complete.
type completion struct {
	Parts []struct {
		PartNumber int    `json:"partNumber"`
		Etag       string `json:"etag"`
	} `json:"parts"`
	Fname      string            `json:"fname"`
	MimeType   string            `json:"mimeType"`
	Metadata   map[string]string `json:"metadata"`
	CustomVars map[string]string `json:"customVars"`
}

func (s *Server) complete(w http.ResponseWriter, r *http.Request, p policy, t target) {
	raw, no := take(r)
	var c completion
	if no == nil && json.Unmarshal(raw, &c) != nil {
		no = errArgument
	}
	a := arrival{key: t.key, fname: c.Fname, mime: c.MimeType, inParts: true, event: "mkfile"}
	for _, options := range []map[string]string{c.Metadata, c.CustomVars} {
		for name, v := range options {
			a.option(name, v)
		}
	}
	if no == nil {
		no = s.assemble(&a, t, c)
	}
	var body []byte
	if no == nil {
		body, no = s.store(r.Context(), p, a)
	}
	if no == nil || no.status == errCallback.status { // the object is there either way
		u := &s.uploads
		u.mu.Lock()
		delete(u.multis, t.id)
		u.mu.Unlock()
	}
	conclude(w, no, body)
}

// assemble puts the parts that c lists together: in ascending order, unchanged
// since their etag was told, none but the last smaller than allowed.
func (s *Server) assemble(a *arrival, t target, c completion) *refusal {
	u := &s.uploads
	u.mu.Lock()
	defer u.mu.Unlock()
	m, no := u.multi(t, s.cfg.Now())
	if no != nil {
		return no
	}
	if len(c.Parts) == 0 {
		return &refusal{http.StatusBadRequest, "empty parts"}
	}
	last := 0
	for i, want := range c.Parts {
		p, ok := m.parts[want.PartNumber]
		switch {
		case !ok || p.etag != want.Etag:
			return &refusal{http.StatusBadRequest, "invalid part"}
		case want.PartNumber <= last:
			return &refusal{http.StatusBadRequest, "invalid part order"}
		case i < len(c.Parts)-1 && int64(len(p.data)) < s.cfg.MinPart:
			return &refusal{http.StatusBadRequest, "part is too small"}
		}
		last = want.PartNumber
		a.add(p.data)
		a.parts = append(a.parts, int64(len(p.data)))
	}
	return nil
}

func (s *Server) abort(w http.ResponseWriter, _ *http.Request, _ policy, t target) {
	u := &s.uploads
	u.mu.Lock()
	_, no := u.multi(t, s.cfg.Now())
	if no == nil {
		delete(u.multis, t.id)
	}
	u.mu.Unlock()
	conclude(w, no, nil)
}
