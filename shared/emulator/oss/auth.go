package oss

import (
	"crypto/subtle"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"kodoferry/shared/emulator/chaos"
	"kodoferry/shared/emulator/ram"
)

// Credential is a key pair that may sign requests.
type Credential struct {
	ID      string
	Secret  string
	Token   string    // set of temporary ones (STS): every request must carry it
	Expires time.Time // of temporary ones; zero is never

	Policy *ram.Policy // what it may do; nil is the account's own and may do everything
}

// heldCredential is a Credential and its last signing key of version 4.
type heldCredential struct {
	Credential
	mu    sync.Mutex
	scope string     // day/region that macs are for
	macs  *sync.Pool // of hash.Hash: HMACs with their signing key
}

// keyring holds the credentials.
type keyring struct {
	mu   sync.RWMutex
	held map[string]*heldCredential // by ID
}

// AddCredential lets a key pair sign from now on, instead of an earlier one
// of the same ID. To expire a temporary one, add it again with an Expires in the past.
func (s *Server) AddCredential(c Credential) {
	s.ring.mu.Lock()
	defer s.ring.mu.Unlock()
	s.ring.held[c.ID] = &heldCredential{Credential: c}
}

// RemoveCredential makes an ID unknown again.
func (s *Server) RemoveCredential(id string) {
	s.ring.mu.Lock()
	defer s.ring.mu.Unlock()
	delete(s.ring.held, id)
}

// credential finds an ID and checks the token that came with it (OSS error
// pages 0002-00000902, -003, -004, -007 and -008).
func (s *Server) credential(id, token string) (*heldCredential, error) {
	s.ring.mu.RLock()
	defer s.ring.mu.RUnlock()
	h, ok := s.ring.held[id]
	switch {
	case !ok:
		return nil, refuse(403, "InvalidAccessKeyId", "0002-00000902", "The OSS Access Key Id you provided does not exist in our records.").with("OSSAccessKeyId", id)
	case h.Token != "" && token == "":
		return nil, refuse(403, "InvalidAccessKeyId", "0002-00000003", "The OSS Access Key Id you provided does not exist in our records.").with("OSSAccessKeyId", id)
	case subtle.ConstantTimeCompare([]byte(h.Token), []byte(token)) != 1:
		for _, other := range s.ring.held {
			if other.Token != "" && other.Token == token {
				return nil, refuse(403, "AccessKeyIdAndSecurityTokenNotMatch", "0002-00000004", "The OSS access key id and security token you provided does not match.")
			}
		}
		return nil, refuse(403, "InvalidSecurityToken", "0002-00000008", "The security token you provided is invalid.").with("SecurityToken", token)
	case !h.Expires.IsZero() && !s.now().Before(h.Expires):
		s.desk.Count(chaos.Expired)
		return nil, refuse(403, "SecurityTokenExpired", "0002-00000007", "The security token you provided has expired.").with("SecurityToken", token)
	}
	return h, nil
}

// authenticate sets the credential that signed the request. One without any signature
// has none, and may do what access control lists allow to all.
func (c *call) authenticate() error {
	header := c.r.Header.Get("Authorization")
	byQuery := c.has("OSSAccessKeyId") || c.has("x-oss-signature-version") || c.has("x-oss-credential")
	var err error
	switch {
	case header != "" && byQuery:
		return badArgument("Authorization", header, "Only one auth mechanism allowed; only the query string or the Authorization header should be specified.")
	case strings.HasPrefix(header, algorithmV4):
		c.who, err = c.headerV4(header)
	case strings.HasPrefix(header, versionV2+" "):
		c.who, err = c.headerV2(header)
	case strings.HasPrefix(header, "OSS "):
		c.who, err = c.headerV1(header)
	case header != "":
		return refuse(400, "InvalidArgument", unknownEC, "Authorization header is invalid.").with("ArgumentName", "Authorization", "ArgumentValue", header)
	case c.has("OSSAccessKeyId") || c.has("Signature"):
		c.who, err = c.queryV1()
	case c.value("x-oss-signature-version") == versionV2:
		c.who, err = c.queryV2()
	case byQuery:
		c.who, err = c.queryV4()
	}
	return err
}

// maxSkew is how far the time of a signed request may be from the service's.
const maxSkew = 15 * time.Minute

// checkSkew holds the time of a request against the clock.
func (c *call) checkSkew(at time.Time) error {
	now := c.s.now()
	if d := now.Sub(at); !c.s.anyDate && (d > maxSkew || d < -maxSkew) {
		return refuse(403, "RequestTimeTooSkewed", "0002-00000504", "The difference between the request time and the current time is too large.").
			with("MaxAllowedSkewMilliseconds", fmt.Sprint(maxSkew.Milliseconds()), "RequestTime", isoTime(at), "ServerTime", isoTime(now))
	}
	return nil
}

func noDate() *apiError {
	return accessDenied("0002-00000503", "OSS authentication requires a valid Date.")
}

func (c *call) expired(at time.Time) *apiError {
	return accessDenied(unknownEC, "Request has expired.").with("Expires", isoTime(at), "ServerTime", isoTime(c.s.now()))
}

// mismatch says what should have been signed, as OSS does.
func (c *call) mismatch(ec, id, provided, toSign, canonical string) *apiError {
	var hex strings.Builder
	for i := range len(toSign) {
		fmt.Fprintf(&hex, "%02X ", toSign[i])
	}
	e := refuse(403, "SignatureDoesNotMatch", ec, "The request signature we calculated does not match the signature you provided. Check your key and signing method.").
		with("OSSAccessKeyId", id, "SignatureProvided", provided, "StringToSign", toSign, "StringToSignBytes", hex.String())
	if canonical != "" {
		e = e.with("CanonicalRequest", canonical)
	}
	return e
}

// joined is a header's values as they are signed.
func joined(values []string) string {
	if len(values) == 1 {
		return strings.TrimSpace(values[0])
	}
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = strings.TrimSpace(v)
	}
	return strings.Join(out, ",")
}

// anonymous refuses a request without a signature, but for reads of what is public, and
// for writes where the access control list allows them to all.
func (c *call) anonymous(rt *route) error {
	if c.b == nil || rt.right == ownerOnly {
		return accessDenied("0003-00000002", "Anonymous user has no right to access this bucket.")
	}
	for name := range responseOverrides {
		if c.has(name) {
			return refuse(400, "InvalidRequest", unknownEC, "Anonymous requests cannot carry response headers.")
		}
	}
	acl := c.b.acl()
	if c.key != "" {
		if o, err := c.b.find(c.key, c.value("versionId")); err == nil && o.acl != aclDefault {
			acl = o.acl
		}
	}
	if acl == aclPublicReadWrite || acl == aclPublicRead && rt.right == anyReader {
		return nil
	}
	return accessDenied("0003-00000001", "You have no right to access this object because of bucket acl.")
}

// dated is the time of a request as its header writes it, and what that says.
type dated struct {
	text string
	at   time.Time
}

// dateOf parses a time as either signature version writes it. Requests of one second
// have the same.
func (s *Server) dateOf(text string) (time.Time, bool) {
	if last := s.date.Load(); last != nil && last.text == text {
		return last.at, true
	}
	layout := layoutV4
	if strings.Contains(text, " ") {
		layout = http.TimeFormat
	}
	t, err := time.Parse(layout, text)
	if err == nil {
		s.date.Store(&dated{text, t})
	}
	return t, err == nil
}
