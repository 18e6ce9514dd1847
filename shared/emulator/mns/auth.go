package mns

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"
	"time"

	"kodoferry/shared/emulator/chaos"
)

// maxSkew is how far a request's Date may be from the service's (MNS, "Sign requests").
const maxSkew = 15 * time.Minute

// version is the only version of the protocol.
const version = "2015-06-06"

// verify holds a request against its signature: HMAC-SHA1 over method,
// Content-MD5, Content-Type, Date, the x-mns- headers and the resource.
func (s *Server) verify(r *http.Request, body []byte) error {
	auth := r.Header.Get("Authorization")
	switch {
	case auth == "":
		return refuse(400, "MissingAuthorizationHeader", "Authorization header is required.")
	case r.Header.Get("X-Mns-Version") == "":
		return refuse(400, "MissingVersionHeader", "x-mns-version header is required.")
	case r.Header.Get("X-Mns-Version") != version:
		return refuse(400, "InvalidVersionHeader", "The x-mns-version header is not "+version+".")
	case r.Header.Get("Date") == "":
		return refuse(400, "MissingDateHeader", "Date header is required.")
	case len(body) > 0 && !strings.Contains(r.Header.Get("Content-Type"), "xml"):
		return refuse(400, "InvalidContentType", "The Content-Type header is not text/xml.")
	}
	id, signature, ok := strings.Cut(strings.TrimPrefix(auth, "MNS "), ":")
	if !ok || !strings.HasPrefix(auth, "MNS ") {
		return refuse(400, "InvalidAuthorizationHeader", "The Authorization header is not of the form MNS AccessKeyId:Signature.")
	}
	date, err := http.ParseTime(r.Header.Get("Date"))
	if err != nil {
		return refuse(400, "InvalidDateHeader", "The Date header is not valid.")
	}
	now := s.cfg.Now()
	if skew := now.Sub(date); !s.cfg.AnyDate && (skew > maxSkew || skew < -maxSkew) {
		return refuse(408, "TimeExpired", "The http request you sent is expired.")
	}
	s.mu.Lock()
	key, known := s.keys[id]
	s.mu.Unlock()
	switch { // the codes for tokens are OSS's: MNS's page names none
	case !known:
		return refuse(403, "InvalidAccessKeyId", "The AccessKey Id you provided is not exist.")
	case key.Token != r.Header.Get("Security-Token"):
		return refuse(403, "InvalidSecurityToken", "The security token does not belong to the access key.")
	case !key.Expires.IsZero() && now.After(key.Expires):
		s.desk.Count(chaos.Expired)
		return refuse(403, "SecurityTokenExpired", "The security token you provided has expired.")
	}
	mac := hmac.New(sha1.New, []byte(key.Secret))
	mac.Write([]byte(stringToSign(r)))
	if want := base64.StdEncoding.EncodeToString(mac.Sum(nil)); !hmac.Equal([]byte(want), []byte(signature)) {
		return refuse(403, "SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided.")
	}
	return checkDigest(r.Header.Get("Content-MD5"), body)
}

func stringToSign(r *http.Request) string {
	var extra []string
	for name, values := range r.Header {
		if n := strings.ToLower(name); strings.HasPrefix(n, "x-mns-") {
			extra = append(extra, n+":"+strings.TrimSpace(values[0]))
		}
	}
	slices.Sort(extra)
	return strings.Join([]string{
		r.Method, r.Header.Get("Content-MD5"), r.Header.Get("Content-Type"), r.Header.Get("Date"),
		strings.Join(extra, "\n"), r.RequestURI, // as it was sent, not as it might be written
	}, "\n")
}

// checkDigest holds the body against Content-MD5, in base64 of the digest as
// the documentation says, or of its hex digits as the SDKs send.
func checkDigest(given string, body []byte) error {
	if given == "" {
		return nil
	}
	sum := md5.Sum(body)
	code := base64.StdEncoding
	if given == code.EncodeToString(sum[:]) || given == code.EncodeToString([]byte(hex.EncodeToString(sum[:]))) {
		return nil
	}
	return refuse(400, "InvalidDegist", "The Content-MD5 you specified is not valid.")
}
