package oss

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// blank returns an object with what the request's headers say of it.
func (c *call) blank() (*object, error) {
	h := c.r.Header
	o := &object{key: c.key, class: c.b.class}
	var err error
	if o.attrs, err = packAttrs(h, c.ossHeaders()); err != nil {
		return nil, err
	}
	if v := h.Get("X-Oss-Server-Side-Encryption"); v != "" && v != "AES256" && v != "KMS" && v != "SM4" {
		return nil, refuse(400, "InvalidEncryptionAlgorithmError", unknownEC, "The Encryption Method specified is not supported").with("Method", v)
	}
	if v := h.Get("X-Oss-Storage-Class"); v != "" {
		n, ok := named(classNames[:], v)
		if !ok {
			return nil, badArgument("x-oss-storage-class", v, "The storage class you specified is not valid.")
		}
		o.class = class(n)
	}
	if o.acl, err = parseACL(h.Get("X-Oss-Object-Acl"), true); err != nil {
		return nil, err
	}
	tags, err := parseTags(h.Get("X-Oss-Tagging"))
	if err != nil {
		return nil, err
	}
	if len(tags) > 0 {
		o.more = &more{tags: tags}
	}
	return o, nil
}

// parseACL reads an access control list; "" is the default one of an object.
func parseACL(name string, object bool) (acl, error) {
	if name == "" {
		return aclDefault, nil
	}
	n, ok := named(aclNames[:], name)
	if !ok || !object && acl(n) == aclDefault {
		return 0, badArgument("acl", name, "The access control list you specified is not valid.")
	}
	return acl(n), nil
}

// parseTags reads x-oss-tagging, a query of names and values.
func parseTags(header string) ([]pair, error) {
	if header == "" {
		return nil, nil
	}
	var tags []pair
	for item := range strings.SplitSeq(header, "&") {
		name, value, _ := strings.Cut(item, "=")
		n, err1 := url.QueryUnescape(name)
		v, err2 := url.QueryUnescape(value)
		if err1 != nil || err2 != nil {
			return nil, badTag()
		}
		tags = append(tags, pair{n, v})
	}
	return tags, checkTags(tags)
}

func badTag() *apiError {
	return refuse(400, "InvalidTag", unknownEC, "The tag you specified is not valid.")
}

const tagMarks = "+-=._:/ "

// checkTags holds tags against OSS's limits: 10 of them, names of 1 to 128 and
// values of up to 256 characters, letters, digits and a few marks.
func checkTags(tags []pair) error {
	if len(tags) > 10 {
		return refuse(400, "InvalidTag", unknownEC, "Object tags cannot be greater than 10.")
	}
	sortTags(tags)
	for i, t := range tags {
		if t.name == "" || len([]rune(t.name)) > 128 || len([]rune(t.value)) > 256 || i > 0 && tags[i-1].name == t.name || !tagText(t.name) || !tagText(t.value) {
			return badTag()
		}
	}
	return nil
}

func tagText(s string) bool {
	for _, r := range s {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r < 0x80 && !strings.ContainsRune(tagMarks, r) {
			return false
		}
	}
	return true
}

func sortTags(tags []pair) {
	slices.SortFunc(tags, func(a, b pair) int { return strings.Compare(a.name, b.name) })
}

// forbid reads x-oss-forbid-overwrite (error page 0017-00000279), and refuses
// early what will be refused anyway, but for a short body: it has come with its head.
func (c *call) forbid() (bool, error) {
	switch v := c.r.Header.Get("X-Oss-Forbid-Overwrite"); v {
	case "", "false":
		return false, nil
	case "true":
		short := c.r.Method == http.MethodPut && c.r.ContentLength > 0 && c.r.ContentLength <= minChunk
		if !short && !c.b.versioned() {
			if _, err := c.b.find(c.key, ""); err == nil {
				return true, refuseTaken(c.key)
			}
		}
		return true, nil
	default:
		return false, refuse(400, "InvalidArgument", "0017-00000279", "The value of x-oss-forbid-overwrite must be true or false.").with("ArgumentName", "x-oss-forbid-overwrite", "ArgumentValue", v)
	}
}

// fresh returns the object that the request's headers describe, and whether it must not
// replace one.
func (c *call) fresh() (o *object, forbid bool, err error) {
	if o, err = c.blank(); err == nil {
		forbid, err = c.forbid()
	}
	return o, forbid, err
}

// put is PutObject.
func (c *call) put() error {
	o, forbid, err := c.fresh()
	if err != nil {
		return err
	}
	got, err := c.receive()
	if err != nil {
		return err
	}
	o.size, o.crc, o.sum, o.body, o.at = got.size, got.crc, got.sum, got.body, c.s.now().UnixNano()
	if err := c.b.add(o, forbid, c.s.nextID); err != nil {
		return err
	}
	c.s.tellStored(c.bucket, o)
	c.sayStored(o)
	return c.empty(http.StatusOK)
}

// sayStored sets what is said of an object that was just stored.
func (c *call) sayStored(o *object) {
	h := c.w.Header()
	h["Etag"] = []string{`"` + o.etag() + `"`}
	h["X-Oss-Hash-Crc64ecma"] = []string{strconv.FormatUint(o.crc, 10)}
	if o.kind == normal && o.parts == 0 {
		h["Content-Md5"] = []string{base64MD5(o.sum)}
	}
	c.sayVersion(o)
}

// sayVersion names the version where the bucket was ever versioned.
func (c *call) sayVersion(o *object) {
	if c.b.versioned() {
		c.w.Header()["X-Oss-Version-Id"] = []string{o.version()}
	}
}

// append is AppendObject.
func (c *call) append() error {
	v, ok := c.param("position")
	if !ok {
		return refuse(400, "MissingArgument", "0016-00000501", "Missing Some Required Arguments.").with("ArgumentName", "position")
	}
	position, err := strconv.ParseInt(v, 10, 64)
	if err != nil || position < 0 {
		return badArgument("position", v, "The position must be a number that is not negative.")
	}
	if c.has("versionId") {
		return refuse(400, "InvalidArgument", "0016-00000504", "AppendObject does not support versionId.").with("ArgumentName", "versionId")
	}
	fresh, err := c.blank()
	if err != nil {
		return err
	}
	if fresh.class.frozen() {
		return refuse(400, "OperationNotSupported", unknownEC, "The operation is not supported for this resource.")
	}
	got, err := c.receive()
	if err != nil {
		return err
	}
	o, err := c.grow(fresh, position, got)
	if err != nil {
		return err
	}
	c.s.tellStored(c.bucket, o)
	c.w.Header()["X-Oss-Next-Append-Position"] = []string{strconv.FormatInt(o.size, 10)}
	c.sayStored(o)
	return c.empty(http.StatusOK)
}

// grow adds what came to the current object, or makes it one where there is none.
func (c *call) grow(fresh *object, position int64, got received) (*object, error) {
	now := c.s.now().UnixNano()
	o, err := c.b.change(c.key, "", func(o *object, _ *more) error {
		if o.kind != appendable {
			return refuse(409, "ObjectNotAppendable", unknownEC, "The object is not appendable.").with("Key", c.key)
		}
		if o.size != position {
			return misplaced(o.size)
		}
		if o.size+got.size > maxObject {
			return tooLarge(o.size + got.size)
		}
		o.extend(got, now)
		return nil
	})
	if e, ok := errors.AsType[*apiError](err); !ok || e.code != "NoSuchKey" {
		return o, err
	}
	if position != 0 {
		return nil, misplaced(0)
	}
	fresh.kind = appendable
	fresh.extend(got, now)
	return fresh, c.b.add(fresh, false, c.s.nextID)
}

func misplaced(length int64) *apiError {
	return refuse(409, "PositionNotEqualToLength", "0026-00000016", "Position is not equal to file length").saying("x-oss-next-append-position", strconv.FormatInt(length, 10))
}
