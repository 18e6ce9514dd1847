package fault

import (
	"regexp"
	"strings"
	"unicode"
)

// maxSaid is how many bytes of what a service says an error repeats.
const maxSaid = 300

// Said returns what a service says in a form that an error may repeat: UTF-8 on one
// line, without control characters, which a terminal would obey, and without what signs
// a request, should the service repeat it; cut to 300 bytes. Who takes the secrets
// themselves out does so first: the half of one is not known again.
func Said(text string) string {
	return Unsigned(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(Brief(text, maxSaid), "\ufffd")))
}

// What signs a request is a secret for as long as it is valid, which at Kodo's API is
// for ever: parameters of an address, and headers with a key's id in front of the
// signature.
var (
	signedBy = regexp.MustCompile(`(?i)\b((?:[\w-]*(?:signature|token)|sign|e)(?:=|%3d))[^&\s"'<>,;]+`)
	signedAs = regexp.MustCompile(`(?i)\b((?:Qiniu|QBox|MNS|OSS|AWS) +[\w.-]+:)[\w+/=-]+`)
)

// Unsigned returns text with "…" for each signature in it.
func Unsigned(text string) string {
	return signedAs.ReplaceAllString(signedBy.ReplaceAllString(text, "$1…"), "$1…")
}

// Plain returns err with its text as Said has it, for the error of a decoder: that
// repeats what it was given, and a service decides how long it is.
func Plain(err error) error {
	if err == nil {
		return nil
	}
	return &plain{err}
}

type plain struct{ error }

func (p *plain) Error() string { return Said(p.error.Error()) }

func (p *plain) Unwrap() error { return p.error }
