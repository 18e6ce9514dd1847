package job

import (
	"cmp"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"kodoferry/shared/job/near"
	"kodoferry/shared/job/regions"
)

// maxPrefix leaves room for the rest of a key in OSS's 1,023 bytes (OSS user
// guide, "Object naming conventions").
const maxPrefix = 900

var (
	// OSS user guide, "Bucket naming conventions".
	ossBucket = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$`)
	// Kodo asks the same of new buckets; older ones have capitals, dots and underscores.
	kodoBucket = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`)
	accountID  = regexp.MustCompile(`^[0-9]{1,32}$`)
	// MNS documentation, "Limits": names have letters, digits and hyphens, up to 120 in all.
	queuePrefix = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]{0,99}$`)
	// AWS account ids have 12 digits. SQS developer guide, "Quotas": names have
	// letters, digits, hyphens and underscores, up to 80 in all.
	awsAccount = regexp.MustCompile(`^[0-9]{12}$`)
	sqsPrefix  = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]{0,69}$`)
	regionName = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	hostName   = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$`)
)

// check returns what is wrong with l by itself.
func (l Location) check() problems {
	var bad problems
	s, known := schemeOf(l.Scheme)
	if !known {
		bad.add("unknown service %q%s: write %s", l.Scheme, Meant(serviceMeant(l.Scheme), names(schemes, "")...), l.insteadOf())
		s.check = checkKodo
	}
	switch {
	case s.path: // which may hold all of these
	case l.Bucket == "":
		bad.add("the bucket is missing: write it after ://, as in %s", example["source"])
	case strings.ContainsAny(l.Bucket, "@:"):
		// Not repeated: it may be a secret, or the half of one that has a slash in it.
		bad.add("the location has credentials or a port before its first slash: remove them; keys belong in the environment or a role, a host in endpoint=")
	}
	if !utf8.ValidString(l.Prefix) || !utf8.ValidString(l.Bucket) {
		bad.add("the prefix is not UTF-8: write its bytes percent-encoded in UTF-8")
	}
	if len(l.Prefix) > maxPrefix {
		bad.add("the prefix has %d bytes: shorten it to %d", len(l.Prefix), maxPrefix)
	}
	s.check(l, &bad)
	checkEndpoint(l, s, &bad)
	switch {
	case l.Domain == "" || s.path:
	case l.Scheme != Kodo:
		bad.add("domain is for kodo:// only: use endpoint here")
	case !validHost(l.Domain):
		bad.add("the domain is no host name: write it without scheme and path, as in domain=img.example.com")
	}
	return bad
}

// otherNames are what other tools call services of schemes.
var otherNames = map[string]string{"qiniu": Kodo, "qn": Kodo, "aliyun": OSS, "alioss": OSS, "aws": S3, "minio": S3}

// serviceMeant is what a scheme was probably to be, as it is where nobody knows.
func serviceMeant(scheme string) string {
	scheme = cmp.Or(otherNames[scheme], scheme)
	return cmp.Or(near.Word(scheme, names(schemes, "")...), scheme)
}

// insteadOf is what to write instead of l, which is at no service: the bucket whose address l is,
// or examples, of queues where one of these was meant.
func (l Location) insteadOf() string {
	if of, ok := l.ofAddress(); ok {
		return of.String()
	}
	if s, ok := schemeOf(serviceMeant(l.Scheme)); ok && s.use == queues {
		return enumerate(examples(uses(queues)), "or")
	}
	return enumerate(examples(uses(reads, writes)), "or")
}

// ofAddress returns the location of a bucket whose address on the web l is; ok is false where l
// is none that is known.
func (l Location) ofAddress() (of Location, ok bool) {
	if l.Scheme != "http" && l.Scheme != "https" {
		return Location{}, false
	}
	scheme, bucket, region, ok := regions.BucketAt(l.Bucket)
	return Location{Scheme: scheme, Bucket: bucket, Prefix: l.Prefix, Region: region}, ok
}

// named reports whether there is a bucket's name to hold against a service's rules.
func (l Location) named() bool { return l.Bucket != "" && !strings.ContainsAny(l.Bucket, "@:") }

func checkKodo(l Location, bad *problems) {
	checkBucket(l, bad)
	if l.Region != "" {
		checkRegion(l, bad, "")
	}
}

func checkBucket(l Location, bad *problems) {
	if l.named() && !kodoBucket.MatchString(l.Bucket) {
		bad.add("%q is no name of a bucket: it has 1 to 63 letters, digits, hyphens, dots and underscores", l.Bucket)
	}
}

// checkRegion returns what is wrong with the region, which is needed; such is one.
func checkRegion(l Location, bad *problems, such string) {
	switch {
	case l.Region == "":
		bad.add("region is missing: add one such as ?region=%s", such)
	case !regionName.MatchString(l.Region):
		bad.add("the region is not lower-case letters, digits and single hyphens: write one such as z0 or cn-hangzhou")
	}
}

func checkOSS(l Location, bad *problems) {
	if l.named() && !ossBucket.MatchString(l.Bucket) {
		bad.add("%q is no name of an OSS bucket: it has 3 to 63 lower-case letters, digits and hyphens, none of these at an end", l.Bucket)
	}
	if strings.HasPrefix(l.Region, "oss-") && regionName.MatchString(l.Region) {
		bad.add("the region %q is a host's name: write region=%s", l.Region, strings.TrimPrefix(l.Region, "oss-"))
		return
	}
	if regions.KodoS3(l.Region) != "" || l.Region == "cn-east-1" || l.Region == "cn-east-2" {
		bad.add("the region %q is one of Kodo's: write OSS's own, such as region=cn-hangzhou", l.Region)
		return
	}
	checkRegion(l, bad, "cn-hangzhou")
}

func checkMNS(l Location, bad *problems) {
	switch {
	case !l.named():
	case !accountID.MatchString(l.Bucket):
		bad.add("%q is no account: write its id, a number, as in mns://1234567890123456/ferry-", l.Bucket)
	case !queuePrefix.MatchString(l.Prefix):
		bad.add("%q is no beginning of the names of queues: it has up to 100 letters, digits and hyphens and begins with a letter, as ferry-", l.Prefix)
	}
	checkRegion(l, bad, "cn-hangzhou")
}

func checkSQS(l Location, bad *problems) {
	switch {
	case !l.named():
	case !awsAccount.MatchString(l.Bucket):
		bad.add("%q is no account of AWS: write the 12 digits of its id, as in sqs://123456789012/ferry-", l.Bucket)
	case !sqsPrefix.MatchString(l.Prefix):
		bad.add("%q is no beginning of the names of queues: it has up to 70 letters, digits, hyphens and underscores and begins with a letter, as ferry-", l.Prefix)
	}
	checkRegion(l, bad, "eu-central-1")
}

func checkFile(l Location, bad *problems) {
	if !strings.HasPrefix(l.Bucket, "/") {
		bad.add("the directory is missing: write its path, from the root, as in file:///data/photos")
	}
	if l.Region != "" || l.Endpoint != "" || l.Domain != "" || l.Insecure {
		bad.add("a directory of this machine takes no parameters: leave them out, and write a ? in its path as %%3F")
	}
}

func checkEndpoint(l Location, s scheme, bad *problems) {
	switch l.Endpoint {
	case "":
		return
	case "internal", "public", "accelerate":
		if !s.path && !slices.Contains(s.endpoints, l.Endpoint) {
			bad.add("endpoint=%s is not for %s://: name a host, or leave it out", l.Endpoint, l.Scheme)
		}
		return
	}
	scheme, host, ok := strings.Cut(l.Endpoint, "://")
	if !ok {
		scheme, host = "https", l.Endpoint
	}
	host = strings.TrimSuffix(host, "/")
	switch {
	case scheme != "http" && scheme != "https", !validHost(host):
		bad.add("the endpoint is no host: write host, https://host or, at OSS, internal, public or accelerate, without path and credentials")
	case scheme == "http" && !l.Insecure:
		bad.add("the endpoint is plain http (%s): write https, or add insecure=true if you mean it", host)
	}
}

// validHost accepts a name or an address, with or without a port.
func validHost(s string) bool {
	u, err := url.Parse("//" + s)
	if err != nil || u.Host != s || u.User != nil {
		return false
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			return false
		}
	} else if strings.HasSuffix(s, ":") {
		return false
	}
	return hostName.MatchString(u.Hostname()) || net.ParseIP(u.Hostname()) != nil
}

func known(name string) bool { return slices.Contains(parameters, name) }

var secretName = regexp.MustCompile(`(?i)^(ak|sk|.*(key|secret|token|password|credential|user).*)$`)

func (l Location) unknown(name string, bad *problems) {
	if secretName.MatchString(name) {
		bad.add("the parameter %q looks like a credential: remove it; keys belong in the environment or a role", name)
		return
	}
	if len(name) > 20 || strings.ContainsFunc(name, func(r rune) bool { return !nameRune(r) }) {
		name = "…" // whatever that is, it is not repeated
	}
	bad.add("unknown parameter %q%s: a location takes %s", name, Meant(name, parameters...), strings.Join(parameters, ", "))
}
