package kodo

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// maxUpload is the most bytes that one request may bring: a part (Kodo, "upload part").
const maxUpload = 1 << 30

// lifetime is how long blocks and multipart uploads are kept (Kodo, "mkblk"
// and "initiate multipart upload": seven days).
const lifetime = 7 * 24 * time.Hour

// uploads are what is under way.
type uploads struct {
	mu     sync.Mutex
	last   int
	swept  time.Time
	blocks map[string]*block     // by ctx
	multis map[string]*multipart // by upload id
}

// name returns the next name of an upload. u.mu is held.
func (u *uploads) name() string {
	u.last++
	return fmt.Sprintf("%x.%x", mix(uint64(u.last)), u.last)
}

// sweep forgets what has expired, once an hour. u.mu is held.
func (u *uploads) sweep(now time.Time) {
	if now.Sub(u.swept) < time.Hour {
		return
	}
	u.swept = now
	for k, b := range u.blocks {
		if now.After(b.expires) {
			delete(u.blocks, k)
		}
	}
	for k, m := range u.multis {
		if now.After(m.expires) {
			delete(u.multis, k)
		}
	}
}

// routeUpload finds the operations that bring objects in.
func (s *Server) routeUpload(r *http.Request, path string) (c call, ok bool) {
	seg := strings.Split(strings.TrimPrefix(path, "/"), "/")
	if seg[0] == "buckets" && len(seg) > 1 {
		return s.routeParts(r, seg)
	}
	if r.Method != http.MethodPost {
		return call{}, false
	}
	if path == "/" {
		return s.formCall(r), true
	}
	switch seg[0] {
	case "putb64":
		return call{op: "upload", work: func(w http.ResponseWriter, r *http.Request) { s.putBase64(w, r, seg[1:]) }}, true
	case "mkblk", "bput":
		return call{op: "block", work: func(w http.ResponseWriter, r *http.Request) { s.putBlock(w, r, seg) }}, true
	case "mkfile":
		c := call{op: "mkfile", work: func(w http.ResponseWriter, r *http.Request) { s.makeFile(w, r, seg[1:]) }}
		for i := 2; i+1 < len(seg); i += 2 {
			if seg[i] == "key" {
				c.key, _ = decodeBase64(seg[i+1])
			}
		}
		return c, true
	}
	return call{}, false
}

// taken is what a request with an upload token in its head allows, and its body.
func (s *Server) taken(r *http.Request) (p policy, body []byte, no *refusal) {
	if p, no = s.headerToken(r); no == nil {
		body, no = take(r)
	}
	return p, body, no
}

// take reads the body of an upload.
func take(r *http.Request) ([]byte, *refusal) {
	if r.ContentLength > maxUpload {
		return nil, errTooLarge
	}
	if n := r.ContentLength; n >= 0 {
		data := make([]byte, n)
		if _, err := io.ReadFull(r.Body, data); err != nil {
			return nil, &refusal{http.StatusBadRequest, "unexpected EOF"}
		}
		return data, nil
	}
	data, err := io.ReadAll(io.LimitReader(r.Body, maxUpload+1))
	switch {
	case err != nil:
		return nil, &refusal{http.StatusBadRequest, "unexpected EOF"}
	case len(data) > maxUpload:
		return nil, errTooLarge
	}
	return data, nil
}

// arrival is an object that has arrived whole.
type arrival struct {
	key         *string // nil where the client named none
	body        segments
	size        int64
	parts       []int64
	mime, fname string
	md5         string
	meta, vars  map[string]string
	inParts     bool
	event       string // what notifications call it; "" is put
}

func (a *arrival) add(p []byte) {
	a.body, a.size = append(a.body, p), a.size+int64(len(p))
}

// option takes a parameter of the upload: a custom variable or metadata.
func (a *arrival) option(name, value string) {
	switch {
	case strings.HasPrefix(name, "x:"):
		if a.vars == nil {
			a.vars = map[string]string{}
		}
		a.vars[name] = value
	case metaName(name) != name:
		if a.meta == nil {
			a.meta = map[string]string{}
		}
		a.meta[metaName(name)] = value
	}
}

// store puts a into the bucket that p names and returns the answer's body.
func (s *Server) store(ctx context.Context, p policy, a arrival) ([]byte, *refusal) {
	b := s.bucket(p.bucket)
	if b == nil {
		return nil, errNoBucket
	}
	hash, err := hashOf(a.body, a.size, a.parts)
	if err != nil {
		return nil, &refusal{599, err.Error()}
	}
	a.mime = p.typeOf(&a)
	v := &variables{policy: p, arrival: &a, hash: hash, now: s.cfg.Now()}
	key := hash
	switch {
	case p.SaveKey != "" && (a.key == nil || p.ForceSaveKey):
		key = v.expand(p.SaveKey, asIs)
	case a.key != nil:
		key = *a.key
	}
	if !utf8.ValidString(key) {
		return nil, errNotUTF8
	}
	v.key = key
	if no := p.allows(key); no != nil {
		return nil, no
	}
	if no := p.allowsContent(a.size, a.mime); no != nil {
		return nil, no
	}
	now := s.cfg.Now()
	rec := &record{
		body: a.body, size: a.size, hash: hash, md5: a.md5, mime: a.mime, endUser: p.EndUser, meta: a.meta,
		parts: a.parts, kind: p.FileType, put: putTime(now),
	}
	if p.DeleteAfterDays > 0 {
		rec.days = map[string]int64{"expiration": now.AddDate(0, 0, int(p.DeleteAfterDays)).Unix()}
	}
	// A scope without a key adds objects only, and so does insertOnly; the
	// same content again is no offence. A multipart upload (version 2) needs
	// insertOnly to be so (Kodo, "put policy": scope).
	adds := p.InsertOnly != 0 || !p.keyed && !a.inParts
	no := b.change(key, func(old *record) (*record, *refusal) {
		switch {
		case old == nil || !adds:
			return rec, nil
		case old.hash == hash:
			return old, nil
		}
		return nil, errExists
	})
	if no != nil {
		return nil, no
	}
	s.happened(b, cmp.Or(a.event, "put"), key, rec)
	return s.answer(ctx, v)
}

// arrive stores a and answers.
func (s *Server) arrive(ctx context.Context, w http.ResponseWriter, p policy, a arrival) {
	body, no := s.store(ctx, p, a)
	conclude(w, no, body)
}
