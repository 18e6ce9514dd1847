package kodo

import (
	"cmp"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// serveDownload serves an object of b under its key, which is the path, each
// byte of it, without the slash it begins with.
func (s *Server) serveDownload(w http.ResponseWriter, r *http.Request, b *bucket) {
	op := "get"
	if r.Method == http.MethodHead {
		op = "head"
	}
	key, err := url.PathUnescape(strings.TrimPrefix(rawPath(r), "/"))
	s.do(w, r, call{op: op, bucket: b.name, key: key, work: func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			writeRefusal(w, errMethod)
		case err != nil:
			writeRefusal(w, errArgument)
		default:
			s.download(w, r, b, key)
		}
	}})
}

func (s *Server) download(w http.ResponseWriter, r *http.Request, b *bucket, key string) {
	if b.isPrivate() && !s.cfg.Unverified && (!s.cfg.Unsigned || strings.Contains(r.URL.RawQuery, "token=")) {
		if no := s.mayGet(r); no != nil {
			writeRefusal(w, no)
			return
		}
	}
	rec := b.get(key)
	switch {
	case processed(r.URL.RawQuery):
		writeRefusal(w, errNotDone)
		return
	case rec == nil:
		writeRefusal(w, errNoFile)
		return
	case rec.status != 0:
		writeRefusal(w, errDisabled)
		return
	case rec.frozen(s.cfg.Now()):
		writeRefusal(w, errFrozen)
		return
	}
	h := w.Header()
	rec.describe(h)
	if q := r.URL.Query(); q.Has("attname") {
		h.Set("Content-Disposition", attachment(cmp.Or(q.Get("attname"), path.Base(key))))
	}
	switch rec.condition(r.Header) {
	case http.StatusNotModified:
		h.Del("Content-Type")
		w.WriteHeader(http.StatusNotModified)
		return
	case http.StatusPreconditionFailed:
		writeRefusal(w, &refusal{http.StatusPreconditionFailed, "precondition failed"})
		return
	}
	off, n, status := int64(0), rec.size, http.StatusOK
	if v := r.Header.Get("Range"); v != "" && rec.rangeHolds(r.Header.Get("If-Range")) {
		off, n, status = parseRange(v, rec.size)
	}
	switch status {
	case http.StatusRequestedRangeNotSatisfiable:
		h.Set("Content-Range", "bytes */"+strconv.FormatInt(rec.size, 10))
		writeRefusal(w, &refusal{status, "invalid range"})
		return
	case http.StatusPartialContent:
		h.Set("Content-Range", "bytes "+strconv.FormatInt(off, 10)+"-"+strconv.FormatInt(off+n-1, 10)+"/"+strconv.FormatInt(rec.size, 10))
	}
	h["Content-Length"] = []string{strconv.FormatInt(n, 10)}
	w.WriteHeader(status)
	if r.Method == http.MethodGet {
		_ = rec.body.write(w, off, n) // a client that went away is its own trouble
	}
}

// processed reports whether a query asks for something made of the object, such as
// imageView2/2/w/200 or avinfo, which is not part of this stand-in (Kodo, "data
// processing": an operation is a parameter that has no = before its first slash).
func processed(query string) bool {
	for item := range strings.SplitSeq(query, "&") {
		name, _, valued := strings.Cut(item, "=")
		if strings.ContainsAny(name, "/|") || !valued && slices.Contains([]string{"imageInfo", "imageAve", "exif", "avinfo", "md2html", "qrcode"}, name) {
			return true
		}
	}
	return false
}

// tellMeta sets the headers of an object's metadata, whose names begin with prefix. Members
// that begin with "!" are standard headers.
func (o *record) tellMeta(h http.Header, prefix string) {
	for name, v := range o.meta {
		standard, marked := strings.CutPrefix(name, "!")
		switch {
		case !marked:
			h.Set(prefix+name, v)
		case !strings.EqualFold(standard, "Content-Length") && !strings.EqualFold(standard, "Transfer-Encoding") && !strings.EqualFold(standard, "Etag"):
			h.Set(standard, v)
		}
	}
}

// describe sets the headers that tell of an object. Kodo's own default for caching is a year.
func (o *record) describe(h http.Header) {
	h["Content-Type"] = []string{o.mime}
	h["Accept-Ranges"] = []string{"bytes"}
	h["Cache-Control"] = []string{"public, max-age=31536000"}
	h["Last-Modified"] = []string{o.lastModified().Format(http.TimeFormat)}
	if o.hash != "" {
		h["Etag"] = []string{`"` + o.hash + `"`}
	}
	o.tellMeta(h, "X-Qn-Meta-")
}

// attachment has the browser save what it gets under name, which is told in
// ASCII and, where that is not all of it, as it is (RFC 6266).
func attachment(name string) string {
	plain := strings.Map(func(c rune) rune {
		if c < ' ' || c > '~' || c == '"' || c == '\\' {
			return '_'
		}
		return c
	}, name)
	v := `attachment; filename="` + plain + `"`
	if plain != name {
		v += "; filename*=utf-8''" + strings.ReplaceAll(url.QueryEscape(name), "+", "%20")
	}
	return v
}

// condition evaluates the conditional headers: 304, 412, or 0 to go on
// (RFC 9110, section 13.2.2).
func (o *record) condition(h http.Header) int {
	if v := h.Get("If-Match"); v != "" {
		if !o.matches(v) {
			return http.StatusPreconditionFailed
		}
	} else if t, err := http.ParseTime(h.Get("If-Unmodified-Since")); err == nil && o.lastModified().After(t) {
		return http.StatusPreconditionFailed
	}
	if v := h.Get("If-None-Match"); v != "" {
		if o.matches(v) {
			return http.StatusNotModified
		}
	} else if t, err := http.ParseTime(h.Get("If-Modified-Since")); err == nil && !o.lastModified().After(t) {
		return http.StatusNotModified
	}
	return 0
}

// matches reports whether a list of entity tags names the object's.
func (o *record) matches(tags string) bool {
	for tag := range strings.SplitSeq(tags, ",") {
		tag = strings.TrimPrefix(strings.TrimSpace(tag), "W/")
		if tag == "*" || o.hash != "" && strings.Trim(tag, `"`) == o.hash {
			return true
		}
	}
	return false
}

// rangeHolds reports whether If-Range lets a range be served.
func (o *record) rangeHolds(v string) bool {
	if v == "" {
		return true
	}
	if t, err := http.ParseTime(v); err == nil {
		return t.Equal(o.lastModified().Truncate(time.Second))
	}
	return o.matches(v)
}

// parseRange reads a range of one stretch. Anything else is not a range, and
// the whole is served; a stretch beyond the end is 416.
func parseRange(v string, size int64) (off, n int64, status int) {
	whole := func() (int64, int64, int) { return 0, size, http.StatusOK }
	spec, ok := strings.CutPrefix(v, "bytes=")
	first, last, dash := strings.Cut(strings.TrimSpace(spec), "-")
	if !ok || !dash || strings.Contains(spec, ",") {
		return whole()
	}
	if first == "" {
		n, err := strconv.ParseInt(last, 10, 64)
		switch {
		case err != nil || n < 0:
			return whole()
		case n == 0 || size == 0:
			return 0, 0, http.StatusRequestedRangeNotSatisfiable
		}
		n = min(n, size)
		return size - n, n, http.StatusPartialContent
	}
	off, err := strconv.ParseInt(first, 10, 64)
	end, err2 := strconv.ParseInt(cmp.Or(last, strconv.FormatInt(max(size-1, off), 10)), 10, 64)
	switch {
	case err != nil || err2 != nil || off < 0 || end < off:
		return whole()
	case off >= size:
		return 0, 0, http.StatusRequestedRangeNotSatisfiable
	}
	return off, min(end, size-1) - off + 1, http.StatusPartialContent
}
