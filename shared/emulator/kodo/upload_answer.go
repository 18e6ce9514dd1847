package kodo

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// patience is how long a callback may take.
const patience = 10 * time.Second

// answer is what the client is told of an object that was stored: what the
// policy's callback answers, or its returnBody, or the hash and the key.
func (s *Server) answer(ctx context.Context, v *variables) ([]byte, *refusal) {
	switch {
	case v.CallbackURL != "":
		return s.callBack(ctx, v)
	case v.ReturnBody != "":
		return []byte(v.expand(v.ReturnBody, asJSON)), nil
	}
	told := map[string]string{"hash": v.hash, "key": v.key}
	for name, value := range v.vars {
		told[name] = value
	}
	body, err := json.Marshal(told)
	if err != nil {
		return nil, &refusal{599, err.Error()}
	}
	return body, nil
}

// callBack posts the policy's callbackBody to its callbackUrl, which may name
// several with semicolons between, until one answers with JSON (Kodo,
// "callback"). Where none does, the object stays stored.
func (s *Server) callBack(ctx context.Context, v *variables) ([]byte, *refusal) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	kind, how := typeForm, asForm
	if v.CallbackBodyType == typeJSON {
		kind, how = typeJSON, asJSON
	}
	text := v.expand(v.CallbackBody, how)
	var err error
	for to := range strings.SplitSeq(v.CallbackURL, ";") {
		var body []byte
		if body, err = s.post(ctx, to, v.CallbackHost, kind, text); err == nil {
			return body, nil
		}
	}
	return nil, &refusal{errCallback.status, errCallback.text + ": " + err.Error()}
}

// post sends text, signed as a management request is, and returns the answer.
func (s *Server) post(ctx context.Context, to, host, kind, text string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, to, strings.NewReader(text))
	if err != nil {
		return nil, err
	}
	r.Host = host // "" is that of the URL
	r.Header.Set("Content-Type", kind)
	r.Header.Set("Authorization", "QBox "+s.cfg.AccessKey+":"+s.sign(signedV1(r, r.URL.RequestURI(), []byte(text))))
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxControl))
	switch {
	case err != nil:
		return nil, err
	case resp.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("answered %s", resp.Status)
	case !json.Valid(body):
		return nil, fmt.Errorf("answered no JSON")
	}
	return body, nil
}

// redirect answers an upload of a browser by sending it to the policy's
// returnUrl, with what the answer would have been (Kodo, "put policy": returnUrl).
func redirect(w http.ResponseWriter, p policy, body []byte, no *refusal) {
	q := url.Values{"upload_ret": {base64.URLEncoding.EncodeToString(body)}}
	if no != nil {
		q = url.Values{"code": {strconv.Itoa(no.status)}, "error": {no.text}}
	}
	mark := "?"
	if strings.Contains(p.ReturnURL, "?") {
		mark = "&"
	}
	w.Header().Set("Location", p.ReturnURL+mark+q.Encode())
	w.WriteHeader(http.StatusSeeOther)
}

// variables are what saveKey, returnBody and callbackBody may name (Kodo,
// "magic variables").
type variables struct {
	policy
	*arrival
	hash, key, uuid string
	now             time.Time
}

// quoting is how the value of a variable is written.
type quoting int

const (
	asIs quoting = iota
	asJSON
	asForm
)

// expand replaces each $(name) of text. In JSON a text is quoted, unless a
// quote stands before it already; in a form it is escaped, and what is not
// known is nothing.
func (v *variables) expand(text string, how quoting) string {
	var out strings.Builder
	for {
		before, rest, ok := strings.Cut(text, "$(")
		name, after, closed := strings.Cut(rest, ")")
		if !ok || !closed {
			return out.String() + text
		}
		out.WriteString(before)
		value, bare := v.value(name)
		switch {
		case how == asForm && bare && value == "null":
		case how == asForm:
			out.WriteString(url.QueryEscape(value))
		case how == asIs || bare:
			out.WriteString(value)
		case strings.HasSuffix(before, `"`):
			quoted := string(appendString(nil, value))
			out.WriteString(quoted[1 : len(quoted)-1])
		default:
			out.Write(appendString(nil, value))
		}
		text = after
	}
}

// value is the value of one variable; bare if it is a number or null.
func (v *variables) value(name string) (value string, bare bool) {
	ext := ""
	if at := strings.LastIndexByte(v.fname, '.'); at >= 0 {
		ext = v.fname[at:]
	}
	texts := map[string]string{
		"bucket": v.bucket, "key": v.key, "etag": v.hash, "hash": v.hash, "fname": v.fname, "fprefix": strings.TrimSuffix(v.fname, ext), "ext": ext,
		"mimeType": v.mime, "endUser": v.EndUser, "md5": v.md5,
		"year": v.now.Format("2006"), "mon": v.now.Format("01"), "day": v.now.Format("02"),
		"hour": v.now.Format("15"), "min": v.now.Format("04"), "sec": v.now.Format("05"),
	}
	if t, ok := texts[name]; ok {
		return t, false
	}
	if t, ok := v.vars[name]; ok {
		return t, false
	}
	switch name {
	case "fsize":
		return strconv.FormatInt(v.size, 10), true
	case "uuid":
		if v.uuid == "" {
			var id [16]byte
			_, _ = rand.Read(id[:]) // never fails
			v.uuid = fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:])
		}
		return v.uuid, false
	}
	return "null", true
}
