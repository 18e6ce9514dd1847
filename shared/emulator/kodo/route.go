package kodo

import (
	"maps"
	"net/http"
	"net/url"
	"strings"

	"kodoferry/shared/emulator/chaos"
)

// call is a request whose operation is known.
type call struct {
	op, bucket, key string
	work            http.HandlerFunc
	empty           http.HandlerFunc // of listings
}

// do counts the call, injects what the rules say, and answers it.
func (s *Server) do(w http.ResponseWriter, r *http.Request, c call) {
	e := Event{Op: c.op, Bucket: c.bucket, Key: c.key}
	s.tell(e)
	e.Done = true
	defer s.tell(e)
	s.desk.Serve(w, r, chaos.Request{Op: c.op, Key: c.key}, c.work, c.empty)
}

// serveAPI serves every API by path, and downloads to hosts that are a bucket's.
func (s *Server) serveAPI(w http.ResponseWriter, r *http.Request) {
	s.head(w)
	reads := r.Method == http.MethodGet || r.Method == http.MethodHead
	bound, only := s.bucketOfHost(r.Host)
	if reads && bound != nil {
		s.serveDownload(w, r, bound)
		return
	}
	if r.Method == http.MethodOptions {
		preflight(w)
		return
	}
	c, ok := s.route(r)
	switch {
	case ok:
		s.do(w, r, c)
	case reads && only != nil:
		s.serveDownload(w, r, only)
	default:
		s.do(w, r, call{op: "unknown", work: func(w http.ResponseWriter, r *http.Request) { writeRefusal(w, errAPI) }})
	}
}

// preflight tells a browser that pages of any host may upload.
func preflight(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Access-Control-Allow-Methods", "OPTIONS, HEAD, GET, POST, PUT, DELETE")
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Content-MD5, X-File-Name, X-File-Type, X-File-Size, X-Qiniu-Date")
	h.Set("Access-Control-Max-Age", "2592000")
	w.WriteHeader(http.StatusOK)
}

// route finds the operation that r asks for; ok is false where it is none.
func (s *Server) route(r *http.Request) (c call, ok bool) {
	path := r.URL.Path
	if c, ok := s.routeUpload(r, path); ok {
		return c, true
	}
	if o, ok := parseOperation(path); ok {
		work := func(w http.ResponseWriter, r *http.Request) { s.operate(w, r, o) }
		return call{op: o.op, bucket: o.bucket, key: o.key, work: work}, true
	}
	if c, ok := s.routeFetch(r); ok {
		return c, true
	}
	switch path {
	case "/list":
		return s.listCall(r, s.list), true
	case "/v2/list":
		return s.listCall(r, s.listLines), true
	case "/batch":
		return call{op: "batch", work: s.batch}, true
	case "/v2/query":
		return call{op: "query", bucket: r.URL.Query().Get("bucket"), work: s.queryV2}, true
	case "/v4/query":
		return call{op: "query", bucket: r.URL.Query().Get("bucket"), work: s.queryV4}, true
	}
	return s.routeService(r, path)
}

func (s *Server) listCall(r *http.Request, list func(http.ResponseWriter, *http.Request, bool)) call {
	return call{
		op: "list", bucket: r.URL.Query().Get("bucket"),
		work:  func(w http.ResponseWriter, r *http.Request) { list(w, r, false) },
		empty: func(w http.ResponseWriter, r *http.Request) { list(w, r, true) },
	}
}

// routeService finds the operations on buckets.
func (s *Server) routeService(r *http.Request, path string) (c call, ok bool) {
	op, answer := "bucket", (func(*http.Request, url.Values) (any, *refusal))(nil)
	switch path {
	case "/v2/domains", "/v3/domains", "/v6/domain/list", "/domains":
		op, answer = "domains", s.domains
	case "/buckets":
		answer = s.listBuckets
	case "/v2/bucketInfo":
		answer = s.bucketInfo
	case "/v2/bucketInfos":
		answer = s.bucketInfos
	case "/private":
		answer = s.setPrivate
	case "/regions":
		answer = s.regions
	case "/rules/get":
		answer = s.none
	case "/events/add", "/events/update", "/events/delete", "/events/get":
		op, answer = "events", s.eventRules
	case "/bucketTagging":
		answer = s.tags
	default:
		switch {
		case strings.HasPrefix(path, "/mkbucketv3/"):
			answer = s.makeBucket
		case strings.HasPrefix(path, "/drop/"):
			answer = s.drop
		case strings.HasPrefix(path, "/corsRules/get/"):
			answer = s.none
		case strings.HasPrefix(path, "/getbucketquota/"):
			answer = s.quota
		case strings.HasPrefix(path, "/v6/space"), strings.HasPrefix(path, "/v6/count"):
			op, answer = "stats", s.statistic
		default:
			return call{}, false
		}
	}
	return call{op: op, work: func(w http.ResponseWriter, r *http.Request) {
		body, no := s.control(r)
		var v any
		if no == nil {
			v, no = s.answered(r, body, answer)
		}
		switch {
		case no != nil:
			writeRefusal(w, no)
		case v == nil:
			writeBody(w, http.StatusOK, nil)
		default:
			writeJSON(w, v)
		}
	}}, true
}

// answered has answer do what r asks for, by its parameters.
func (s *Server) answered(r *http.Request, body []byte, answer func(*http.Request, url.Values) (any, *refusal)) (any, *refusal) {
	q, no := parameters(r, body)
	if no != nil {
		return nil, no
	}
	return answer(r, q)
}

// parameters are those of a management request, from its query and from its body
// where that is a form: the SDKs differ in where they write them (the Go SDK sends
// /events/add and /private in the query, the Node SDK in a form). What stands in both is
// taken from the form.
func parameters(r *http.Request, body []byte) (url.Values, *refusal) {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, errArgument
	}
	if !isForm(r) {
		return q, nil
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, errArgument
	}
	maps.Copy(q, form)
	return q, nil
}
