package oss

import (
	"cmp"
	"crypto/hmac"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
	"time"
)

// versionV2 is how signatures of version 2 begin. It came between the other
// two; the older SDKs for Go, Java and Python still offer it, and their
// sources are what is followed here.
const versionV2 = "OSS2"

// headerV2 checks `Authorization: OSS2 AccessKeyId:…,AdditionalHeaders:…,Signature:…`.
func (c *call) headerV2(header string) (*heldCredential, error) {
	fields := map[string]string{}
	for f := range strings.SplitSeq(strings.TrimPrefix(header, versionV2), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(f), ":")
		fields[name] = value
	}
	id, signature := fields["AccessKeyId"], fields["Signature"]
	if id == "" || signature == "" {
		return nil, badArgument("Authorization", header, "Authorization header is invalid.")
	}
	additional, given := fields["AdditionalHeaders"]
	extra, err := additionalHeaders(additional, given, "Authorization header")
	if err != nil {
		return nil, err
	}
	date := cmp.Or(c.r.Header.Get("X-Oss-Date"), c.r.Header.Get("Date"))
	who, err := c.credentialAt(date, id)
	if err != nil {
		return nil, err
	}
	return who, c.checkV2(who, date, extra, signature)
}

// queryV2 checks a URL signed with version 2. It expires at a point in time,
// not after one of version 4's durations.
func (c *call) queryV2() (*heldCredential, error) {
	id, expires, signature := c.value("x-oss-access-key-id"), c.value("x-oss-expires"), c.value("x-oss-signature")
	end, err := strconv.ParseInt(expires, 10, 64)
	if id == "" || signature == "" || err != nil {
		return nil, accessDenied(unknownEC, "Query-string authentication of version 2 requires the x-oss-access-key-id, x-oss-expires and x-oss-signature parameters.")
	}
	if at := time.Unix(end, 0); c.s.now().After(at) {
		return nil, c.expired(at)
	}
	additional, given := c.param("x-oss-additional-headers")
	extra, err := additionalHeaders(additional, given, "x-oss-additional-headers")
	if err != nil {
		return nil, err
	}
	who, err := c.s.credential(id, c.value("security-token"))
	if err != nil {
		return nil, err
	}
	return who, c.checkV2(who, expires, extra, signature)
}

func (c *call) checkV2(who *heldCredential, date string, extra []string, signature string) error {
	if c.s.trusts {
		return nil
	}
	toSign := c.toSignV2(date, extra)
	want := base64.StdEncoding.EncodeToString(hmacOf([]byte(who.Secret), toSign))
	if !hmac.Equal([]byte(want), []byte(signature)) {
		return c.mismatch(unknownEC, who.ID, signature, toSign, "")
	}
	return nil
}

// toSignV2 is what version 1 signs, with the additional headers among the
// x-oss- ones and their names behind, and a resource that is escaped, slashes
// too, and has every parameter.
func (c *call) toSignV2(date string, extra []string) string {
	h := c.r.Header
	var b strings.Builder
	b.WriteString(c.r.Method + "\n" + h.Get("Content-Md5") + "\n" + h.Get("Content-Type") + "\n" + date + "\n")
	fields := slices.Clone(c.ossHeaders())
	for _, name := range extra {
		if !namedIn(fields, name) && h.Get(name) != "" {
			fields = append(fields, pair{name, joined(h.Values(name))})
		}
	}
	slices.SortFunc(fields, byName)
	for _, f := range fields {
		b.WriteString(f.name + ":" + f.value + "\n")
	}
	b.WriteString(strings.Join(extra, ";") + "\n")
	resource := "/"
	if c.bucket != "" {
		resource += c.bucket + "/" + c.key
	}
	b.WriteString(escape(resource, true))
	if query := c.canonicalQuery(); query != "" {
		b.WriteString("?" + query)
	}
	return b.String()
}
