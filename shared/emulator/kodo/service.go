package kodo

import (
	"cmp"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ttl is how many seconds a region query stays good. The service says hours;
// but clients keep answers in files, by the port of this server, which the
// next server may get.
const ttl = 1

// queryV2 answers /v2/query, which nobody signs: the hosts of a bucket's
// region, without a scheme, as the service names them; clients put their own
// in front, so that here they have to be told to use http. All of them are
// this server.
func (s *Server) queryV2(w http.ResponseWriter, r *http.Request) {
	b, no := s.queried(r.URL.Query())
	if no != nil {
		writeRefusal(w, no)
		return
	}
	api := map[string]any{"main": []string{s.api}}
	io := map[string]any{"src": map[string]any{"main": []string{b.domain}}}
	acc := map[string]any{"acc": api}
	writeJSON(w, map[string]any{
		"region": s.cfg.Region, "ttl": ttl, "io": io, "io_src": io, "rs": acc, "rsf": acc, "api": acc, "uc": acc,
		"up": map[string]any{"acc": api, "src": api},
	})
}

// queryV4 answers /v4/query.
func (s *Server) queryV4(w http.ResponseWriter, r *http.Request) {
	b, no := s.queried(r.URL.Query())
	if no != nil {
		writeRefusal(w, no)
		return
	}
	api := map[string]any{"domains": []string{s.api}}
	io := map[string]any{"domains": []string{b.domain}}
	writeJSON(w, map[string]any{"hosts": []any{map[string]any{
		"region": s.cfg.Region, "ttl": ttl, "io": io, "io_src": io,
		"rs": api, "rsf": api, "api": api, "uc": api, "up": api,
		"s3": map[string]any{"region_alias": s.cfg.Region, "domains": []string{}},
	}}})
}

func (s *Server) queried(q url.Values) (*bucket, *refusal) {
	if q.Get("ak") != s.cfg.AccessKey {
		return nil, errNoAccess
	}
	if b := s.bucket(q.Get("bucket")); b != nil {
		return b, nil
	}
	return nil, errNoBucket
}

// domains answers the requests for a bucket's download hosts: their names
// alone, or with what /v3/domains tells of each.
func (s *Server) domains(r *http.Request, q url.Values) (any, *refusal) {
	b := s.bucket(q.Get("tbl"))
	if b == nil {
		return nil, errNoBucket
	}
	if r.URL.Path != "/v3/domains" {
		return []string{b.domain}, nil
	}
	at := b.created.Unix()
	return []any{map[string]any{
		"domain": b.domain, "tbl": b.name, "uid": 1, "refresh": false, "ctime": at, "utime": at,
		"domaintype": 1, "apiscope": 0, "freeze_types": []any{}, // 1: a source domain; 0: of Kodo, not S3
	}}, nil
}

// sorted returns the buckets by name.
func (s *Server) sorted() []*bucket {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return slices.SortedFunc(maps.Values(s.buckets), func(a, b *bucket) int { return strings.Compare(a.name, b.name) })
}

func (s *Server) listBuckets(_ *http.Request, q url.Values) (any, *refusal) {
	if q.Get("apiVersion") == "v4" {
		return s.listBucketsV4(q)
	}
	list := []string{}
	for _, b := range s.sorted() {
		list = append(list, b.name)
	}
	return list, nil
}

func (s *Server) listBucketsV4(q url.Values) (any, *refusal) {
	limit := 20
	if v := q.Get("limit"); v != "" && v != "0" {
		n, err := strconv.Atoi(v)
		if err != nil || n < 0 {
			return nil, errArgument
		}
		limit = n
	}
	list, next, more := []any{}, "", false
	for _, b := range s.sorted() {
		switch region := q.Get("region"); {
		case region != "" && region != s.cfg.Region, b.name <= q.Get("marker") && q.Get("marker") != "":
			continue
		}
		if len(list) == limit {
			more = true
			break
		}
		list = append(list, map[string]any{
			"name": b.name, "region": s.cfg.Region, "private": b.isPrivate(), "ctime": b.created.Format(time.RFC3339),
		})
		next = b.name
	}
	if !more {
		next = ""
	}
	return map[string]any{"next_marker": next, "is_truncated": more, "buckets": list}, nil
}

// info is what bucketInfo tells of b. The keys of the protected mode are never told.
func (s *Server) info(b *bucket) any {
	private := 0
	if b.isPrivate() {
		private = 1
	}
	return map[string]any{
		"source": "", "host": "", "expires": 0, "protected": 0, "private": private, "no_index_page": 0, "max_age": 31536000,
		"separator": "", "styles": map[string]string{}, "anti_leech_mode": 0, "token_anti_leech_mode": 0,
		"refer_wl": []string{}, "refer_bl": []string{}, "source_enabled": false, "allow_empty_referer": true,
		"mac_key": "", "mac_key2": "", "zone": s.cfg.Region, "region": s.cfg.Region, "remark": "", "ctime": b.created.Format(time.RFC3339),
	}
}

func (s *Server) bucketInfo(_ *http.Request, q url.Values) (any, *refusal) {
	b := s.bucket(q.Get("bucket"))
	if b == nil {
		return nil, errNoBucket
	}
	return s.info(b), nil
}

func (s *Server) bucketInfos(_ *http.Request, q url.Values) (any, *refusal) {
	list := []any{}
	for _, b := range s.sorted() {
		if region := q.Get("region"); region == "" || region == s.cfg.Region {
			list = append(list, map[string]any{"name": b.name, "info": s.info(b)})
		}
	}
	return list, nil
}

// makeBucket answers /mkbucketv3/<name>[/region/<region>][/private/<true or false>], as
// the Go SDK writes it without the last pair and qshell with it (qshell,
// iqshell/storage/bucket/create.go). /nodomain/<true or false> is taken, and a bucket has a
// domain here in any case.
func (s *Server) makeBucket(r *http.Request, _ url.Values) (any, *refusal) {
	name, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/mkbucketv3/"), "/")
	var pairs []string
	if rest != "" {
		pairs = strings.Split(rest, "/")
	}
	opts, no := options(pairs, "region", "private", "nodomain")
	if r.Method != http.MethodPost || no != nil {
		return nil, errArgument
	}
	private := !s.cfg.Public
	for option, to := range map[string]*bool{"private": &private, "nodomain": new(bool)} {
		if v, given := opts[option]; given {
			on, err := strconv.ParseBool(v)
			if err != nil {
				return nil, errArgument
			}
			*to = on
		}
	}
	switch {
	case cmp.Or(opts["region"], s.cfg.Region) != s.cfg.Region:
		return nil, &refusal{http.StatusBadRequest, "invalid region parameter"}
	case s.bucket(name) != nil:
		return nil, &refusal{614, "the bucket already exists and you own it."}
	}
	if err := s.CreateBucket(name); err != nil {
		return nil, errArgument
	}
	if b := s.bucket(name); b != nil {
		b.setPrivate(private)
	}
	return nil, nil
}

// drop answers /drop/<name>: the bucket must be empty.
func (s *Server) drop(r *http.Request, _ url.Values) (any, *refusal) {
	name := strings.TrimPrefix(r.URL.Path, "/drop/")
	if r.Method != http.MethodPost {
		return nil, errMethod
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.buckets[name]
	if b == nil {
		return nil, errNoBucket
	}
	b.mu.RLock()
	_, _, _, holds := b.from("").step()
	b.mu.RUnlock()
	if holds {
		return nil, &refusal{http.StatusForbidden, "drop non empty bucket is not allowed"}
	}
	delete(s.buckets, name)
	s.hangUp(b)
	return nil, nil
}

// setPrivate answers /private with bucket=<name>&private=<0 or 1>.
func (s *Server) setPrivate(r *http.Request, q url.Values) (any, *refusal) {
	b := s.bucket(q.Get("bucket"))
	private := q.Get("private")
	switch {
	case r.Method != http.MethodPost:
		return nil, errMethod
	case private != "0" && private != "1":
		return nil, errArgument
	case b == nil:
		return nil, errNoBucket
	}
	b.setPrivate(private == "1")
	return nil, nil
}

func (s *Server) regions(*http.Request, url.Values) (any, *refusal) {
	return map[string]any{"regions": []any{map[string]string{"id": s.cfg.Region, "description": s.cfg.Region}}}, nil
}
