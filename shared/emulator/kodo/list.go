package kodo

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxList is how many entries a page holds at most (Kodo, "list").
const maxList = 1000

// listing is what a list request asks for.
type listing struct {
	bucket            *bucket
	prefix, delimiter string
	after             string // keys that are this one or before it are skipped
	started           bool   // after is set
	turn              int    // how many empty pages led here
	limit             int
	needParts         bool
}

// marker is a place in a listing, as Kodo encodes it. Raw holds the key where
// it is no UTF-8, which JSON cannot carry.
type marker struct {
	C   *int    `json:"c"`
	K   *string `json:"k"`
	Raw []byte  `json:"b,omitempty"`
}

func encodeMarker(c int, key string) string {
	buf := appendString(fmt.Appendf(nil, `{"c":%d,"k":`, c), key)
	if !utf8.ValidString(key) {
		buf = appendString(append(buf, `,"b":`...), base64.StdEncoding.EncodeToString([]byte(key)))
	}
	return base64.URLEncoding.EncodeToString(append(buf, '}'))
}

// decodeMarker takes a marker of ours, or one that a client made from any key,
// existing or not.
func decodeMarker(s string) (c int, key string, no *refusal) {
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(s, "="))
	var m marker
	if err != nil || json.Unmarshal(raw, &m) != nil || m.C == nil || m.K == nil {
		return 0, "", errMarker
	}
	if m.Raw != nil {
		return *m.C, string(m.Raw), nil
	}
	return *m.C, *m.K, nil
}

// listing reads the parameters of a list request, which come in the query or,
// with POST, in a form. all allows a limit of 0.
func (s *Server) listing(query, form url.Values, all bool) (listing, *refusal) {
	get := func(name string) string {
		if form.Has(name) {
			return form.Get(name)
		}
		return query.Get(name)
	}
	l := listing{prefix: get("prefix"), delimiter: get("delimiter"), limit: maxList}
	if get("bucket") == "" {
		return l, errArgument
	}
	if l.bucket = s.bucket(get("bucket")); l.bucket == nil {
		return l, errNoBucket
	}
	if v := get("limit"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil || n < 0 || n > maxList && !all || n == 0 && !all {
			return l, &refusal{http.StatusBadRequest, "invalid list limit"}
		}
		l.limit = n
	} else if all {
		l.limit = 0
	}
	if v := get("needparts"); v != "" {
		on, err := strconv.ParseBool(v)
		if err != nil {
			return l, errArgument
		}
		l.needParts = on
	}
	if v := get("marker"); v != "" {
		var no *refusal
		if l.turn, l.after, no = decodeMarker(v); no != nil {
			return l, no
		}
		l.started = true
	}
	return l, nil
}

// walk calls emit with up to limit entries, each a key with its record, a key
// with its index in the derived objects, or a common prefix alone. It returns
// the last key or prefix, and whether more follow.
func (l *listing) walk(limit int, emit func(key, dir string, rec *record, index int64)) (last string, more bool) {
	b := l.bucket
	b.mu.RLock()
	defer b.mu.RUnlock()
	from := l.prefix
	// An empty page before the first key leads back to the first key.
	if begin := l.turn > 0 && l.after == ""; l.started && !begin {
		from = max(from, l.after+"\x00")
	}
	// A marker that is a common prefix stands for everything below it.
	if l.delimiter != "" && l.started && len(l.after) > len(l.prefix) && strings.HasPrefix(l.after, l.prefix) && strings.HasSuffix(l.after, l.delimiter) {
		from = max(from, successor(l.after))
	}
	c := b.from(from)
	for n := 0; ; n++ {
		key, rec, index, ok := c.step()
		if !ok || !strings.HasPrefix(key, l.prefix) {
			return last, false
		}
		if n == limit {
			return last, true
		}
		if l.delimiter != "" {
			if at := strings.Index(key[len(l.prefix):], l.delimiter); at >= 0 {
				last = key[:len(l.prefix)+at+len(l.delimiter)]
				emit("", last, nil, 0)
				next := successor(last)
				if next == "" {
					return last, false
				}
				c.seek(next)
				continue
			}
		}
		last = key
		emit(key, "", rec, index)
	}
}

// successor is the first string after everything that begins with prefix, ""
// if there is none.
func successor(prefix string) string {
	b := []byte(prefix)
	for len(b) > 0 {
		if b[len(b)-1]++; b[len(b)-1] != 0 {
			return string(b)
		}
		b = b[:len(b)-1]
	}
	return ""
}

// appendEntry appends an object of the listing.
func (l *listing) appendEntry(s *Server, buf []byte, key string, rec *record, index int64) []byte {
	if rec == nil {
		return l.bucket.base.appendItem(buf, key, index)
	}
	return rec.appendItem(buf, key, l.needParts, s.cfg.Now())
}

// list answers /list.
func (s *Server) list(w http.ResponseWriter, r *http.Request, empty bool) {
	l, no := s.asked(r, false)
	if no != nil {
		writeRefusal(w, no)
		return
	}
	if empty {
		// The marker changes, so that nobody takes it for a standstill, and
		// leads to where this page began.
		writeBody(w, http.StatusOK, fmt.Appendf(nil, `{"marker":%q,"items":[]}`, encodeMarker(l.turn+1, l.after)))
		return
	}
	scratch := s.scratch.Get().(*[]byte)
	defer s.scratch.Put(scratch)
	items := (*scratch)[:0]
	var dirs []byte
	last, more := l.walk(l.limit, func(key, dir string, rec *record, index int64) {
		if dir != "" {
			dirs = append(appendString(dirs, dir), ',')
			return
		}
		items = append(l.appendEntry(s, items, key, rec, index), ',')
	})
	*scratch = items
	next := ""
	if more {
		next = encodeMarker(0, last)
	}
	body := make([]byte, 0, len(items)+len(dirs)+len(next)+64)
	body = append(append(append(body, `{"marker":"`...), next...), `","items":[`...)
	body = append(append(body, items[:max(0, len(items)-1)]...), ']')
	if l.delimiter != "" {
		body = append(body, `,"commonPrefixes":[`...)
		body = append(append(body, dirs[:max(0, len(dirs)-1)]...), ']')
	}
	writeBody(w, http.StatusOK, append(body, '}'))
}

// asked verifies a list request and reads its parameters.
func (s *Server) asked(r *http.Request, all bool) (listing, *refusal) {
	if r.Method != http.MethodGet && r.Method != http.MethodPost {
		return listing{}, errMethod
	}
	body, no := s.control(r)
	if no != nil {
		return listing{}, no
	}
	var form url.Values
	if isForm(r) {
		var err error
		if form, err = url.ParseQuery(string(body)); err != nil {
			return listing{}, errArgument
		}
	}
	return s.listing(r.URL.Query(), form, all)
}

// listLines answers /v2/list: an entry a line, each with the marker behind it.
// A limit of 0 lists everything.
func (s *Server) listLines(w http.ResponseWriter, r *http.Request, empty bool) {
	l, no := s.asked(r, true)
	if no != nil {
		writeRefusal(w, no)
		return
	}
	w.Header()["Content-Type"] = []string{"text/plain"}
	if empty {
		// A line that has nothing but a marker, as the service sends where much was deleted.
		_, _ = fmt.Fprintf(w, "{\"item\":null,\"marker\":%q,\"dir\":\"\"}\n", encodeMarker(l.turn+1, l.after))
		return
	}
	for left := l.limit; ; {
		step := maxList
		if l.limit > 0 {
			step = min(step, left)
		}
		buf, last, more := s.lines(&l, step)
		if _, err := w.Write(buf); err != nil || !more || l.limit > 0 && left <= step {
			return
		}
		l.after, l.started, left = last, true, left-step
	}
}

// lines is up to limit entries as lines. The marker of the listing's very last
// line is empty.
func (s *Server) lines(l *listing, limit int) (buf []byte, last string, more bool) {
	tail := func(mark, dir string) {
		buf = append(append(append(buf, `,"marker":"`...), mark...), `","dir":`...)
		buf = append(appendString(buf, dir), "}\n"...)
	}
	cut, lastDir := 0, ""
	last, more = l.walk(limit, func(key, dir string, rec *record, index int64) {
		buf = append(buf, `{"item":`...)
		if dir == "" {
			buf = l.appendEntry(s, buf, key, rec, index)
		} else {
			buf = append(buf, "null"...)
		}
		cut, lastDir = len(buf), dir
		tail(encodeMarker(0, key+dir), dir)
	})
	if !more && cut > 0 {
		buf = buf[:cut]
		tail("", lastDir)
	}
	return buf, last, more
}
