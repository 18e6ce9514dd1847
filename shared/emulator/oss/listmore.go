package oss

import (
	"slices"
	"strings"
)

// version is an entry of ListObjectVersions.
type listedVersion struct {
	object *object
	newest bool
	prefix string
}

// listVersions is ListObjectVersions.
func (c *call) listVersions() error {
	x := newXML()
	q, err := c.ask(x, "key-marker", "max-keys")
	if err != nil {
		return err
	}
	marker := c.value("version-id-marker")
	if marker != "" && q.after == "" {
		return badArgument("version-id-marker", marker, "A version-id-marker cannot be specified without a key-marker.")
	}
	list, more := c.b.versions(q, marker)
	x.open("ListVersionsResult")
	x.text("Name", c.bucket)
	x.key("Prefix", q.prefix)
	x.key("KeyMarker", q.after)
	x.text("VersionIdMarker", marker)
	c.writePage(x, q, more)
	if more {
		last := list[len(list)-1]
		if last.object == nil {
			x.key("NextKeyMarker", last.prefix)
		} else {
			x.key("NextKeyMarker", last.object.key)
			x.text("NextVersionIdMarker", last.object.version())
		}
	}
	for _, v := range list {
		switch {
		case v.object == nil:
			x.prefix(v.prefix)
			continue
		case v.object.deleted:
			x.open("DeleteMarker")
		default:
			x.open("Version")
		}
		x.key("Key", v.object.key)
		x.text("VersionId", v.object.version())
		x.flag("IsLatest", v.newest)
		if v.object.deleted {
			x.time("LastModified", v.object.time())
			x.owner()
			x.close("DeleteMarker")
			continue
		}
		x.attributes(v.object)
		x.owner()
		x.close("Version")
	}
	x.close("ListVersionsResult")
	return c.xml(x)
}

// versions returns a page of all versions, newest first within a key. marker
// is the version of q.after to go on behind.
func (b *bucket) versions(q question, marker string) (list []listedVersion, more bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	from, ok := q.start()
	if !ok {
		return nil, false
	}
	if marker != "" {
		from = max(q.after, q.prefix)
	}
	at := b.index.from(from)
	for head := at.object(); head != nil && strings.HasPrefix(head.key, q.prefix); head = at.object() {
		if common := q.common(head.key); common != "" {
			if len(list) == q.limit {
				return list, true
			}
			list = append(list, listedVersion{prefix: common})
			behind, ok := past(common)
			if !ok {
				return list, false
			}
			at = b.index.from(behind)
			continue
		}
		skip := marker != "" && head.key == q.after
		for o := head; o != nil; o = o.older() {
			if skip {
				skip = o.version() != marker
				continue
			}
			if len(list) == q.limit {
				return list, true
			}
			list = append(list, listedVersion{object: o, newest: o == head})
		}
		at.next()
	}
	return list, false
}

// listUploads is ListMultipartUploads.
func (c *call) listUploads() error {
	x := newXML()
	q, err := c.ask(x, "key-marker", "max-uploads")
	if err != nil {
		return err
	}
	if !c.has("max-uploads") {
		q.limit = maxListed
	}
	marker := c.value("upload-id-marker")
	c.b.mu.RLock()
	all := make([]*upload, 0, len(c.b.uploads))
	for _, u := range c.b.uploads {
		key := u.blank.key
		if strings.HasPrefix(key, q.prefix) && (key > q.after || key == q.after && marker != "" && u.id > marker) {
			all = append(all, u)
		}
	}
	c.b.mu.RUnlock()
	slices.SortFunc(all, func(a, b *upload) int {
		if d := strings.Compare(a.blank.key, b.blank.key); d != 0 {
			return d
		}
		return strings.Compare(a.id, b.id)
	})
	c.writeUploads(x, q, marker, all)
	return c.xml(x)
}

func (c *call) writeUploads(x *xmlWriter, q question, marker string, all []*upload) {
	var shown []*upload
	var prefixes []string
	nextKey, nextID, more := "", "", false
	for _, u := range all {
		common := q.common(u.blank.key)
		if common != "" && (slices.Contains(prefixes, common) || q.after == common) {
			continue
		}
		if len(shown)+len(prefixes) == q.limit {
			more = true
			break
		}
		if common != "" {
			prefixes = append(prefixes, common)
			nextKey, nextID = common, ""
			continue
		}
		shown = append(shown, u)
		nextKey, nextID = u.blank.key, u.id
	}
	x.open("ListMultipartUploadsResult")
	if x.coda != "" {
		x.text("EncodingType", x.coda)
	}
	x.text("Bucket", c.bucket)
	x.key("KeyMarker", q.after)
	x.text("UploadIdMarker", marker)
	if more {
		x.key("NextKeyMarker", nextKey)
		x.text("NextUploadIdMarker", nextID)
	}
	x.key("Delimiter", q.delimiter)
	x.key("Prefix", q.prefix)
	x.number("MaxUploads", int64(q.limit))
	x.flag("IsTruncated", more)
	for _, u := range shown {
		x.open("Upload")
		x.key("Key", u.blank.key)
		x.text("UploadId", u.id)
		x.text("StorageClass", u.blank.class.String())
		x.time("Initiated", u.begun)
		x.close("Upload")
	}
	for _, p := range prefixes {
		x.prefix(p)
	}
	x.close("ListMultipartUploadsResult")
}

// listParts is ListParts.
func (c *call) listParts() error {
	x := newXML()
	if err := c.encoding(x); err != nil {
		return err
	}
	limit, err := c.number("max-parts", 1, maxListed, maxListed)
	if err != nil {
		return err
	}
	after, err := c.number("part-number-marker", 0, maxParts, 0)
	if err != nil {
		return err
	}
	id := c.value("uploadId")
	c.b.mu.RLock()
	u, err := c.b.uploadLocked(id, c.key)
	var parts []*part
	if err == nil {
		parts = u.sorted()
	}
	c.b.mu.RUnlock()
	if err != nil {
		return err
	}
	parts = slices.DeleteFunc(parts, func(p *part) bool { return p.number <= after })
	more := len(parts) > limit
	parts = parts[:min(limit, len(parts))]
	next := after
	if len(parts) > 0 {
		next = parts[len(parts)-1].number
	}
	x.open("ListPartsResult")
	if x.coda != "" {
		x.text("EncodingType", x.coda)
	}
	x.text("Bucket", c.bucket)
	x.key("Key", c.key)
	x.text("UploadId", id)
	x.text("StorageClass", u.blank.class.String())
	x.number("PartNumberMarker", int64(after))
	x.number("NextPartNumberMarker", int64(next))
	x.number("MaxParts", int64(limit))
	x.flag("IsTruncated", more)
	for _, p := range parts {
		x.open("Part")
		x.number("PartNumber", int64(p.number))
		x.time("LastModified", p.at)
		x.b = append(x.b, `<ETag>"`+p.etag()+`"</ETag>`...)
		x.text("HashCrc64ecma", formatCRC(p.crc))
		x.number("Size", p.size)
		x.close("Part")
	}
	x.close("ListPartsResult")
	return c.xml(x)
}
