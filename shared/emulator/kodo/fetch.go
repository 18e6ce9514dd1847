package kodo

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"path"
	"strings"
)

// fetched is what the answer to a fetch tells (Kodo, "fetch").
const fetched = `{"hash":$(etag),"fsize":$(fsize),"key":$(key),"mimeType":$(mimeType)}`

// routeFetch finds /fetch/<URL>/to/<entry>, which the service answers at the
// source hosts of downloads.
func (s *Server) routeFetch(r *http.Request) (c call, ok bool) {
	seg := strings.Split(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if r.Method != http.MethodPost || len(seg) != 4 || seg[0] != "fetch" || seg[2] != "to" {
		return call{}, false
	}
	c = call{op: "fetch", work: func(w http.ResponseWriter, r *http.Request) {
		body, no := s.fetch(r, seg[1], seg[3])
		if no != nil {
			writeRefusal(w, no)
			return
		}
		writeBody(w, http.StatusOK, body)
	}}
	c.bucket, c.key, _ = decodeEntry(seg[3])
	return c, true
}

// fetch brings an object in from a URL, over what was there. An entry without
// a key names it by its hash.
func (s *Server) fetch(r *http.Request, from, entry string) ([]byte, *refusal) {
	if _, no := s.control(r); no != nil {
		return nil, no
	}
	source, ok := decodeBase64(from)
	to, ok2 := decodeBase64(entry)
	if !ok || !ok2 {
		return nil, errArgument
	}
	p := policy{ReturnBody: fetched}
	p.bucket, p.key, p.keyed = strings.Cut(to, ":")
	if s.bucket(p.bucket) == nil {
		return nil, errNoBucket
	}
	a, no := pull(r.Context(), source)
	if no != nil {
		return nil, no
	}
	if p.keyed {
		a.key = &p.key
	}
	return s.store(r.Context(), p, a)
}

// pull reads what source serves.
func pull(ctx context.Context, source string) (a arrival, no *refusal) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	u, err := url.Parse(source)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" {
		return a, errArgument
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, source, nil)
	if err != nil {
		return a, errArgument
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return a, errFetch
	}
	defer func() { _ = resp.Body.Close() }()
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxUpload+1))
	switch {
	case resp.StatusCode == http.StatusNotFound:
		return a, errNoFile
	case err != nil || resp.StatusCode != http.StatusOK:
		return a, errFetch
	case len(data) > maxUpload:
		return a, errTooLarge
	}
	a.mime, a.fname = resp.Header.Get("Content-Type"), path.Base(u.Path)
	a.add(data)
	return a, nil
}
