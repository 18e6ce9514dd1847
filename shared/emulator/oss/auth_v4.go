package oss

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	algorithmV4     = "OSS4-HMAC-SHA256"
	terminatorV4    = "aliyun_v4_request"
	productV4       = "oss"
	layoutV4        = "20060102T150405Z"
	unsignedPayload = "UNSIGNED-PAYLOAD"
	maxExpiresV4    = 7 * 24 * 3600 // seconds (error page 0002-00000232)
)

// scopeV4 is a credential of version 4: <id>/<day>/<region>/oss/aliyun_v4_request.
type scopeV4 struct{ id, day string }

// scopeOf is a credential that was well formed, and what it says.
type scopeOf struct {
	credential string
	scopeV4
}

// parseScope checks the form of a credential, and that it is for this region.
// ecs are the codes for a bad day and a bad end.
func (s *Server) parseScope(credential, where string, ecs [2]string) (scopeV4, error) {
	bad := func(ec, what string) error {
		return refuse(400, "InvalidArgument", ec, "Invalid "+what+" in "+where+".")
	}
	if last := s.scope.Load(); last != nil && last.credential == credential {
		return last.scopeV4, nil
	}
	f := strings.Split(credential, "/")
	if len(f) != 5 || f[0] == "" {
		return scopeV4{}, bad(ecs[1], "signing credential")
	}
	if _, err := time.Parse("20060102", f[1]); err != nil {
		return scopeV4{}, bad(ecs[0], "signing date")
	}
	switch {
	case f[2] != s.region:
		return scopeV4{}, bad("0002-00000226", "signing region")
	case f[3] != productV4:
		return scopeV4{}, bad("0002-00000227", "signing product")
	case f[4] != terminatorV4:
		return scopeV4{}, bad(ecs[1], "signing terminator")
	}
	good := &scopeOf{credential, scopeV4{f[0], f[1]}}
	s.scope.Store(good)
	return good.scopeV4, nil
}

// headerV4 checks `Authorization: OSS4-HMAC-SHA256 Credential=…,AdditionalHeaders=…,Signature=…`.
func (c *call) headerV4(header string) (*heldCredential, error) {
	const where = "Authorization header"
	var credential, signature, additional string
	given := false
	for f := range strings.SplitSeq(strings.TrimPrefix(header, algorithmV4), ",") {
		name, value, ok := strings.Cut(strings.TrimSpace(f), "=")
		if !ok {
			return nil, badArgument("Authorization", header, "Authorization header is invalid.")
		}
		switch name {
		case "Credential":
			credential = value
		case "Signature":
			signature = value
		case "AdditionalHeaders":
			additional, given = value, true
		}
	}
	if credential == "" || signature == "" {
		return nil, badArgument("Authorization", header, "Authorization header is invalid.")
	}
	scope, err := c.s.parseScope(credential, where, [2]string{"0002-00000212", "0002-00000213"})
	if err != nil {
		return nil, err
	}
	extra, err := additionalHeaders(additional, given, where)
	if err != nil {
		return nil, err
	}
	if sum := c.r.Header.Get("X-Oss-Content-Sha256"); sum != unsignedPayload {
		return nil, refuse(400, "InvalidArgument", "0002-00000214", "The value of x-oss-content-sha256 must be "+unsignedPayload+".").with("ArgumentName", "x-oss-content-sha256", "ArgumentValue", sum)
	}
	// The Go SDK v1 sends a Date only and signs it as it is.
	date := c.r.Header.Get("Date")
	if d := c.r.Header.Get("X-Oss-Date"); d != "" {
		date = d
	}
	at, ok := c.s.dateOf(date)
	if !ok {
		return nil, noDate()
	}
	if err := c.checkSkew(at); err != nil {
		return nil, err
	}
	if at.UTC().Format("20060102") != scope.day {
		return nil, refuse(400, "InvalidArgument", "0002-00000212", "Invalid signing date in "+where+".")
	}
	who, err := c.s.credential(scope.id, c.r.Header.Get("X-Oss-Security-Token"))
	if err != nil {
		return nil, err
	}
	return who, c.checkV4(who, scope, date, extra, signature)
}

// queryV4 checks a URL signed with version 4.
func (c *call) queryV4() (*heldCredential, error) {
	const where = "x-oss-credential"
	for _, need := range []struct{ name, ec string }{
		{"x-oss-signature-version", unknownEC}, {"x-oss-credential", "0002-00000217"}, {"x-oss-date", unknownEC},
		{"x-oss-expires", "0002-00000215"}, {"x-oss-signature", "0002-00000219"},
	} {
		if c.value(need.name) == "" {
			return nil, refuse(400, "InvalidArgument", need.ec, "Query-string authentication of version 4 requires the "+need.name+" parameter.").with("ArgumentName", need.name, "ArgumentValue", "")
		}
	}
	if v := c.value("x-oss-signature-version"); v != algorithmV4 {
		return nil, refuse(400, "InvalidArgument", "0002-00000066", "x-oss-signature-version is invalid.").with("ArgumentName", "x-oss-signature-version", "ArgumentValue", v)
	}
	scope, err := c.s.parseScope(c.value("x-oss-credential"), where, [2]string{"0002-00000223", unknownEC})
	if err != nil {
		return nil, err
	}
	additional, given := c.param("x-oss-additional-headers")
	extra, err := additionalHeaders(additional, given, "x-oss-additional-headers")
	if err != nil {
		return nil, err
	}
	date, expires := c.value("x-oss-date"), c.value("x-oss-expires")
	at, err := time.Parse(layoutV4, date)
	if err != nil || at.Format("20060102") != scope.day {
		return nil, refuse(400, "InvalidArgument", "0002-00000223", "Invalid signing date in "+where+".")
	}
	seconds, err := strconv.ParseInt(expires, 10, 64)
	if err != nil || seconds < 1 || seconds > maxExpiresV4 {
		return nil, refuse(400, "InvalidArgument", "0002-00000232", "x-oss-expires must be an integer from 1 to 604800.").with("ArgumentName", "x-oss-expires", "ArgumentValue", expires)
	}
	now := c.s.now()
	if at.Sub(now) > maxSkew {
		return nil, c.checkSkew(at)
	}
	if end := at.Add(time.Duration(seconds) * time.Second); now.After(end) {
		return nil, c.expired(end)
	}
	who, err := c.s.credential(scope.id, c.value("x-oss-security-token"))
	if err != nil {
		return nil, err
	}
	return who, c.checkV4(who, scope, date, extra, c.value("x-oss-signature"))
}

// additionalHeaders splits the list of further signed headers (error pages
// 0002-00000209 and -210).
func additionalHeaders(list string, given bool, where string) ([]string, error) {
	if !given {
		return nil, nil
	}
	if list == "" {
		return nil, refuse(400, "InvalidArgument", "0002-00000209", "AdditionalHeaders in "+where+" is empty.")
	}
	names := strings.Split(strings.ToLower(list), ";")
	if slices.Contains(names, "") {
		return nil, refuse(400, "InvalidArgument", "0002-00000210", "AdditionalHeaders in "+where+" holds an empty name.")
	}
	slices.Sort(names)
	return names, nil
}

func (c *call) checkV4(who *heldCredential, scope scopeV4, date string, extra []string, signature string) error {
	if c.s.trusts {
		return nil
	}
	canonical := c.canonicalV4(extra)
	sum := sha256.Sum256(canonical)
	toSign := make([]byte, 0, 256)
	toSign = append(append(append(append(toSign, algorithmV4...), '\n'), date...), '\n')
	toSign = append(append(append(append(toSign, scope.day...), '/'), c.s.region...), "/"+productV4+"/"+terminatorV4+"\n"...)
	toSign = hex.AppendEncode(toSign, sum[:])
	if want := who.signV4(scope.day, c.s.region, toSign); !hmac.Equal([]byte(want), []byte(signature)) {
		return c.mismatch("0002-00000201", who.ID, signature, string(toSign), string(canonical))
	}
	return nil
}

// canonicalV4 is the canonical request of version 4.
func (c *call) canonicalV4(extra []string) []byte {
	b := append(append(make([]byte, 0, 1024), c.r.Method...), "\n/"...)
	if c.bucket != "" {
		b = appendEscaped(append(append(b, c.bucket...), '/'), c.key, false)
	}
	b = append(append(append(b, '\n'), c.canonicalQuery()...), '\n')
	b = append(c.canonicalHeaders(b, extra), '\n')
	b = append(append(b, strings.Join(extra, ";")...), '\n')
	if sum := c.r.Header.Get("X-Oss-Content-Sha256"); sum != "" {
		return append(b, sum...)
	}
	return append(b, unsignedPayload...)
}

// canonicalQuery is every parameter but the signature, escaped and in order.
func (c *call) canonicalQuery() string {
	var query []pair
	for _, p := range c.query {
		if p.name != "x-oss-signature" {
			query = append(query, pair{escape(p.name, true), escape(p.value, true)})
		}
	}
	slices.SortStableFunc(query, func(a, b pair) int { return strings.Compare(a.name, b.name) })
	var b strings.Builder
	for i, p := range query {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(p.name)
		if p.value != "" {
			b.WriteString("=" + p.value)
		}
	}
	return b.String()
}

// canonicalHeaders appends content-type, content-md5, the x-oss- headers and
// the additional ones, in order.
func (c *call) canonicalHeaders(b []byte, extra []string) []byte {
	fields := make([]pair, 0, 24) // more than most requests sign
	add := func(name, canonical string) {
		values, ok := c.r.Header[canonical]
		switch {
		case namedIn(fields, name):
		case name == "host":
			fields = append(fields, pair{name, c.r.Host})
		case ok:
			fields = append(fields, pair{name, joined(values)})
		}
	}
	add("content-md5", "Content-Md5")
	add("content-type", "Content-Type")
	fields = append(fields, c.ossHeaders()...)
	if len(extra) > 0 {
		for _, name := range extra {
			add(name, http.CanonicalHeaderKey(name))
		}
		slices.SortFunc(fields, byName)
	}
	for _, f := range fields {
		b = append(append(append(append(b, f.name...), ':'), f.value...), '\n')
	}
	return b
}

// signV4 signs text with the key of a day and region.
func (h *heldCredential) signV4(day, region string, text []byte) string {
	macs := h.macsOf(day, region)
	mac, _ := macs.Get().(hash.Hash) // the pool holds nothing else
	defer macs.Put(mac)
	mac.Reset()
	_, _ = mac.Write(text) // never fails
	return hex.EncodeToString(mac.Sum(nil))
}

// macsOf derives the key of a day and region, once.
func (h *heldCredential) macsOf(day, region string) *sync.Pool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if scope := day + "/" + region; h.scope != scope {
		key := hmacOf(hmacOf(hmacOf(hmacOf([]byte("aliyun_v4"+h.Secret), day), region), productV4), terminatorV4)
		h.macs, h.scope = &sync.Pool{New: func() any { return hmac.New(sha256.New, key) }}, scope
	}
	return h.macs
}

func hmacOf(key []byte, text string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(text))
	return mac.Sum(nil)
}

// escape percent-encodes all but letters, digits and -_.~, and / unless slashes are asked for.
func escape(s string, slashes bool) string {
	return string(appendEscaped(make([]byte, 0, len(s)+16), s, slashes))
}

func appendEscaped(b []byte, s string, slashes bool) []byte {
	const digits = "0123456789ABCDEF"
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_', c == '.', c == '~', c == '/' && !slashes:
			b = append(b, c)
		default:
			b = append(b, '%', digits[c>>4], digits[c&15])
		}
	}
	return b
}
