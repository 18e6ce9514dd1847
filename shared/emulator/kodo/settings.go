package kodo

import (
	"net/http"
	"net/url"
	"strings"
)

// The settings of buckets can be asked for, but not made, those of events apart:
// no bucket here has any, and what would make one is refused.

// set is the bucket whose settings r asks for: by a query, or by the last part
// of the path. The SDKs ask with GET or POST.
func (s *Server) set(r *http.Request, q url.Values) (*bucket, *refusal) {
	name := q.Get("bucket")
	if name == "" {
		path := strings.TrimSuffix(r.URL.Path, "/")
		name = path[strings.LastIndexByte(path, '/')+1:]
	}
	if b := s.bucket(name); b != nil {
		return b, nil
	}
	return nil, errNoBucket
}

// none answers for lifecycle and CORS rules: there are none.
func (s *Server) none(r *http.Request, q url.Values) (any, *refusal) {
	_, no := s.set(r, q)
	return []any{}, no
}

// quota answers /getbucketquota/<name>: there is none.
func (s *Server) quota(r *http.Request, q url.Values) (any, *refusal) {
	_, no := s.set(r, q)
	return map[string]int{"size": -1, "count": -1}, no
}

// tags answers /bucketTagging: there are none, and those that PUT brings are not taken.
func (s *Server) tags(r *http.Request, q url.Values) (any, *refusal) {
	if r.Method == http.MethodPut {
		return nil, errNotDone
	}
	_, no := s.set(r, q)
	return map[string]any{"Tags": []any{}}, no
}
