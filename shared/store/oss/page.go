package oss

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"kodoferry/shared/store"
)

// page is one answer of ListObjectsV2 with encoding-type=url.
type page struct {
	objects   []store.Object
	common    []string // what keys that are not listed have in common, where a delimiter was asked for; as in a query
	truncated bool
	token     string // for the next page
}

// entry is one <Contents>, as text.
type entry struct{ key, size, etag, kind, modified, class, restore []byte }

// parsePage decodes a page. It must be a ListBucketResult with IsTruncated, a
// token where that is true, and a Key and a Size for each of Contents; a time that
// cannot be read is a warning of its object. It is read by scanPage, which knows just the shape that OSS
// sends, and by encoding/xml wherever anything is not as expected. The two
// agree wherever the first has an answer; a fuzz test holds them together.
func parsePage(data []byte) (*page, error) {
	if p, err, ok := scanPage(data); ok {
		return p, err
	}
	return decodePage(data)
}

// decodePage is parsePage by encoding/xml.
func decodePage(data []byte) (*page, error) {
	var x struct {
		XMLName     xml.Name `xml:"ListBucketResult"`
		IsTruncated string
		Token       string `xml:"NextContinuationToken"`
		Contents    []struct {
			Key, Size, ETag, Type, LastModified, StorageClass, RestoreInfo string
		}
		Common []string `xml:"CommonPrefixes>Prefix"`
	}
	if err := xml.Unmarshal(data, &x); err != nil {
		return nil, err
	}
	p := &page{objects: make([]store.Object, 0, len(x.Contents)), common: x.Common}
	for _, c := range x.Contents {
		err := p.add(entry{
			[]byte(c.Key), []byte(c.Size), []byte(c.ETag), []byte(c.Type),
			[]byte(c.LastModified), []byte(c.StorageClass), []byte(c.RestoreInfo),
		})
		if err != nil {
			return nil, err
		}
	}
	return p, p.finish([]byte(x.IsTruncated), []byte(x.Token))
}

// add appends the object that e describes.
func (p *page) add(e entry) error {
	key, err := unquery(e.key)
	if err != nil || key == "" {
		return fmt.Errorf("key %q", e.key)
	}
	size, err := strconv.ParseInt(string(e.size), 10, 64)
	if err != nil || size < 0 {
		return fmt.Errorf("key %q: size %q", key, e.size)
	}
	var warnings []string
	modified, err := parseTime(e.modified)
	if err != nil || modified.Year() > 9999 {
		modified, warnings = time.Time{}, []string{oddTime(string(e.modified))}
	}
	obj := store.Object{Key: key, Size: size, Hash: string(bytes.Trim(e.etag, `"`)), Modified: modified, Class: classOf(e.class), Warnings: warnings}
	if string(e.kind) == "Normal" {
		obj.MD5 = md5Of(obj.Hash, "Normal")
	}
	obj.Frozen = frozen(obj.Class, e.restore)
	p.objects = append(p.objects, obj)
	return nil
}

// level puts what keys have in common among the objects, as the keys of some that are nothing
// else. It fails where the page is not one of the level below prefix: no key goes on behind
// the first delimiter.
func (p *page) level(prefix, delimiter string) error {
	for _, common := range p.common {
		key, err := unquery([]byte(common))
		if err != nil || !strings.HasSuffix(key, delimiter) {
			return fmt.Errorf("common prefix %q", common)
		}
		p.objects = append(p.objects, store.Object{Key: key})
	}
	for _, o := range p.objects {
		name, ok := strings.CutPrefix(o.Key, prefix)
		if _, deeper, _ := strings.Cut(name, delimiter); !ok || deeper != "" {
			return fmt.Errorf("%q is not of the level below %q", o.Key, prefix)
		}
	}
	slices.SortFunc(p.objects, func(a, b store.Object) int { return strings.Compare(a.Key, b.Key) })
	return nil
}

func oddTime(text string) string {
	return fmt.Sprintf("its Last-Modified %.40q cannot be read: it counts as without one", text)
}

// finish takes what a page says of the pages after it.
func (p *page) finish(truncated, token []byte) error {
	switch string(truncated) {
	case "true":
		p.truncated = true
	case "false":
	default:
		return fmt.Errorf("IsTruncated is %q", truncated)
	}
	var err error
	if p.token, err = unquery(token); err != nil {
		return fmt.Errorf("token %q", token)
	}
	if p.truncated && p.token == "" {
		return errors.New("there is more, but no token to ask for it")
	}
	return nil
}

// unquery undoes the encoding of a query, as url.QueryUnescape does.
func unquery(b []byte) (string, error) {
	i := bytes.IndexAny(b, "%+")
	if i < 0 {
		return string(b), nil
	}
	out := make([]byte, i, len(b))
	copy(out, b)
	for ; i < len(b); i++ {
		switch c := b[i]; c {
		case '+':
			out = append(out, ' ')
		case '%':
			if i+2 >= len(b) {
				return "", errors.New("cut-off escape")
			}
			hi, okHi := nibble(b[i+1])
			lo, okLo := nibble(b[i+2])
			if !okHi || !okLo {
				return "", errors.New("bad escape")
			}
			out, i = append(out, hi<<4|lo), i+2
		default:
			out = append(out, c)
		}
	}
	return string(out), nil
}

// parseTime reads 2006-01-02T15:04:05.000Z without time.Parse, and whatever else with it.
func parseTime(b []byte) (time.Time, error) {
	if len(b) == 24 && b[4] == '-' && b[7] == '-' && b[10] == 'T' && b[13] == ':' && b[16] == ':' && b[19] == '.' && b[23] == 'Z' {
		year, ok1 := digits(b[0:4])
		month, ok2 := digits(b[5:7])
		day, ok3 := digits(b[8:10])
		hour, ok4 := digits(b[11:13])
		minute, ok5 := digits(b[14:16])
		second, ok6 := digits(b[17:19])
		milli, ok7 := digits(b[20:23])
		if ok1 && ok2 && ok3 && ok4 && ok5 && ok6 && ok7 && month >= 1 && month <= 12 && day >= 1 && day <= 28 && hour < 24 && minute < 60 && second < 60 {
			return time.Date(year, time.Month(month), day, hour, minute, second, milli*1_000_000, time.UTC), nil
		}
	}
	t, err := time.Parse(time.RFC3339Nano, string(b))
	return t.UTC(), err
}

func digits(b []byte) (int, bool) {
	n := 0
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, true
}
