package oss

import (
	"bytes"

	"kodoferry/shared/store"
)

const xmlDeclaration = `<?xml version="1.0" encoding="UTF-8"?>`

// leastEntry is about how many bytes of a page the shortest entry takes.
const leastEntry = 128

// scanPage decodes the one shape OSS sends: elements without attributes (but
// for the root's xmlns), text of printable ASCII with the five named entities,
// nothing else. ok is false for whatever is not so; then nothing is known.
func scanPage(data []byte) (p *page, err error, ok bool) {
	s := &scanner{data: bytes.TrimPrefix(data, []byte(xmlDeclaration))}
	s.space()
	if !s.root() {
		return nil, nil, false
	}
	p = &page{objects: make([]store.Object, 0, min(1000, len(s.data)/leastEntry))} // many pages hold few
	var truncated, token []byte
	for {
		name, end, ok := s.tag()
		switch {
		case !ok:
			return nil, nil, false
		case end:
			if string(name) != "ListBucketResult" {
				return nil, nil, false
			}
			return p, p.finish(truncated, token), true
		case string(name) == "Contents":
			e, ok := s.entry()
			if !ok {
				return nil, nil, false
			}
			if err := p.add(e); err != nil {
				return nil, nil, false // encoding/xml words it
			}
		case string(name) == "CommonPrefixes":
			if !s.common(p) {
				return nil, nil, false
			}
		case string(name) == "IsTruncated":
			truncated, ok = s.leaf(name)
		case string(name) == "NextContinuationToken":
			token, ok = s.leaf(name)
		default:
			ok = s.skip(name, 0)
		}
		if !ok {
			return nil, nil, false
		}
	}
}

// scanner walks over data from at.
type scanner struct {
	data []byte
	at   int
}

func (s *scanner) space() {
	for s.at < len(s.data) && (s.data[s.at] == ' ' || s.data[s.at] == '\n' || s.data[s.at] == '\t') {
		s.at++
	}
}

// root enters <ListBucketResult>.
func (s *scanner) root() bool {
	rest, ok := bytes.CutPrefix(s.data[s.at:], []byte("<ListBucketResult"))
	if !ok {
		return false
	}
	if namespace, ok := bytes.CutPrefix(rest, []byte(` xmlns="`)); ok {
		i := bytes.IndexByte(namespace, '"')
		if i < 0 || !printable(namespace[:i]) || bytes.ContainsAny(namespace[:i], "<>&") {
			return false
		}
		rest = namespace[i+1:]
	}
	s.at = len(s.data) - len(rest) + 1
	return len(rest) > 0 && rest[0] == '>'
}

// tag reads the next tag, with nothing but space before it.
func (s *scanner) tag() (name []byte, end, ok bool) {
	s.space()
	if s.at >= len(s.data) || s.data[s.at] != '<' {
		return nil, false, false
	}
	s.at++
	if s.at < len(s.data) && s.data[s.at] == '/' {
		end = true
		s.at++
	}
	from := s.at
	for s.at < len(s.data) && letter(s.data[s.at], s.at > from) {
		s.at++
	}
	if s.at == from || s.at >= len(s.data) || s.data[s.at] != '>' {
		return nil, false, false
	}
	s.at++
	return s.data[from : s.at-1], end, true
}

func letter(c byte, digit bool) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || digit && '0' <= c && c <= '9'
}

// leaf reads the text of name up to its end tag.
func (s *scanner) leaf(name []byte) ([]byte, bool) {
	n := bytes.IndexByte(s.data[s.at:], '<')
	if n < 0 {
		return nil, false
	}
	text := s.data[s.at : s.at+n]
	s.at += n
	if rest := s.data[s.at:]; len(rest) < len(name)+3 || rest[1] != '/' || rest[len(name)+2] != '>' || string(rest[2:len(name)+2]) != string(name) {
		return nil, false
	}
	s.at += len(name) + 3
	return unescape(text)
}

// unescape replaces the five named entities. It refuses what encoding/xml
// would read differently, or not at all.
func unescape(text []byte) ([]byte, bool) {
	if !printable(text) || bytes.Contains(text, []byte("]]>")) {
		return nil, false
	}
	if bytes.IndexByte(text, '&') < 0 {
		return text, true
	}
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		if text[i] != '&' {
			out = append(out, text[i])
			continue
		}
		end := bytes.IndexByte(text[i:], ';')
		if end < 0 {
			return nil, false
		}
		switch string(text[i+1 : i+end]) {
		case "amp":
			out = append(out, '&')
		case "lt":
			out = append(out, '<')
		case "gt":
			out = append(out, '>')
		case "quot":
			out = append(out, '"')
		case "apos":
			out = append(out, '\'')
		default:
			return nil, false
		}
		i += end
	}
	return out, true
}

func printable(text []byte) bool {
	for _, c := range text {
		if (c < ' ' || c > '~') && c != '\n' && c != '\t' {
			return false
		}
	}
	return true
}

// entry reads one <Contents> up to its end.
func (s *scanner) entry() (e entry, ok bool) {
	for {
		name, end, ok := s.tag()
		if !ok || end {
			return e, ok && string(name) == "Contents"
		}
		var into *[]byte
		switch string(name) {
		case "Key":
			into = &e.key
		case "Size":
			into = &e.size
		case "ETag":
			into = &e.etag
		case "Type":
			into = &e.kind
		case "LastModified":
			into = &e.modified
		case "StorageClass":
			into = &e.class
		case "RestoreInfo":
			into = &e.restore
		default:
			if !s.skip(name, 0) {
				return e, false
			}
			continue
		}
		if *into, ok = s.leaf(name); !ok {
			return e, false
		}
	}
}

// common reads one <CommonPrefixes> up to its end.
func (s *scanner) common(p *page) bool {
	for {
		name, end, ok := s.tag()
		if !ok || end {
			return ok && string(name) == "CommonPrefixes"
		}
		prefix, ok := s.leaf(name)
		if !ok || string(name) != "Prefix" {
			return false
		}
		p.common = append(p.common, string(prefix))
	}
}

// skip passes over an element that is not needed: text, or elements like it.
func (s *scanner) skip(name []byte, depth int) bool {
	from := s.at
	if _, ok := s.leaf(name); ok {
		return true
	}
	for s.at = from; depth < 4; {
		child, end, ok := s.tag()
		switch {
		case !ok:
			return false
		case end:
			return string(child) == string(name)
		case !s.skip(child, depth+1):
			return false
		}
	}
	return false
}
