package kodo

import (
	"encoding/base64"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// operation is one management operation, written as a path: alone in a
// request or as a line of a batch.
type operation struct {
	op          string // as Desk counts it
	bucket, key string // of the first entry
	segments    []string
}

// operations maps the first segment of a path to the name Desk knows.
func operations(segment string) (op string, ok bool) {
	switch segment {
	case "stat", "delete", "copy", "move", "chgm", "chtype", "chstatus", "lifecycle":
		return segment, true
	case "restoreAr":
		return "restore", true
	case "deleteAfterDays":
		return "lifecycle", true
	}
	return "", false
}

// parseOperation reads a path such as /stat/<entry>; ok is false where it is
// none of a management operation.
func parseOperation(path string) (o operation, ok bool) {
	o.segments = strings.Split(strings.TrimPrefix(path, "/"), "/")
	if o.op, ok = operations(o.segments[0]); !ok || len(o.segments) < 2 {
		return o, false
	}
	o.bucket, o.key, _ = decodeEntry(o.segments[1])
	return o, true
}

// decodeBase64 takes URL-safe base64 with or without padding.
func decodeBase64(s string) (string, bool) {
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(s, "="))
	return string(raw), err == nil
}

// decodeEntry splits an EncodedEntryURI into bucket and key.
func decodeEntry(s string) (bucket, key string, ok bool) {
	raw, ok := decodeBase64(s)
	if !ok {
		return "", "", false
	}
	bucket, key, ok = strings.Cut(raw, ":")
	return bucket, key, ok
}

// entry is decodeEntry and the bucket it names.
func (s *Server) entry(encoded string) (*bucket, string, *refusal) {
	name, key, ok := decodeEntry(encoded)
	if !ok {
		return nil, "", errArgument
	}
	b := s.bucket(name)
	if b == nil {
		return nil, "", errNoBucket
	}
	return b, key, nil
}

// options reads the pairs of name and value that end a path. It refuses a name that is
// none of known, where some are known: what an operation does not read might change it.
func options(segments []string, known ...string) (map[string]string, *refusal) {
	if len(segments)%2 != 0 {
		return nil, errArgument
	}
	m := map[string]string{}
	for i := 0; i < len(segments); i += 2 {
		if len(known) > 0 && !slices.Contains(known, segments[i]) {
			return nil, errArgument
		}
		m[segments[i]] = segments[i+1]
	}
	return m, nil
}

// takes are the options of each operation that has a fixed set of them (go-sdk,
// storagev2/apis: copy_object, set_object_file_type, …); chgm and lifecycle check their own.
var takes = map[string][]string{
	"stat": {"needparts"}, "copy": {"force"}, "move": {"force"},
	"chtype": {"type"}, "chstatus": {"status"}, "restoreAr": {"freezeAfterDays"},
}

// manage does o and returns the body of its answer, nil where it has none.
func (s *Server) manage(o operation, query url.Values) ([]byte, *refusal) {
	b, key, no := s.entry(o.segments[1])
	if no != nil {
		return nil, no
	}
	rest := o.segments[2:]
	switch o.segments[0] {
	case "stat":
		return s.stat(b, key, rest, query)
	case "copy", "move":
		return nil, s.transfer(b, key, rest, o.op == "move")
	case "delete":
		if len(rest) > 0 {
			return nil, errArgument
		}
		no := b.change(key, func(old *record) (*record, *refusal) {
			if old == nil {
				return nil, errNoKey
			}
			return nil, nil
		})
		if no == nil {
			s.happened(b, "delete", key, nil)
		}
		return nil, no
	case "deleteAfterDays":
		if len(rest) != 1 {
			return nil, errArgument
		}
		rest = []string{"deleteAfterDays", rest[0]}
	}
	opts, no := options(rest, takes[o.segments[0]]...)
	if no != nil {
		return nil, no
	}
	change, no := s.changeOf(o.segments[0], opts)
	if no != nil {
		return nil, no
	}
	var rec *record
	no = b.change(key, func(old *record) (*record, *refusal) {
		if old == nil {
			return nil, errNoKey
		}
		now := *old
		now.meta, now.days = maps.Clone(old.meta), maps.Clone(old.days)
		if no := change(&now); no != nil {
			return nil, no
		}
		rec = &now
		return rec, nil
	})
	if no != nil {
		return nil, no
	}
	switch verb := o.segments[0]; {
	case verb == "chstatus" && rec.status == 1:
		s.happened(b, "disable", key, rec)
	case verb == "chstatus":
		s.happened(b, "enable", key, rec)
	case verb == "restoreAr" && !rec.frozen(s.cfg.Now()): // else it is thawed later, which no clock here tells of
		s.happened(b, "restore:completed", key, rec)
	}
	return nil, nil
}

func (s *Server) stat(b *bucket, key string, rest []string, query url.Values) ([]byte, *refusal) {
	opts, no := options(rest, takes["stat"]...)
	if no != nil {
		return nil, no
	}
	rec := b.get(key)
	if rec == nil {
		return nil, errNoKey
	}
	needParts := query.Get("needparts") == "true" || opts["needparts"] == "true"
	return rec.appendStat(nil, needParts, s.cfg.Now()), nil
}

// transfer copies or moves an object. A copy is uploaded now, a move keeps its
// time; the documentation is silent on both.
func (s *Server) transfer(from *bucket, key string, rest []string, move bool) *refusal {
	if len(rest) == 0 {
		return errArgument
	}
	to, newKey, no := s.entry(rest[0])
	if no != nil {
		return no
	}
	if !utf8.ValidString(newKey) {
		return errNotUTF8
	}
	opts, no := options(rest[1:], takes["copy"]...)
	if no != nil {
		return no
	}
	rec := from.get(key)
	if rec == nil {
		return errNoKey
	}
	now := *rec
	if !move {
		now.put = putTime(s.cfg.Now())
	}
	no = to.change(newKey, func(old *record) (*record, *refusal) {
		if old != nil && opts["force"] != "true" {
			return nil, errExists
		}
		return &now, nil
	})
	switch {
	case no != nil:
		return no
	case !move:
		s.happened(from, "copy", key, rec, to.name, newKey)
		return nil
	case from != to || key != newKey:
		no = from.change(key, func(*record) (*record, *refusal) { return nil, nil })
	}
	if no == nil {
		s.happened(from, "move", key, rec, to.name, newKey)
	}
	return no
}

// operate answers a request of one operation.
func (s *Server) operate(w http.ResponseWriter, r *http.Request, o operation) {
	if r.Method != http.MethodPost && (r.Method != http.MethodGet || o.op != "stat") {
		writeRefusal(w, errMethod)
		return
	}
	if _, no := s.control(r); no != nil {
		writeRefusal(w, no)
		return
	}
	body, no := s.manage(o, r.URL.Query())
	switch {
	case no != nil:
		writeRefusal(w, no)
	case body != nil:
		writeBody(w, http.StatusOK, body)
	default:
		writeBody(w, http.StatusOK, nil)
	}
}

// maxBatch is how many operations a batch holds at most (Kodo, "batch").
const maxBatch = 1000

// batch answers /batch: 298 where some operation failed.
func (s *Server) batch(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		writeRefusal(w, errMethod)
		return
	}
	body, no := s.control(r)
	if no != nil {
		writeRefusal(w, no)
		return
	}
	form, err := url.ParseQuery(string(body))
	ops := form["op"]
	if err != nil || !isForm(r) || len(ops) == 0 {
		writeRefusal(w, errArgument)
		return
	}
	if len(ops) > maxBatch {
		writeRefusal(w, &refusal{http.StatusBadRequest, "too many operations"})
		return
	}
	status, out := http.StatusOK, []byte{'['}
	for i, line := range ops {
		if i > 0 {
			out = append(out, ',')
		}
		path, query, _ := strings.Cut(line, "?")
		values, _ := url.ParseQuery(query)
		data, no := []byte(nil), errArgument
		if o, ok := parseOperation(path); ok {
			data, no = s.manage(o, values)
		}
		switch {
		case no != nil:
			status = 298
			out = strconv.AppendInt(append(out, `{"code":`...), int64(no.status), 10)
			out = append(appendString(append(out, `,"data":{"error":`...), no.text), "}}"...)
		case data != nil:
			out = append(append(append(out, `{"code":200,"data":`...), data...), '}')
		default:
			out = append(out, `{"code":200}`...)
		}
	}
	writeBody(w, status, append(out, ']'))
}
