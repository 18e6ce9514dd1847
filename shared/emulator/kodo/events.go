package kodo

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/qiniu/go-sdk/v7/auth"
)

// eventRule says which URLs are notified of which changes of a bucket's objects
// (developer.qiniu.com/kodo/8610/dev-event-notification; go-sdk,
// storagev2/apis, add_bucket_event_rule and get_bucket_event_rules).
type eventRule struct {
	Name      string   `json:"name"`
	Prefix    string   `json:"prefix,omitempty"`
	Suffix    string   `json:"suffix,omitempty"`
	Events    []string `json:"event"`
	URLs      []string `json:"callbackURL"`
	AccessKey string   `json:"accessKey,omitempty"`
	Host      string   `json:"host,omitempty"`
}

var ruleName = regexp.MustCompile(`^\w{1,49}$`) // go-sdk: letters, digits and underscores, shorter than 50

// eventNames are those a rule may ask for.
var eventNames = []string{"put", "mkfile", "delete", "copy", "move", "append", "disable", "enable", "deleteMarkerCreate", "predelete", "restore:completed"}

// ruleOf reads a rule out of parameters. The older clients write the names of two
// members in another way (go-sdk, storage/uc.go).
func (s *Server) ruleOf(q url.Values) (eventRule, *refusal) {
	r := eventRule{
		Name: q.Get("name"), Prefix: q.Get("prefix"), Suffix: q.Get("suffix"), Events: q["event"], URLs: q["callbackURL"],
		AccessKey: q.Get("accessKey") + q.Get("access_key"), Host: q.Get("host"),
	}
	bad := !ruleName.MatchString(r.Name) || len(r.Events) == 0 || len(r.URLs) == 0 || r.AccessKey != "" && r.AccessKey != s.cfg.AccessKey
	for _, e := range r.Events {
		bad = bad || !slices.Contains(eventNames, e)
	}
	for _, raw := range r.URLs {
		u, err := url.Parse(raw)
		bad = bad || err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https"
	}
	if bad {
		return r, errArgument
	}
	return r, nil
}

// eventRules answers /events/add, update, get and delete.
func (s *Server) eventRules(r *http.Request, q url.Values) (any, *refusal) {
	b := s.bucket(q.Get("bucket"))
	if b == nil {
		return nil, errNoBucket
	}
	do := strings.TrimPrefix(r.URL.Path, "/events/")
	if do == "get" {
		b.mu.RLock()
		defer b.mu.RUnlock()
		return append([]eventRule{}, b.rules...), nil
	}
	if r.Method != http.MethodPost {
		return nil, errMethod
	}
	rule, no := s.ruleOf(q)
	if no != nil && do != "delete" {
		return nil, no
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	i := slices.IndexFunc(b.rules, func(o eventRule) bool { return o.Name == rule.Name })
	switch {
	case do == "add" && i < 0:
		b.rules = append(slices.Clone(b.rules), rule)
	case do == "update" && i >= 0:
		b.rules = slices.Concat(b.rules[:i], []eventRule{rule}, b.rules[i+1:])
	case do == "delete" && i >= 0:
		b.rules = slices.Concat(b.rules[:i], b.rules[i+1:])
	case i >= 0:
		return nil, &refusal{http.StatusBadRequest, "rule name exists"}
	default:
		return nil, &refusal{http.StatusBadRequest, "rule name not found"}
	}
	return nil, nil
}

// notice is the body that is posted of an event, as the page above shows it: inside, as
// text, the event, whose names are its own.
type notice struct {
	Message   string
	Subject   string
	Timestamp string
}

// happened tells those who asked that event was done to key. to is where a copy
// or a move went.
func (s *Server) happened(b *bucket, event, key string, rec *record, to ...string) {
	b.mu.RLock()
	rules := b.rules
	b.mu.RUnlock()
	for _, rule := range rules {
		near := func(key string) bool {
			return strings.HasPrefix(key, rule.Prefix) && strings.HasSuffix(key, rule.Suffix)
		}
		if !slices.Contains(rule.Events, event) || !near(key) && (len(to) < 2 || to[0] != b.name || !near(to[1])) {
			continue
		}
		now := s.cfg.Now()
		about := map[string]any{
			"event": event, "time": now.UnixNano(), "reqid": "emulated", "source_ip": "127.0.0.1", "user_id": "uid:1",
			"access_key": s.cfg.AccessKey, "bucket": b.name, "key": key,
		}
		if rec != nil {
			about["fsize"], about["hash"], about["ftype"], about["mimetype"] = rec.size, rec.hash, rec.kind, rec.mime
		}
		if len(to) == 2 {
			about["dest_bucket"], about["dest_key"] = to[0], to[1]
		}
		inner, err := json.Marshal(about)
		if err != nil {
			return // strings and numbers: it cannot be
		}
		body, err := json.Marshal(notice{string(inner), "Qiniu KODO Notification", now.Format(time.RFC3339)})
		if err != nil {
			return
		}
		for _, to := range rule.URLs {
			s.tellLater(rule, to, body)
		}
	}
}

const (
	noticeTries = 10 // how often the service tries is not documented
	noticeTime  = 10 * time.Second
)

// tellLater posts a notice from a goroutine of its own, which Close waits for.
func (s *Server) tellLater(rule eventRule, to string, body []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	s.serving.Go(func() {
		for try := range noticeTries {
			if s.deliver(rule, to, body) {
				return
			}
			select {
			case <-time.After(time.Duration(try+1) * 100 * time.Millisecond):
			case <-s.ending.Done():
				return
			}
		}
	})
}

// deliver posts a notice once, signed by the vendor's own code if the rule names a
// key, and reports whether it was taken.
func (s *Server) deliver(rule eventRule, to string, body []byte) bool {
	ctx, cancel := context.WithTimeout(s.ending, noticeTime)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(body))
	if err != nil {
		return true // nobody will ever take it
	}
	if r.URL.Path == "" {
		r.URL.Path = "/"
	}
	r.Header.Set("Content-Type", typeJSON)
	if rule.Host != "" {
		r.Host = rule.Host
	}
	if rule.AccessKey != "" {
		scheme := auth.TokenQiniu
		if s.cfg.NoticesV1 {
			scheme = auth.TokenQBox
		}
		if auth.New(s.cfg.AccessKey, s.cfg.SecretKey).AddToken(scheme, r) != nil {
			return true
		}
	}
	r.Body = io.NopCloser(bytes.NewReader(body)) // signing reads it
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return false
	}
	_ = resp.Body.Close()
	return resp.StatusCode/100 == 2
}
