package kodo

import (
	"bytes"
	"crypto/hmac"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/qiniu/go-sdk/v7/auth"

	"kodoferry/shared/fault"
)

// Notice is what a notification says that is made use of: something was done to
// a key. What was done is not believed, nor what the object is said to be now.
type Notice struct{ Bucket, Key string }

// Signed reports whether a notification is signed with these keys, in either
// scheme, Qiniu or QBox. r is the request as it came, but for its body, whose
// bytes are body. The signature is computed anew by the vendor's own code, as its
// Credentials.VerifyCallback does, and compared in constant time. No clock is
// involved: neither scheme signs a time that is checked, so a notification that
// was overheard can be sent again, to the effect that its key is looked at again.
// QBox does not sign a body that is JSON: there an overheard one may name other keys.
func Signed(accessKey, secretKey string, r *http.Request, body []byte) bool {
	given := r.Header.Get("Authorization")
	if accessKey == "" || secretKey == "" {
		return false
	}
	keys := auth.New(accessKey, secretKey)
	good := false
	for _, path := range signedPaths(r.URL) {
		again := &http.Request{
			Method: r.Method, URL: &url.URL{Path: path, RawQuery: r.URL.RawQuery}, Host: r.Host, Header: r.Header.Clone(),
			Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)),
		}
		var token string
		var err error
		switch {
		case strings.HasPrefix(given, auth.AuthorizationPrefixQiniu):
			token, err = keys.SignRequestV2(again)
			token = auth.AuthorizationPrefixQiniu + token
		case strings.HasPrefix(given, auth.AuthorizationPrefixQBox):
			token, err = keys.SignRequest(again)
			token = auth.AuthorizationPrefixQBox + token
		default:
			return false
		}
		good = err == nil && hmac.Equal([]byte(given), []byte(token)) || good
	}
	return good
}

// signedPaths are the forms in which the path may have been signed: decoded, as
// the vendor's SDK does, or as it was sent; and of an address without one, none.
func signedPaths(u *url.URL) []string {
	paths := []string{u.Path}
	if raw := u.EscapedPath(); raw != u.Path {
		paths = append(paths, raw)
	}
	if u.Path == "/" {
		paths = append(paths, "")
	}
	return paths
}

const (
	maxNotices = 10_000 // of one notification
	maxInside  = 6      // of what is inside what, text that holds JSON included
)

// Notices reads the keys that a notification names, each once, in order. The
// documented form is {"Message": "<JSON as text>"}, and inside it one event with
// bucket and key, dest_bucket and dest_key
// (developer.qiniu.com/kodo/8610/dev-event-notification). As no more than that page
// is known, what else is plausible is taken, too: the event itself, lists of
// events, alone or under some name, objects around them, a form. Of an event
// nothing but these names counts, and of a copy or a move both keys are told. A
// notification that names no key is Invalid; its error repeats nothing of it.
func Notices(body []byte) ([]Notice, error) {
	bad := func(why string) ([]Notice, error) {
		return nil, fault.New(fault.Invalid, "kodo.Notices", "", errors.New(why))
	}
	if !utf8.Valid(body) {
		return bad("the notification is not UTF-8")
	}
	n := notices{seen: map[Notice]bool{}}
	if form, err := url.ParseQuery(string(body)); err == nil && form.Has("bucket") && form.Has("key") {
		n.add(form.Get("bucket"), form.Get("key"))
	} else {
		var v any
		if err := json.Unmarshal(body, &v); err != nil {
			return bad("the notification is neither JSON nor a form")
		}
		n.read(v, maxInside)
	}
	switch {
	case len(n.all) > maxNotices:
		return bad("the notification names more keys than are taken at once")
	case len(n.all) == 0:
		return bad("the notification names no bucket with a key")
	}
	return n.all, nil
}

// notices gathers what a notification names.
type notices struct {
	all  []Notice
	seen map[Notice]bool
}

func (n *notices) add(bucket, key string) {
	one := Notice{bucket, key}
	if bucket != "" && key != "" && !n.seen[one] && len(n.all) <= maxNotices {
		n.seen[one] = true
		n.all = append(n.all, one)
	}
}

// read takes a value for an event, or looks for events inside it.
func (n *notices) read(v any, depth int) {
	if depth == 0 {
		return
	}
	switch v := v.(type) {
	case []any:
		for _, one := range v {
			n.read(one, depth-1)
		}
	case string:
		var inner any
		if text := strings.TrimSpace(v); strings.HasPrefix(text, "{") || strings.HasPrefix(text, "[") {
			if json.Unmarshal([]byte(text), &inner) == nil {
				n.read(inner, depth-1)
			}
		}
	case map[string]any:
		bucket, key := textOf(v, "bucket"), textOf(v, "key")
		n.add(bucket, key)
		n.add(textOf(v, "dest_bucket"), textOf(v, "dest_key"))
		if bucket != "" && key != "" {
			return // an event: what else it holds is its own
		}
		names := make([]string, 0, len(v))
		for name := range v {
			names = append(names, name)
		}
		slices.Sort(names)
		for _, name := range names {
			n.read(v[name], depth-1)
		}
	}
}

func textOf(v map[string]any, name string) string {
	s, _ := v[name].(string)
	return s
}
