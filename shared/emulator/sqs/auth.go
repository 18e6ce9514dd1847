package sqs

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"
	"time"

	"kodoferry/shared/emulator/chaos"
)

// maxSkew is how far a request's time may be from the service's (AWS General
// Reference, "Signature Version 4").
const maxSkew = 5 * time.Minute

const (
	algorithm = "AWS4-HMAC-SHA256"
	layout    = "20060102T150405Z"
)

// signature is an Authorization header, taken apart.
type signature struct {
	id, day, region, service string
	headers                  []string
	sum                      string
}

// parseSignature reads `AWS4-HMAC-SHA256 Credential=id/day/region/service/aws4_request, SignedHeaders=a;b, Signature=hex`.
func parseSignature(header string) (signature, bool) {
	rest, ok := strings.CutPrefix(header, algorithm+" ")
	if !ok {
		return signature{}, false
	}
	fields := map[string]string{}
	for f := range strings.SplitSeq(rest, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(f), "=")
		fields[name] = value
	}
	scope := strings.Split(fields["Credential"], "/")
	if len(scope) != 5 || scope[4] != "aws4_request" || fields["SignedHeaders"] == "" || fields["Signature"] == "" {
		return signature{}, false
	}
	return signature{scope[0], scope[1], scope[2], scope[3], strings.Split(fields["SignedHeaders"], ";"), fields["Signature"]}, true
}

// verify holds a request against its signature of version 4.
func (s *Server) verify(r *http.Request, body []byte) error {
	header := r.Header.Get("Authorization")
	if header == "" {
		return forbidden("MissingAuthenticationTokenException", "MissingAuthenticationToken", "Request is missing Authentication Token")
	}
	sig, ok := parseSignature(header)
	if !ok {
		return refuse(400, "com.amazon.coral.service#IncompleteSignatureException", "IncompleteSignature", "The Authorization header is not of signature version 4.")
	}
	date := r.Header.Get("X-Amz-Date")
	at, err := time.Parse(layout, date)
	if err != nil || at.Format("20060102") != sig.day {
		return refuse(400, "com.amazon.coral.service#IncompleteSignatureException", "IncompleteSignature", "Date must be in ISO-8601 'basic format' and that of the credential's scope.")
	}
	now := s.cfg.SignedBy()
	s.mu.Lock()
	key, known := s.keys[sig.id]
	s.mu.Unlock()
	token := r.Header.Get("X-Amz-Security-Token")
	switch {
	case !known, key.Token != token:
		return forbidden("UnrecognizedClientException", "InvalidClientTokenId", "The security token included in the request is invalid.")
	case !key.Expires.IsZero() && now.After(key.Expires):
		s.desk.Count(chaos.Expired)
		return forbidden("ExpiredTokenException", "ExpiredToken", "The security token included in the request is expired")
	case at.Sub(now) > maxSkew || now.Sub(at) > maxSkew:
		return forbidden("InvalidSignatureException", "SignatureDoesNotMatch", "Signature expired: "+date+" is not within 5 min. of "+now.UTC().Format(layout))
	case sig.region != s.cfg.Region || sig.service != "sqs":
		return forbidden("InvalidSignatureException", "SignatureDoesNotMatch", "Credential should be scoped to a valid region and to the service sqs.")
	}
	for _, need := range []string{"host", "x-amz-date"} {
		if !slices.Contains(sig.headers, need) {
			return forbidden("InvalidSignatureException", "SignatureDoesNotMatch", "'"+need+"' must be a signed header.")
		}
	}
	if token != "" && !slices.Contains(sig.headers, "x-amz-security-token") {
		return forbidden("InvalidSignatureException", "SignatureDoesNotMatch", "'x-amz-security-token' must be a signed header.")
	}
	if want := sign(key.Secret, sig, date, canonical(r, sig.headers, body)); !hmac.Equal([]byte(want), []byte(sig.sum)) {
		return forbidden("InvalidSignatureException", "SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided.")
	}
	return nil
}

// canonical is a request in the form that is signed. Requests of this protocol
// have the path / or, by older clients, that of the queue, and no query.
func canonical(r *http.Request, headers []string, body []byte) string {
	var b strings.Builder
	b.WriteString(r.Method + "\n" + r.URL.EscapedPath() + "\n" + r.URL.RawQuery + "\n")
	for _, name := range headers {
		value := strings.Join(r.Header.Values(name), ",")
		switch name {
		case "host":
			value = r.Host
		case "content-length":
			value = itoa(len(body))
		}
		b.WriteString(name + ":" + strings.Join(strings.Fields(value), " ") + "\n")
	}
	sum := sha256.Sum256(body)
	b.WriteString("\n" + strings.Join(headers, ";") + "\n" + hex.EncodeToString(sum[:]))
	return b.String()
}

func sign(secret string, sig signature, date, request string) string {
	sum := sha256.Sum256([]byte(request))
	text := algorithm + "\n" + date + "\n" + strings.Join([]string{sig.day, sig.region, sig.service, "aws4_request"}, "/") + "\n" + hex.EncodeToString(sum[:])
	key := []byte("AWS4" + secret)
	for _, part := range []string{sig.day, sig.region, sig.service, "aws4_request", text} {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(part))
		key = mac.Sum(nil)
	}
	return hex.EncodeToString(key)
}
