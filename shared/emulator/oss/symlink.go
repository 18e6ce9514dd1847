package oss

import (
	"net/http"
	"net/url"
)

// putSymlink is PutSymlink. Whether there is anything under the name it points
// to is only looked at when somebody reads through it.
func (c *call) putSymlink() error {
	header := c.r.Header.Get("X-Oss-Symlink-Target")
	target, err := url.QueryUnescape(header) // the Go SDK v1 writes a space as +
	if err != nil || header == "" {
		return badArgument("x-oss-symlink-target", header, "The target of the symbolic link is not valid.")
	}
	if err := checkKey(target); err != nil {
		return err
	}
	o, err := c.blank()
	if err != nil {
		return err
	}
	forbid, err := c.forbid()
	if err != nil {
		return err
	}
	m := o.extra()
	m.target = target
	o.kind, o.more, o.sum, o.at = symlink, &m, md5Of([]byte(target)), c.s.now().UnixNano()
	if err := c.b.add(o, forbid, c.s.nextID); err != nil {
		return err
	}
	c.s.tellStored(c.bucket, o)
	c.w.Header()["Etag"] = []string{`"` + o.etag() + `"`}
	c.sayVersion(o)
	return c.empty(http.StatusOK)
}

// getSymlink is GetSymlink.
func (c *call) getSymlink() error {
	o, err := c.b.find(c.key, c.value("versionId"))
	if err != nil {
		return err
	}
	if o.kind != symlink {
		return refuse(400, "NotSymlink", unknownEC, "The object is not symlink").with("Key", c.key)
	}
	h := c.w.Header()
	o.attrs.write(h)
	h["Etag"] = []string{`"` + o.etag() + `"`}
	h["Last-Modified"] = []string{o.modified()}
	h["X-Oss-Symlink-Target"] = []string{escape(o.more.target, false)}
	c.sayVersion(o)
	return c.empty(http.StatusOK)
}

// follow is find, through a symlink: size, digests and bytes are those of what
// it names, the time is the later of both, the rest its own (OSS, HeadObject).
func (b *bucket) follow(key, version string) (*object, error) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	link, err := b.findLocked(key, version)
	if err != nil || link.kind != symlink {
		return link, err
	}
	o, err := b.findLocked(link.more.target, "")
	switch {
	case err != nil:
		return nil, refuse(404, "SymlinkTargetNotExist", unknownEC, "The target object you specified does not exist.").with("Key", key)
	case o.kind == symlink:
		return nil, refuse(400, "InvalidTargetType", unknownEC, "The object that the symbol linking to is invalid target type").with("Key", key)
	}
	seen, m := *o, o.extra()
	m.version, m.tags, m.older = link.more.version, link.more.tags, nil
	seen.key, seen.attrs, seen.acl, seen.kind, seen.at, seen.more = key, link.attrs, link.acl, symlink, max(o.at, link.at), &m
	return &seen, nil
}
