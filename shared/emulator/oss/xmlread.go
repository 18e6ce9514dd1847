package oss

import (
	"bytes"
	"strconv"
	"strings"
)

// node is an element of a request's document.
type node struct {
	name string
	text string // of an element without children; not trimmed
	kids []node
}

// get returns the first child of a name, an empty node if there is none.
func (n node) get(name string) node {
	for _, k := range n.kids {
		if k.name == name {
			return k
		}
	}
	return node{}
}

// word returns the trimmed text of a child.
func (n node) word(name string) string { return strings.TrimSpace(n.get(name).text) }

// all returns the children of a name.
func (n node) all(name string) []node {
	var out []node
	for _, k := range n.kids {
		if k.name == name {
			out = append(out, k)
		}
	}
	return out
}

// maxDepth is deeper than any document OSS takes.
const maxDepth = 12

// parseXML reads a document. Unlike encoding/xml it takes references to
// control characters, which the SDKs send where keys hold them, and it knows
// neither entities of its own nor document types.
func parseXML(b []byte) (node, bool) {
	p := &xmlReader{b: bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))}
	p.skip()
	n, ok := p.element(0)
	if !ok {
		return node{}, false
	}
	p.skip()
	return n, len(p.b) == 0
}

type xmlReader struct{ b []byte }

// skip passes over white space, comments and processing instructions.
func (p *xmlReader) skip() {
	for {
		p.b = bytes.TrimLeft(p.b, " \t\r\n")
		end := ""
		switch {
		case bytes.HasPrefix(p.b, []byte("<?")):
			end = "?>"
		case bytes.HasPrefix(p.b, []byte("<!--")):
			end = "-->"
		default:
			return
		}
		_, rest, ok := bytes.Cut(p.b, []byte(end))
		if !ok {
			return
		}
		p.b = rest
	}
}

// element reads one element and what is in it.
func (p *xmlReader) element(depth int) (node, bool) {
	name, empty, ok := p.tag()
	if !ok || depth > maxDepth {
		return node{}, false
	}
	n := node{name: name}
	if empty {
		return n, true
	}
	var text strings.Builder
	for {
		i := bytes.IndexByte(p.b, '<')
		if i < 0 || !unquote(&text, p.b[:i]) {
			return node{}, false
		}
		p.b = p.b[i:]
		switch {
		case bytes.HasPrefix(p.b, []byte("</")):
			body, rest, ok := bytes.Cut(p.b[2:], []byte(">"))
			if !ok || local(string(bytes.TrimSpace(body))) != name {
				return node{}, false
			}
			p.b = rest
			if len(n.kids) == 0 {
				n.text = text.String()
			}
			return n, true
		case bytes.HasPrefix(p.b, []byte("<![CDATA[")):
			raw, rest, ok := bytes.Cut(p.b[9:], []byte("]]>"))
			if !ok {
				return node{}, false
			}
			text.Write(raw)
			p.b = rest
		case bytes.HasPrefix(p.b, []byte("<!--")), bytes.HasPrefix(p.b, []byte("<?")):
			before := len(p.b)
			if p.skip(); len(p.b) == before {
				return node{}, false
			}
		default:
			kid, ok := p.element(depth + 1)
			if !ok {
				return node{}, false
			}
			n.kids = append(n.kids, kid)
		}
	}
}

// tag reads an opening tag; its attributes are passed over.
func (p *xmlReader) tag() (name string, empty, ok bool) {
	if len(p.b) < 2 || p.b[0] != '<' || p.b[1] == '!' || p.b[1] == '/' {
		return "", false, false
	}
	var quote byte
	for i := 1; i < len(p.b); i++ {
		switch c := p.b[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '>':
			inner := p.b[1:i]
			p.b = p.b[i+1:]
			inner, empty = bytes.CutSuffix(inner, []byte("/"))
			if f := bytes.Fields(inner); len(f) > 0 {
				name = local(string(f[0]))
			}
			return name, empty, name != ""
		}
	}
	return "", false, false
}

// local drops a namespace's prefix.
func local(name string) string { return name[strings.LastIndexByte(name, ':')+1:] }

// unquote appends text with its references resolved.
func unquote(out *strings.Builder, b []byte) bool {
	for {
		plain, rest, ok := bytes.Cut(b, []byte("&"))
		out.Write(plain)
		if !ok {
			return true
		}
		name, after, ok := bytes.Cut(rest, []byte(";"))
		if !ok {
			return false
		}
		switch ref := string(name); ref {
		case "lt":
			out.WriteByte('<')
		case "gt":
			out.WriteByte('>')
		case "amp":
			out.WriteByte('&')
		case "quot":
			out.WriteByte('"')
		case "apos":
			out.WriteByte('\'')
		default:
			digits, numeric := strings.CutPrefix(ref, "#")
			base := 10
			if hex, ok := strings.CutPrefix(digits, "x"); ok {
				digits, base = hex, 16
			}
			r, err := strconv.ParseInt(digits, base, 32)
			if !numeric || err != nil || r > 0x10ffff {
				return false
			}
			out.WriteRune(rune(r))
		}
		b = after
	}
}
