package job

import (
	"slices"
	"strings"
)

// The services a location can be at.
const (
	Kodo = "kodo"
	S3   = "s3"   // Kodo's S3-compatible interface, or any other; to read
	File = "file" // a directory of this machine, which is the bucket; to read
	OSS  = "oss"
	MNS  = "mns" // queues: the bucket is an account, the prefix that of the queues' names
	SQS  = "sqs" // queues at AWS: the same
)

// use is what a service is for.
type use int

const (
	reads use = iota
	writes
	queues
)

// scheme is what Ferry knows of a service's locations.
type scheme struct {
	name, title, example string
	use                  use
	path                 bool     // the location is a path, without a prefix of its own
	endpoints            []string // what endpoint= may be besides a host
	check                func(l Location, bad *problems)
}

// schemes are all services, in the order in which people are told of them. A service that
// speaks S3 needs nothing: s3:// reads it. A new one is its name, a line here, the check
// that it names, a line and a function in shared/app (source.go) that opens it, with the
// variables it needs (config.go), and its driver, a folder in shared/store: a store.Source,
// with Check and CloseIdle, which passes store/storetest. It is a store.Thawer, too, where
// the service archives objects, and a store.Termed where it has terms of its own. A hash that
// is neither a qetag nor an MD5 has to be added to package digest: without one, bytes are
// proved by their size and CRC64 alone.
var schemes = []scheme{
	{name: Kodo, title: "Kodo", example: "kodo://photos/2019/?region=z0", use: reads, check: checkKodo},
	{name: S3, title: "S3", example: "s3://photos/2019/?region=cn-east-1", use: reads, check: checkS3},
	{name: File, title: "directories", example: "file:///data/photos", use: reads, path: true, check: checkFile},
	{name: OSS, title: "OSS", example: "oss://photos-new/2019/?region=cn-hangzhou", use: writes, endpoints: []string{"internal", "public", "accelerate"}, check: checkOSS},
	{name: MNS, title: "MNS", example: "mns://1234567890123456/ferry-?region=cn-hangzhou", use: queues, endpoints: []string{"internal", "public"}, check: checkMNS},
	{name: SQS, title: "SQS", example: "sqs://123456789012/ferry-?region=eu-central-1", use: queues, check: checkSQS},
}

// schemeOf returns the scheme of that name; ok is false where there is none.
func schemeOf(name string) (s scheme, ok bool) {
	i := slices.IndexFunc(schemes, func(s scheme) bool { return s.name == name })
	if i < 0 {
		return scheme{}, false
	}
	return schemes[i], true
}

// uses returns the schemes of services of that use, as of any.
func uses(any ...use) []scheme {
	return slices.DeleteFunc(slices.Clone(schemes), func(s scheme) bool { return !slices.Contains(any, s.use) })
}

// Sources are the schemes of the services that Ferry reads from.
func Sources() []string { return each(uses(reads), func(s scheme) string { return s.name }) }

func each(all []scheme, f func(scheme) string) []string {
	texts := make([]string, len(all))
	for i, s := range all {
		texts[i] = f(s)
	}
	return texts
}

// enumerate writes a list as people do: "a, b or c".
func enumerate(texts []string, last string) string {
	n := len(texts) - 1
	if n < 1 {
		return strings.Join(texts, "")
	}
	return strings.Join(texts[:n], ", ") + " " + last + " " + texts[n]
}

// names, examples and titles are of services, for sentences.
func names(all []scheme, behind string) []string {
	return each(all, func(s scheme) string { return s.name + behind })
}

func examples(all []scheme) []string { return each(all, func(s scheme) string { return s.example }) }
func titles(all []scheme) []string   { return each(all, func(s scheme) string { return s.title }) }
