package kodo

import (
	"slices"
	"strconv"
	"time"
	"unicode/utf8"
)

// Listings are appended by hand: encoding/json takes longer a key than all the
// rest of a page.

// appendString appends s as a JSON string. Bytes that are not UTF-8 become
// U+FFFD, as JSON has no way to tell them.
func appendString(buf []byte, s string) []byte {
	plain := true
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			plain = false
			break
		}
	}
	buf = append(buf, '"')
	if plain {
		return append(append(buf, s...), '"')
	}
	const hex = "0123456789abcdef"
	for _, c := range s {
		switch {
		case c == '"' || c == '\\':
			buf = append(buf, '\\', byte(c))
		case c == '\n':
			buf = append(buf, `\n`...)
		case c == '\r':
			buf = append(buf, `\r`...)
		case c == '\t':
			buf = append(buf, `\t`...)
		case c < ' ':
			buf = append(buf, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			buf = utf8.AppendRune(buf, c) // utf8.RuneError where it is no UTF-8
		}
	}
	return append(buf, '"')
}

// appendFixed appends the members that an item and a stat begin with.
func appendFixed(buf []byte, hash string, size int64, mime string) []byte {
	buf = appendString(append(buf, `"hash":`...), hash)
	buf = strconv.AppendInt(append(buf, `,"fsize":`...), size, 10)
	return appendString(append(buf, `,"mimeType":`...), mime)
}

// appendItem appends a derived object as listings show it.
func (d *derived) appendItem(buf []byte, key string, i int64) []byte {
	buf = appendString(append(buf, `{"key":`...), key)
	buf = append(append(buf, ','), d.template(i).tail...)
	buf = strconv.AppendInt(append(buf, `,"putTime":`...), d.put(i), 10)
	return append(buf, `,"type":0,"status":0}`...)
}

// appendItem appends a stored object as listings show it.
func (o *record) appendItem(buf []byte, key string, needParts bool, now time.Time) []byte {
	buf = appendString(append(buf, `{"key":`...), key)
	buf = appendFixed(append(buf, ','), o.hash, o.size, o.mime)
	buf = strconv.AppendInt(append(buf, `,"putTime":`...), o.put, 10)
	buf = strconv.AppendInt(append(buf, `,"type":`...), int64(o.kind), 10)
	buf = strconv.AppendInt(append(buf, `,"status":`...), int64(o.status), 10)
	return append(o.appendRest(buf, needParts, now), '}')
}

// appendStat appends an object as stat shows it. A status is told of disabled
// objects only, times of a lifecycle where there is one (Kodo, "stat").
func (o *record) appendStat(buf []byte, needParts bool, now time.Time) []byte {
	buf = appendFixed(append(buf, '{'), o.hash, o.size, o.mime)
	buf = strconv.AppendInt(append(buf, `,"putTime":`...), o.put, 10)
	buf = strconv.AppendInt(append(buf, `,"type":`...), int64(o.kind), 10)
	if o.status != 0 {
		buf = strconv.AppendInt(append(buf, `,"status":`...), int64(o.status), 10)
	}
	for name, at := range o.days {
		buf = strconv.AppendInt(append(appendString(append(buf, ','), name), ':'), at, 10)
	}
	return append(o.appendRest(buf, needParts, now), '}')
}

// appendRest appends the members that only some objects have.
func (o *record) appendRest(buf []byte, needParts bool, now time.Time) []byte {
	if n := o.restored(now); n != 0 {
		buf = strconv.AppendInt(append(buf, `,"restoreStatus":`...), int64(n), 10)
	}
	if o.md5 != "" {
		buf = appendString(append(buf, `,"md5":`...), o.md5)
	}
	if o.endUser != "" {
		buf = appendString(append(buf, `,"endUser":`...), o.endUser)
	}
	if len(o.meta) > 0 {
		buf = append(buf, `,"x-qn-meta":{`...)
		names := make([]string, 0, len(o.meta))
		for name := range o.meta {
			names = append(names, name)
		}
		slices.Sort(names)
		for i, name := range names {
			if i > 0 {
				buf = append(buf, ',')
			}
			buf = appendString(append(appendString(buf, name), ':'), o.meta[name])
		}
		buf = append(buf, '}')
	}
	if needParts && len(o.parts) > 0 {
		buf = append(buf, `,"parts":[`...)
		for i, n := range o.parts {
			if i > 0 {
				buf = append(buf, ',')
			}
			buf = strconv.AppendInt(buf, n, 10)
		}
		buf = append(buf, ']')
	}
	return buf
}
