package job

import (
	"net/url"
	"path"
	"strconv"
	"strings"
	"unicode"
)

// Location is a part of a bucket and the way to it. It never holds credentials.
type Location struct {
	Scheme   string `json:"scheme,omitempty"`   // Kodo, S3, File, OSS, MNS or SQS
	Bucket   string `json:"bucket,omitempty"`   // of a File, the path of the directory
	Prefix   string `json:"prefix,omitempty"`   // of keys, byte for byte; "" is the whole bucket
	Region   string `json:"region,omitempty"`   // z0, cn-hangzhou, at S3 cn-east-1; Kodo finds its own where it is empty
	Endpoint string `json:"endpoint,omitempty"` // host or http(s)://host; at OSS also internal, public, accelerate; "" is the service's own
	Domain   string `json:"domain,omitempty"`   // Kodo only: the download domain bound to the bucket
	Insecure bool   `json:"insecure,omitempty"` // plain http is wanted
}

// parameters of a location, in the order String writes them.
var parameters = []string{"region", "endpoint", "domain", "insecure"}

// ParseLocation reads a location such as
//
//	kodo://photos/2019/?region=z0&domain=img.example.com
//	s3://photos-s3-name/2019/?region=cn-east-1&endpoint=s3-cn-east-1.qiniucs.com
//	file:///data/photos
//	oss://photos-new/2019/?region=cn-hangzhou&endpoint=internal
//	mns://1234567890123456/ferry-?region=cn-hangzhou&endpoint=internal
//	sqs://123456789012/ferry-?region=eu-central-1
//
// What follows the bucket's slash is percent-decoded into the prefix and not
// changed otherwise: kodo://b//x has the prefix /x. A path of a File is cleaned, and
// all of it is the bucket. The error is Invalid,
// names every mistake and its cure, and repeats nothing that may be a secret.
func ParseLocation(raw string) (Location, error) {
	l, bad := parse(raw)
	if len(bad) > 0 {
		return Location{}, bad.err("job.ParseLocation", "")
	}
	return l, nil
}

// ParseLedger reads the location of a ledger, which name calls in the error.
func ParseLedger(raw, name string) (Location, error) {
	l, bad := parse(raw)
	switch {
	case !strings.Contains(raw, "://"):
		bad = problems{{says: "this is no location: write it as " + example["ledger"]}}
	case len(bad) == 0 && l.Scheme != OSS:
		bad.add("a ledger is kept in OSS: write it as %s", example["ledger"])
	case len(bad) == 0:
		return l, nil
	}
	var named problems
	for _, b := range bad {
		named.add("%s: %s", name, b.says)
	}
	return Location{}, named.err("job.ParseLedger", "")
}

// Place is the location without the way there: "kodo://photos/2019/".
func (l Location) Place() string {
	bucket := l.Bucket
	if s, ok := schemeOf(l.Scheme); ok && s.path {
		bucket = escape(strings.TrimSuffix(bucket, "/"), "/")
	}
	return l.Scheme + "://" + bucket + "/" + escape(l.Prefix, "/")
}

// String writes l so that ParseLocation reads the same again.
func (l Location) String() string {
	var b strings.Builder
	b.WriteString(l.Place())
	insecure := ""
	if l.Insecure {
		insecure = "true"
	}
	sep := "?"
	for i, value := range []string{l.Region, l.Endpoint, l.Domain, insecure} {
		if value != "" {
			b.WriteString(sep + parameters[i] + "=" + escape(value, "/:[]"))
			sep = "&"
		}
	}
	return b.String()
}

// escape percent-encodes each byte of s that is neither unreserved (RFC 3986, section 2.3) nor in keep.
func escape(s, keep string) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if wordRune(rune(c)) || strings.IndexByte("-_.~"+keep, c) >= 0 {
			b.WriteByte(c)
			continue
		}
		const digits = "0123456789ABCDEF"
		b.WriteByte('%')
		b.WriteByte(digits[c>>4])
		b.WriteByte(digits[c&15])
	}
	return b.String()
}

// parse reads raw by hand, for the errors of net/url repeat the whole text and
// with it what may be a secret.
func parse(raw string) (Location, problems) {
	var bad problems
	if strings.ContainsFunc(raw, unicode.IsControl) || strings.TrimSpace(raw) != raw {
		bad.add("the location has a control character or a space at its end: remove it, or write it as %%0A or %%20 if it belongs to the prefix")
		return Location{}, bad
	}
	name, rest, ok := strings.Cut(raw, "://")
	if !ok || strings.ContainsFunc(name, func(r rune) bool { return !nameRune(r) }) {
		buckets := uses(reads, writes)
		if strings.HasPrefix(raw, "/") || strings.HasPrefix(raw, "./") || strings.HasPrefix(raw, "../") || strings.HasPrefix(raw, "~") {
			bad.add("this is no location but a path: a directory is read as file:// with its whole path from the root, as in file:///data/photos")
			return Location{}, bad
		}
		bad.add("this is no location: begin it with %s, as in %s", enumerate(names(buckets, "://"), "or"), enumerate(examples(buckets), "or"))
		return Location{}, bad
	}
	l := Location{Scheme: name}
	rest, query, _ := strings.Cut(rest, "?")
	if strings.Contains(rest, "#") || strings.Contains(query, "#") {
		bad.add("the location has a #, which ends a URL: write it as %%23")
	}
	authority, after, rooted := strings.Cut(rest, "/")
	decoded, err := url.PathUnescape(after)
	if err != nil {
		bad.add("the prefix has a %% that two hex digits do not follow: write a %% itself as %%25")
	}
	if s, _ := schemeOf(name); !s.path {
		l.Bucket, l.Prefix = authority, decoded
	} else if authority == "" && rooted {
		l.Bucket = path.Clean("/" + decoded)
	}
	l.query(query, &bad)
	return l, append(bad, l.check()...)
}

// query fills in the parameters. It never repeats the value of one it does not know.
func (l *Location) query(query string, bad *problems) {
	seen := map[string]bool{}
	for pair := range strings.SplitSeq(query, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		value, err := url.PathUnescape(value)
		switch {
		case !known(name):
			l.unknown(name, bad)
			continue
		case err != nil:
			bad.add("%s has a %% that two hex digits do not follow: write a %% itself as %%25", name)
			continue
		case seen[name]:
			bad.add("%s is given twice: keep one", name)
		case value == "":
			bad.add("%s has no value: give it one or leave it out", name)
		}
		seen[name] = true
		switch name {
		case "region":
			l.Region = value
		case "endpoint":
			l.Endpoint = value
		case "domain":
			l.Domain = value
		case "insecure":
			if l.Insecure, err = strconv.ParseBool(value); err != nil && value != "" {
				bad.add("insecure is neither true nor false: write insecure=true for plain http, or leave it out")
			}
		}
	}
}
