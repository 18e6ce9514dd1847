package job

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"kodoferry/shared/fault"
	"kodoferry/shared/store"
)

// problems collects sentences that name a mistake and its cure.
type problems []string

func (p *problems) add(format string, args ...any) { *p = append(*p, fmt.Sprintf(format, args...)) }

// under adds what is wrong with one side, with its name in front.
func (p *problems) under(side string, wrong problems) {
	for _, w := range wrong {
		p.add("%s: %s", side, w)
	}
}

// err returns all of p as one Invalid error, nil if there is none.
func (p problems) err(op, key string) error {
	if len(p) == 0 {
		return nil
	}
	errs := make([]error, len(p))
	for i, s := range p {
		errs[i] = errors.New(s)
	}
	return fault.New(fault.Invalid, op, key, errors.Join(errs...))
}

// Validate reports every mistake of j at once, as one Invalid error. Zero
// fields count as their defaults.
func (j Job) Validate() error {
	j = j.WithDefaults()
	var bad problems
	bad.under("source", j.Source.check())
	bad.under("target", j.Target.check())
	bad.under("ledger", j.Ledger.check())
	return append(bad, j.own()...).err("job.Validate", j.Name)
}

// own returns what is wrong with j apart from its single locations.
func (j Job) own() problems {
	var bad problems
	if n := len(j.Name); n < 1 || n > maxName || strings.ContainsFunc(j.Name, func(r rune) bool { return !nameRune(r) }) {
		bad.add("the name %q is not 1 to %d letters, digits, - or _: choose another, or none to have one derived", j.Name, maxName)
	}
	oneOf(&bad, "class", j.Class, KeepClass, string(store.Standard), string(store.Infrequent), string(store.Archive),
		string(store.DeepArchive), string(store.ArchiveIR), string(store.Tiered), string(store.ColdDeep))
	oneOf(&bad, "hashMismatch", j.HashMismatch, FailMismatch, CopyMismatch)
	oneOf(&bad, "overwrite", j.Overwrite, OverwriteChanged, OverwriteAlways)
	l := j.Limits
	within(&bad, "parallel", l.Parallel, 1024)
	within(&bad, "batchObjects", l.BatchObjects, 1000)
	within(&bad, "batchBytes", l.BatchBytes, 5<<40)
	within(&bad, "shardKeys", l.ShardKeys, 1_000_000)
	within(&bad, "shardBytes", l.ShardBytes, 256<<20)
	within(&bad, "attempts", l.Attempts, 100)
	within(&bad, "rounds", l.Rounds, 20)
	return append(bad, j.between()...)
}

func oneOf(bad *problems, name, got string, words ...string) {
	if !slices.Contains(words, got) {
		bad.add("%s is %q: write one of %s", name, got, strings.Join(words, ", "))
	}
}

func within[N int | int64](bad *problems, name string, got, most N) {
	if got < 1 || got > most {
		bad.add("limits.%s is %d: write a number from 1 to %d, or leave it out", name, got, most)
	}
}

// between returns what is wrong between the locations. A location whose own
// mistakes left it without a bucket is passed over.
func (j Job) between() problems {
	var bad problems
	src, dst, led := j.Source, j.Target, j.Ledger
	if src.Scheme == OSS || src.Scheme == MNS {
		bad.add("source: Ferry reads from Kodo alone: write a location such as %s", example["source"])
	}
	derived := dst
	derived.Prefix = LedgerPrefix
	for side, l := range map[string]Location{"target": dst, "ledger": led} {
		if side == "ledger" && l == derived {
			continue // it has the target's mistakes, which are told already
		}
		if l.Scheme == Kodo || l.Scheme == MNS {
			bad.add("%s: Ferry writes to OSS alone: write a location such as %s", side, example[side])
		}
		if strings.HasPrefix(l.Prefix, "/") || strings.HasPrefix(l.Prefix, `\`) {
			// OSS user guide, "Object naming conventions".
			bad.add("%s: OSS holds no key that begins with %q: write one slash after the bucket, or another prefix", side, l.Prefix[:1])
		}
	}
	slices.Sort(bad)
	switch {
	case src.same(dst) && src.Prefix == dst.Prefix:
		bad.add("source and target are the same place: name another bucket or prefix for one of them")
	case src.meets(dst):
		bad.add("source and target overlap, so copies would be copied again: choose prefixes of which neither begins with the other")
	}
	switch {
	case led.Bucket != "" && led.Prefix != "" && !strings.HasSuffix(led.Prefix, "/"):
		bad.add("the ledger's prefix does not end in /: add one")
	case led.same(dst) && led.Prefix == "":
		bad.add("the ledger needs a prefix of its own in the target's bucket: write one such as %s, or name a bucket of its own", LedgerPrefix)
	case led.same(dst) && strings.HasPrefix(dst.Prefix, led.Prefix):
		bad.add("the target's prefix lies inside the ledger's, %q: choose another for one of them", led.Prefix)
	}
	if led.meets(src) {
		bad.add("the ledger lies inside the source, or around it, so it would be copied: choose another bucket or prefix for it")
	}
	return bad
}

// same reports whether l and m are in one bucket. Names of buckets are unique in each service.
func (l Location) same(m Location) bool {
	return l.Bucket != "" && l.Scheme == m.Scheme && l.Bucket == m.Bucket
}

// meets reports whether a key can be in both.
func (l Location) meets(m Location) bool {
	return l.same(m) && (strings.HasPrefix(l.Prefix, m.Prefix) || strings.HasPrefix(m.Prefix, l.Prefix))
}

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
	regionName  = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	hostName    = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$`)
)

// check returns what is wrong with l by itself.
func (l Location) check() problems {
	var bad problems
	switch l.Scheme {
	case Kodo, OSS, MNS:
	default:
		bad.add("unknown service %q%s: write kodo://…, oss://… or mns://…", l.Scheme, meant(l.Scheme, Kodo, OSS, MNS))
	}
	l.checkBucket(&bad)
	if !utf8.ValidString(l.Prefix) {
		bad.add("the prefix is not UTF-8: write its bytes percent-encoded in UTF-8")
	}
	if len(l.Prefix) > maxPrefix {
		bad.add("the prefix has %d bytes: shorten it to %d", len(l.Prefix), maxPrefix)
	}
	switch {
	case l.Region == "" && (l.Scheme == OSS || l.Scheme == MNS):
		bad.add("region is missing: add one such as ?region=cn-hangzhou")
	case l.Scheme == OSS && strings.HasPrefix(l.Region, "oss-") && regionName.MatchString(l.Region):
		bad.add("the region %q is a host's name: write region=%s", l.Region, strings.TrimPrefix(l.Region, "oss-"))
	case l.Region != "" && !regionName.MatchString(l.Region):
		bad.add("the region is not lower-case letters, digits and single hyphens: write one such as z0 or cn-hangzhou")
	}
	l.checkEndpoint(&bad)
	switch {
	case l.Domain == "":
	case l.Scheme != Kodo:
		bad.add("domain is for kodo:// only: use endpoint here")
	case !validHost(l.Domain):
		bad.add("the domain is no host name: write it without scheme and path, as in domain=img.example.com")
	}
	return bad
}

func (l Location) checkBucket(bad *problems) {
	switch {
	case l.Bucket == "":
		bad.add("the bucket is missing: write it after ://, as in %s", example["source"])
	case strings.ContainsAny(l.Bucket, "@:"):
		// Not repeated: it may be a secret, or the half of one that has a slash in it.
		bad.add("the location has credentials or a port before its first slash: remove them; keys belong in the environment or a role, a host in endpoint=")
	case l.Scheme == MNS && !accountID.MatchString(l.Bucket):
		bad.add("%q is no account: write its id, a number, as in mns://1234567890123456/ferry-", l.Bucket)
	case l.Scheme == MNS && !queuePrefix.MatchString(l.Prefix):
		bad.add("%q is no beginning of the names of queues: it has up to 100 letters, digits and hyphens and begins with a letter, as ferry-", l.Prefix)
	case l.Scheme == OSS && !ossBucket.MatchString(l.Bucket):
		bad.add("%q is no name of an OSS bucket: it has 3 to 63 lower-case letters, digits and hyphens, none of these at an end", l.Bucket)
	case !kodoBucket.MatchString(l.Bucket):
		bad.add("%q is no name of a bucket: it has 1 to 63 letters, digits, hyphens, dots and underscores", l.Bucket)
	}
}

func (l Location) checkEndpoint(bad *problems) {
	switch l.Endpoint {
	case "":
		return
	case "internal", "public", "accelerate":
		if l.Scheme == Kodo || l.Scheme == MNS && l.Endpoint == "accelerate" {
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
	bad.add("unknown parameter %q%s: a location takes %s", name, meant(name, parameters...), strings.Join(parameters, ", "))
}

// meant returns a hint at the word that s was probably to be, "" where none is near.
func meant(s string, words ...string) string {
	best, at := "", 3
	for _, w := range words {
		if d := distance(strings.ToLower(s), w); d < at {
			best, at = w, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(" (did you mean %s?)", best)
}

// distance counts the letters to insert, drop or exchange to make a of b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			swap := diagonal
			if a[i] != b[j] {
				swap++
			}
			diagonal = row[j+1]
			row[j+1] = min(swap, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
