package s3

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Signatures of version 4 (AWS, "Create a signed AWS API request"; S3 differs
// in that a path is escaped once and never tidied up).
const (
	algorithm = "AWS4-HMAC-SHA256"
	stampForm = "20060102T150405Z"

	// emptySum is the SHA-256 of the body of every request here.
	emptySum = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
)

// sign adds to h what says who asks and when, and signs the host and all
// headers of S3's own. No other is signed: proxies rewrite some, as Accept-Encoding.
// path and query are as they are sent.
func sign(h http.Header, method, host, path, query, region string, c Credentials, now time.Time) {
	h.Set("X-Amz-Date", now.UTC().Format(stampForm))
	h.Set("X-Amz-Content-Sha256", emptySum)
	if c.SessionToken != "" {
		h.Set("X-Amz-Security-Token", c.SessionToken)
	}
	names := []string{"host"}
	for name := range h {
		if lower := strings.ToLower(name); strings.HasPrefix(lower, "x-amz-") {
			names = append(names, lower)
		}
	}
	slices.Sort(names)
	h.Set("Authorization", authorization(h, names, method, host, path, query, region, c))
}

// authorization signs the headers of those names, which are sorted and lower case.
func authorization(h http.Header, names []string, method, host, path, query, region string, c Credentials) string {
	var text strings.Builder
	text.WriteString(method + "\n" + path + "\n" + query + "\n")
	for _, name := range names {
		value := h.Get(name)
		if name == "host" {
			value = host
		}
		text.WriteString(name + ":" + strings.Join(strings.Fields(value), " ") + "\n")
	}
	signed := strings.Join(names, ";")
	text.WriteString("\n" + signed + "\n" + h.Get("X-Amz-Content-Sha256"))
	sum := sha256.Sum256([]byte(text.String()))
	at := h.Get("X-Amz-Date")
	day := at[:min(8, len(at))]
	scope := day + "/" + region + "/s3/aws4_request"
	key := []byte("AWS4" + c.SecretAccessKey)
	for _, part := range []string{day, region, "s3", "aws4_request"} {
		key = hmacOf(key, part)
	}
	signature := hmacOf(key, algorithm+"\n"+at+"\n"+scope+"\n"+hex.EncodeToString(sum[:]))
	return algorithm + " Credential=" + c.AccessKeyID + "/" + scope + ", SignedHeaders=" + signed + ", Signature=" + hex.EncodeToString(signature)
}

func hmacOf(key []byte, text string) []byte {
	m := hmac.New(sha256.New, key)
	_, _ = m.Write([]byte(text)) // never fails
	return m.Sum(nil)
}

// queryOf encodes parameters in order of their names, as they are signed.
func queryOf(params map[string]string) string {
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(params)) {
		pairs = append(pairs, name+"="+strings.ReplaceAll(escape(params[name]), "/", "%2F"))
	}
	return strings.Join(pairs, "&")
}
