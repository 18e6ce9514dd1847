package kodo

import (
	"fmt"
	"net/http"
	"strings"

	"kodoferry/shared/digest"
	"kodoferry/shared/fault"
	"kodoferry/shared/store"
	"kodoferry/shared/transport"
)

// wanted is what was asked for.
type wanted struct {
	o      store.Object
	off, n int64
}

// part reports whether a range is asked for.
func (w wanted) part() bool { return w.off > 0 || w.n > 0 }

func (w wanted) header() string {
	if w.n < 0 {
		return fmt.Sprintf("bytes=%d-", w.off)
	}
	return fmt.Sprintf("bytes=%d-%d", w.off, w.off+w.n-1)
}

// holds holds an answer against what was asked for, and returns how many bytes
// its body must have; -1 where its framing alone tells.
func (w wanted) holds(resp *http.Response, found *store.Object) (int64, error) {
	fail := func(kind fault.Kind, format string, args ...any) (int64, error) {
		return 0, fault.New(kind, "kodo.Open", w.o.Key, fmt.Errorf(format, args...))
	}
	if digest.IsQetag(w.o.Hash) && !digest.IsQetag(found.Hash) {
		found.Hash = "" // an entity tag of the CDN's own
	}
	known := w.o.Hash != ""
	differs := func(kind fault.Kind, format string, args ...any) (int64, error) {
		return 0, fault.New(kind, "kodo.Open", w.o.Key, &another{fmt.Sprintf(format, args...)})
	}
	coding := resp.Header.Get("Content-Encoding")
	switch {
	case known && found.Hash != "" && found.Hash != w.o.Hash:
		return differs(fault.Changed, "its hash is %s now, not %s", found.Hash, w.o.Hash)
	case known && found.Hash == "" && found.Size >= 0 && found.Size != w.o.Size:
		return differs(fault.Changed, "it has %d bytes now, not %d", found.Size, w.o.Size)
	case known && found.Size >= 0 && found.Size != w.o.Size:
		return differs(fault.Corrupt, "the download host sends %d bytes under the hash of %d: where a CDN domain alters content, name another domain= or none", found.Size, w.o.Size)
	case known && found.Size < 0 && coding != "" && !strings.EqualFold(coding, "identity") && !strings.EqualFold(coding, w.o.Header["Content-Encoding"]):
		return differs(fault.Corrupt, "the download host sends it compressed as %.40q, which was not asked for: where a CDN domain alters content, name another domain= or none", coding)
	case known && found.Size < 0 && found.Hash == "" && isPage(found.Type) && !isPage(w.o.Type):
		return differs(fault.Corrupt, "the download host sends a page of HTML in its place")
	}
	size := found.Size
	if size < 0 && known {
		size = w.o.Size
	}
	found.Size = max(size, 0)
	switch {
	case resp.StatusCode == http.StatusRequestedRangeNotSatisfiable:
		if size != w.off {
			return fail(fault.Invalid, "offset %d of %d bytes", w.off, size)
		}
		return 0, nil
	case resp.StatusCode == http.StatusPartialContent && w.part():
		return w.span(resp, size)
	case resp.StatusCode != http.StatusOK:
		return fail(fault.Temporary, "an answer of status %d", resp.StatusCode)
	case w.part() && (w.off > 0 || size < 0 || size > w.n):
		return fail(fault.Invalid, "the download host ignores ranges: name another, domain=")
	case size < 0 && len(resp.TransferEncoding) == 0 && w.n != 0:
		return fail(fault.Temporary, "the answer does not say where it ends")
	}
	return size, nil
}

// another is why what the download host sends is not the object that was asked for.
type another struct{ says string }

func (a *another) Error() string { return a.says }

// isPage reports whether a Content-Type is that of HTML.
func isPage(kind string) bool {
	essence, _, _ := strings.Cut(kind, ";")
	return strings.EqualFold(strings.TrimSpace(essence), "text/html")
}

// span is how many bytes a part must have, of an object of size (-1: not known).
func (w wanted) span(resp *http.Response, size int64) (int64, error) {
	first, last, _, ok := store.ContentRange(resp.Header.Get("Content-Range"))
	n := last - first + 1
	end := w.off + w.n
	if w.n < 0 || size >= 0 && end > size {
		end = size
	}
	if !ok || first != w.off || end >= 0 && last+1 != end || resp.ContentLength >= 0 && resp.ContentLength != n {
		return 0, fault.New(fault.Corrupt, "kodo.Open", w.o.Key, fmt.Errorf("asked for %s, got %d bytes said to be %q", w.header(), resp.ContentLength, resp.Header.Get("Content-Range")))
	}
	return n, nil
}

// What Kodo says of every download, whether or not it was kept with the object.
const (
	usualCaching     = "public, max-age=31536000"
	usualDisposition = "inline; filename="
)

// answered is what a download's header says of the object. Size is -1 where it does not.
func answered(key string, resp *http.Response) store.Object {
	o := store.Object{Key: key, Size: resp.ContentLength, Type: resp.Header.Get("Content-Type")}
	switch resp.StatusCode {
	case http.StatusPartialContent, http.StatusRequestedRangeNotSatisfiable:
		o.Size = -1
		if _, _, total, ok := store.ContentRange(resp.Header.Get("Content-Range")); ok {
			o.Size = total
		}
	}
	o.Hash = strings.Trim(strings.TrimPrefix(resp.Header.Get("ETag"), "W/"), `"`)
	if at, err := store.ParseTime(resp.Header.Get("Last-Modified")); err == nil {
		o.Modified = at.UTC()
	}
	for _, line := range transport.Refused(resp.Header) {
		name, value, _ := strings.Cut(line, ":")
		warn(&o, "the download host sent the header line %.100q, which HTTP's grammar refuses: what the listing says counts", line)
		if name = strings.TrimSpace(name); len(name) >= len(metaPrefix) && strings.EqualFold(name[:len(metaPrefix)], metaPrefix) {
			setMeta(&o, name, strings.TrimSpace(value))
		}
	}
	for name, values := range resp.Header {
		value := values[0]
		switch {
		case len(name) >= len(metaPrefix) && strings.EqualFold(name[:len(metaPrefix)], metaPrefix):
			setMeta(&o, name, value)
		case name == "Cache-Control" && value == usualCaching, name == "Content-Disposition" && strings.HasPrefix(value, usualDisposition):
		case kept(name):
			setMeta(&o, headerMark+name, value)
		}
	}
	return o
}
