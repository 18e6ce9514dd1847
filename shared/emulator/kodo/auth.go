package kodo

import (
	"crypto/subtle"
	"encoding/base64"
	"hash"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	typeForm = "application/x-www-form-urlencoded"
	typeJSON = "application/json"
	octets   = "application/octet-stream"

	// maxControl is the longest body of a management request that is read: a
	// batch of 1,000 operations of long keys.
	maxControl = 16 << 20
)

// sign is the signature of data as tokens carry it.
func (s *Server) sign(data string) string {
	m, _ := s.macs.Get().(hash.Hash) // the pool holds nothing else
	defer s.macs.Put(m)
	m.Reset()
	_, _ = m.Write([]byte(data)) // never fails
	return base64.URLEncoding.EncodeToString(m.Sum(nil))
}

// signed reports whether token, <access key>:<signature>, signs one of data.
func (s *Server) signed(token string, data ...string) bool {
	at := strings.LastIndexByte(token, ':')
	if at < 0 {
		return false
	}
	key := subtle.ConstantTimeCompare([]byte(token[:at]), []byte(s.cfg.AccessKey))
	good := 0
	for _, d := range data {
		good |= subtle.ConstantTimeCompare([]byte(token[at+1:]), []byte(s.sign(d)))
	}
	return key&good == 1
}

// control reads the body of a management request and verifies its token, of
// scheme Qiniu or QBox (Kodo, "management credential").
func (s *Server) control(r *http.Request) (body []byte, no *refusal) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxControl+1))
	if err != nil {
		return nil, errArgument
	}
	if len(body) > maxControl {
		return nil, errTooLarge
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	var data []string
	// The path is signed as it was sent. The vendor's Go SDK signs it decoded,
	// which differs for a bucket's name at most.
	for i, path := range []string{rawPath(r), r.URL.Path} {
		if i == 1 && path == rawPath(r) {
			break
		}
		if r.URL.RawQuery != "" {
			path += "?" + r.URL.RawQuery
		}
		switch scheme {
		case "Qiniu":
			data = append(data, signedV2(r, path, body)...)
		case "QBox":
			data = append(data, signedV1(r, path, body))
			if isForm(r) {
				data = append(data, path+"\n"+string(body)) // whatever parameters its type has
			}
		default:
			return nil, errToken
		}
	}
	if !s.signed(token, data...) {
		return nil, errToken
	}
	return body, s.fresh(r)
}

// rawPath is the path of r as it was sent, escapes and all.
func rawPath(r *http.Request) string {
	path, _, _ := strings.Cut(r.RequestURI, "?")
	if scheme, rest, ok := strings.Cut(path, "://"); ok && !strings.Contains(scheme, "/") { // sent as to a proxy
		_, path, _ = strings.Cut(rest, "/")
		path = "/" + path
	}
	return path
}

func mediaType(r *http.Request) string { return r.Header.Get("Content-Type") }

// isForm reports whether the body is a form, in whichever charset.
func isForm(r *http.Request) bool { return strings.EqualFold(bareType(mediaType(r)), typeForm) }

// signedV1 is what a QBox token signs.
func signedV1(r *http.Request, path string, body []byte) string {
	if mediaType(r) == typeForm {
		return path + "\n" + string(body)
	}
	return path + "\n"
}

// signedV2 is what a Qiniu token may sign. The body belongs to it where it is
// a form or JSON, never where it is octets; the documentation and the SDKs
// differ on the types between, so that both are taken. The vendor's Node SDK
// signs the port twice, which shows only where there is one, as here.
func signedV2(r *http.Request, path string, body []byte) []string {
	all := signedHost(r, path, body, r.Host)
	if _, port, err := net.SplitHostPort(r.Host); err == nil {
		all = append(all, signedHost(r, path, body, r.Host+":"+port)...)
	}
	return all
}

// signedHost is signedV2 for one way to write the host.
func signedHost(r *http.Request, path string, body []byte, host string) []string {
	var b strings.Builder
	b.WriteString(r.Method + " " + path + "\nHost: " + host + "\n")
	kind := mediaType(r)
	if kind != "" {
		b.WriteString("Content-Type: " + kind + "\n")
	}
	var extra []string
	for name := range r.Header {
		if strings.HasPrefix(name, "X-Qiniu-") && len(name) > len("X-Qiniu-") {
			extra = append(extra, name)
		}
	}
	slices.Sort(extra)
	for _, name := range extra {
		b.WriteString(name + ": " + r.Header.Get(name) + "\n")
	}
	b.WriteString("\n")
	bare := b.String()
	switch {
	case len(body) == 0 || kind == octets:
		return []string{bare}
	case kind == typeForm, kind == typeJSON:
		return []string{bare + string(body)}
	}
	return []string{bare, bare + string(body)}
}

// fresh refuses a request that was signed too long ago or ahead.
func (s *Server) fresh(r *http.Request) *refusal {
	stamp := r.Header.Get("X-Qiniu-Date")
	if stamp == "" || s.cfg.Skew <= 0 {
		return nil
	}
	t, err := time.Parse("20060102T150405Z", stamp)
	if err != nil {
		return errArgument
	}
	if s.cfg.Now().Sub(t).Abs() > s.cfg.Skew {
		return &refusal{http.StatusForbidden, "request time is too skewed"}
	}
	return nil
}

// unescaped undoes what a token may come escaped of: the colon and the padding.
var unescaped = strings.NewReplacer("%3A", ":", "%3a", ":", "%3D", "=", "%3d", "=")

// mayGet verifies the token of a download from a private bucket: the last
// parameter of the query signs everything before it, scheme and host included
// (Kodo, "download credential").
func (s *Server) mayGet(r *http.Request) *refusal {
	target := r.RequestURI
	if strings.HasPrefix(target, "/") {
		scheme := "http"
		if p := r.Header.Get("X-Forwarded-Proto"); p == "https" {
			scheme = p // behind something that ends TLS
		}
		target = scheme + "://" + r.Host + target
	}
	at := strings.LastIndex(target, "&token=")
	if at < 0 {
		return errUnauthGet
	}
	token, _, _ := strings.Cut(target[at+len("&token="):], "&")
	if strings.Contains(token, "%") {
		token = unescaped.Replace(token)
	}
	_, query, _ := strings.Cut(target[:at], "?")
	deadline := int64(-1)
	for p := range strings.SplitSeq(query, "&") {
		if v, ok := strings.CutPrefix(p, "e="); ok {
			n, err := strconv.ParseInt(v, 10, 64)
			if err != nil {
				return errBadGet
			}
			deadline = n
		}
	}
	switch {
	case !s.signed(token, target[:at]):
		return errBadGet
	case deadline < 0:
		return errUnauthGet
	case s.cfg.Now().Unix() >= deadline:
		return errLateGet
	}
	return nil
}
