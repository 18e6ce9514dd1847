package kodo

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	s3Algorithm = "AWS4-HMAC-SHA256"
	s3Empty     = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" // SHA-256 of nothing
	s3Unsigned  = "UNSIGNED-PAYLOAD"
)

// authenticate verifies the signature of version 4 in the Authorization header
// (AWS, "Create a signed AWS API request"). Presigned addresses are no part of
// this stand-in. Nobody's requests may read objects of public buckets.
func (c *s3Call) authenticate() *s3Refusal {
	h := c.r.Header
	header := h.Get("Authorization")
	if c.q.Has("X-Amz-Signature") {
		return s3NotImplemented
	}
	if header == "" {
		if b := c.s3Bucket(c.name); b != nil && c.key != "" && c.reads() && !b.isPrivate() {
			return nil
		}
		return s3Denied
	}
	fields := map[string]string{}
	rest, ok := strings.CutPrefix(header, s3Algorithm+" ")
	for f := range strings.SplitSeq(rest, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(f), "=")
		fields[name] = value
	}
	scope := strings.Split(fields["Credential"], "/")
	stamp := s3Stamp(h)
	at, err := time.Parse("20060102T150405Z", stamp)
	sum := h.Get("X-Amz-Content-Sha256")
	switch {
	case !ok || fields["Signature"] == "" || fields["SignedHeaders"] == "":
		return s3Malformed
	case len(scope) != 5 || scope[3] != "s3" || scope[4] != "aws4_request":
		return s3Malformed
	case scope[2] != c.S3Region():
		return &s3Refusal{http.StatusBadRequest, "AuthorizationHeaderMalformed", "The authorization header is malformed; the region '" + scope[2] + "' is wrong; expecting '" + c.S3Region() + "'", c.S3Region()}
	case err != nil:
		return &s3Refusal{http.StatusForbidden, "AccessDenied", "AWS authentication requires a valid Date or x-amz-date header", ""}
	case scope[1] != stamp[:8]:
		return s3Malformed
	case subtle.ConstantTimeCompare([]byte(scope[0]), []byte(c.cfg.AccessKey)) != 1:
		return &s3Refusal{http.StatusForbidden, "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.", ""}
	case c.s3Skewed(at):
		return &s3Refusal{http.StatusForbidden, "RequestTimeTooSkewed", "The difference between the request time and the current time is too large.", ""}
	case c.reads() && (sum != s3Empty && sum != s3Unsigned || c.r.ContentLength > 0): // a body to write is not read at all
		return s3BadSum
	}
	names := strings.Split(fields["SignedHeaders"], ";")
	if !c.signsEnough(names) {
		return &s3Refusal{http.StatusForbidden, "AccessDenied", "There were headers present in the request which were not signed", ""}
	}
	want := c.signature(names, stamp, scope[1:], sum)
	if subtle.ConstantTimeCompare([]byte(want), []byte(fields["Signature"])) != 1 {
		return s3Mismatch
	}
	return nil
}

// s3Stamp is when a request was signed: X-Amz-Date or, where a client sends none, Date, which
// it may write in either form (AWS, "Elements of an AWS API request signature": date).
func s3Stamp(h http.Header) string {
	if v := h.Get("X-Amz-Date"); v != "" {
		return v
	}
	date := h.Get("Date")
	if at, err := http.ParseTime(date); err == nil {
		return at.UTC().Format("20060102T150405Z")
	}
	return date
}

// signsEnough reports whether names are sorted and hold the host and every
// header of S3's own.
func (c *s3Call) signsEnough(names []string) bool {
	if !slices.IsSorted(names) || !slices.Contains(names, "host") {
		return false
	}
	for name := range c.r.Header {
		if lower := strings.ToLower(name); strings.HasPrefix(lower, "x-amz-") && !slices.Contains(names, lower) {
			return false
		}
	}
	return true
}

// signature is the one that the request must have.
func (c *s3Call) signature(names []string, stamp string, scope []string, sum string) string {
	var text strings.Builder
	text.WriteString(c.r.Method + "\n" + s3Escape(c.path(), true) + "\n" + c.canonicalQuery() + "\n")
	for _, name := range names {
		values := slices.Clone(c.r.Header.Values(name))
		switch name {
		case "host":
			values = []string{c.r.Host}
		case "content-length":
			values = []string{strconv.FormatInt(c.r.ContentLength, 10)}
		}
		for i, v := range values {
			values[i] = strings.Join(strings.Fields(v), " ")
		}
		text.WriteString(name + ":" + strings.Join(values, ",") + "\n")
	}
	text.WriteString("\n" + strings.Join(names, ";") + "\n" + sum)
	hashed := sha256.Sum256([]byte(text.String()))
	key := []byte("AWS4" + c.cfg.SecretKey)
	for _, part := range scope {
		key = s3HMAC(key, part)
	}
	return hex.EncodeToString(s3HMAC(key, s3Algorithm+"\n"+stamp+"\n"+strings.Join(scope, "/")+"\n"+hex.EncodeToString(hashed[:])))
}

// path is the decoded path. One that cannot be decoded is signed by nobody.
func (c *s3Call) path() string {
	path, err := url.PathUnescape(rawPath(c.r))
	if err != nil {
		return ""
	}
	return path
}

func (c *s3Call) canonicalQuery() string {
	var pairs []string
	for name, values := range c.q {
		for _, v := range values {
			pairs = append(pairs, s3Escape(name, false)+"="+s3Escape(v, false))
		}
	}
	slices.Sort(pairs)
	return strings.Join(pairs, "&")
}

func s3HMAC(key []byte, text string) []byte {
	m := hmac.New(sha256.New, key)
	_, _ = m.Write([]byte(text)) // never fails
	return m.Sum(nil)
}

// s3Escape encodes all but letters, digits and -_.~, and slashes where they stay.
func s3Escape(s string, slashes bool) string {
	out := strings.NewReplacer("+", "%20", "%7E", "~").Replace(url.QueryEscape(s))
	if slashes {
		out = strings.ReplaceAll(out, "%2F", "/")
	}
	return out
}
