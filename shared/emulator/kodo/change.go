package kodo

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// changeOf returns what an operation that alters an object does to it.
func (s *Server) changeOf(verb string, opts map[string]string) (func(*record) *refusal, *refusal) {
	number := func(name string, low, high int) (int, *refusal) {
		n, err := strconv.Atoi(opts[name])
		if err != nil || n < low || n > high {
			return 0, errArgument
		}
		return n, nil
	}
	switch verb {
	case "chgm":
		return changeMeta(opts)
	case "chtype":
		kind, no := number("type", 0, typeMax)
		return func(o *record) *refusal { return s.changeType(o, kind) }, no
	case "chstatus":
		status, no := number("status", 0, 1)
		return func(o *record) *refusal {
			if o.status == status {
				return &refusal{http.StatusBadRequest, "already in this status"}
			}
			o.status = status
			return nil
		}, no
	case "restoreAr":
		days, no := number("freezeAfterDays", 1, 7)
		return func(o *record) *refusal { return s.restore(o, days) }, no
	}
	return s.changeDays(opts)
}

// changeMeta is chgm: members that are not named stay as they are (so expects
// the SDK's test of it). A condition that does not hold is answered as changed
// content.
func changeMeta(opts map[string]string) (func(*record) *refusal, *refusal) {
	values := map[string]string{}
	for name, encoded := range opts {
		v, ok := decodeBase64(encoded)
		if !ok || name != "mime" && name != "cond" && metaName(name) == name {
			return nil, errArgument
		}
		values[name] = v
	}
	cond, err := url.ParseQuery(values["cond"])
	if err != nil || len(values) == 0 {
		return nil, errArgument
	}
	return func(o *record) *refusal {
		if no := o.holds(cond); no != nil {
			return no
		}
		if o.meta == nil {
			o.meta = map[string]string{}
		}
		for name, v := range values {
			switch {
			case name == "cond":
			case name == "mime":
				if v != "" {
					o.mime = v
				}
			default:
				o.meta[metaName(name)] = v
			}
		}
		return nil
	}, nil
}

// holds refuses a change whose condition is not what the object is.
func (o *record) holds(cond url.Values) *refusal {
	have := map[string]string{
		"hash": o.hash, "mime": o.mime, "fsize": strconv.FormatInt(o.size, 10), "putTime": strconv.FormatInt(o.put, 10),
	}
	for name, want := range cond {
		if have[name] != want[0] {
			return errChanged
		}
	}
	return nil
}

// changeType is chtype. A frozen object has to be restored first.
func (s *Server) changeType(o *record, kind int) *refusal {
	switch {
	case o.kind == kind:
		return &refusal{http.StatusBadRequest, "already in this file type"}
	case o.frozen(s.cfg.Now()):
		return errFrozen
	}
	o.kind, o.thawn, o.thawed, o.freezes = kind, 0, time.Time{}, time.Time{}
	return nil
}

// restore is restoreAr: the object can be read after Config.Thaw, for so many days.
func (s *Server) restore(o *record, days int) *refusal {
	if o.kind != typeArchive && o.kind != typeDeepArchive {
		return &refusal{http.StatusBadRequest, "not an archived file"}
	}
	now := s.cfg.Now()
	if o.restored(now) == 0 || o.thawed.IsZero() {
		o.thawed = now.Add(s.cfg.Thaw)
	}
	o.freezes = o.thawed.AddDate(0, 0, days)
	return nil
}

// changeDays is lifecycle and deleteAfterDays: it keeps the days for stat to
// tell, and lets no time do what they say. 0 leaves a day as it is, -1 ends it.
func (s *Server) changeDays(opts map[string]string) (func(*record) *refusal, *refusal) {
	names := map[string]string{
		"deleteAfterDays": "expiration", "toIAAfterDays": "transitionToIA", "toArchiveAfterDays": "transitionToARCHIVE",
		"toDeepArchiveAfterDays": "transitionToDeepArchive", "toArchiveIRAfterDays": "transitionToArchiveIR",
	}
	coded, ok := decodeBase64(opts["cond"])
	cond, err := url.ParseQuery(coded)
	if !ok || err != nil {
		return nil, errArgument
	}
	set := map[string]int{}
	for name, v := range opts {
		if name == "cond" || strings.HasPrefix(name, "x-") {
			continue
		}
		n, err := strconv.Atoi(v)
		if names[name] == "" || err != nil || n < -1 {
			return nil, errArgument
		}
		set[names[name]] = n
	}
	return func(o *record) *refusal {
		if no := o.holds(cond); no != nil {
			return no
		}
		if o.days == nil {
			o.days = map[string]int64{}
		}
		for name, n := range set {
			switch {
			case n < 0, n == 0 && name == "expiration":
				delete(o.days, name)
			case n > 0:
				o.days[name] = s.cfg.Now().AddDate(0, 0, n).Unix()
			}
		}
		return nil
	}, nil
}
