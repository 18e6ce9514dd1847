package oss

import (
	"encoding/hex"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"kodoferry/shared/digest"
)

const (
	maxParts = 10000
	minPart  = 100 << 10 // bytes of every part but the last (OSS, UploadPart)
)

// upload is a multipart upload that is neither completed nor aborted. The
// bucket's lock guards its parts.
type upload struct {
	id    string
	blank *object // the object it will be, but for its body
	begun time.Time
	parts map[int]*part
}

// part is one part; it never changes.
type part struct {
	number int
	at     time.Time
	received
}

func (p *part) etag() string { return strings.ToUpper(hex.EncodeToString(p.sum[:])) }

// upload finds an upload of a key.
func (b *bucket) upload(id, key string) (*upload, error) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.uploadLocked(id, key)
}

func (b *bucket) uploadLocked(id, key string) (*upload, error) {
	u, ok := b.uploads[id]
	if !ok || u.blank.key != key {
		return nil, noSuchUpload(id)
	}
	return u, nil
}

// begin is InitiateMultipartUpload.
func (c *call) begin() error {
	x := newXML()
	if err := c.encoding(x); err != nil {
		return err
	}
	o, _, err := c.fresh()
	if err != nil {
		return err
	}
	u := &upload{id: c.s.nextID() + "0000BEEF", blank: o, begun: c.s.now(), parts: map[int]*part{}}
	c.b.mu.Lock()
	c.b.uploads[u.id] = u
	c.b.mu.Unlock()
	x.open("InitiateMultipartUploadResult")
	if x.coda != "" {
		x.text("EncodingType", x.coda)
	}
	x.text("Bucket", c.bucket)
	x.key("Key", c.key)
	x.text("UploadId", u.id)
	x.close("InitiateMultipartUploadResult")
	return c.xml(x)
}

// partNumber returns the number of the request's part, whose upload is open; ec is OSS's
// code of one that is not.
func (c *call) partNumber(ec string) (int, error) {
	v := c.value("partNumber")
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 || n > maxParts {
		return 0, badArgument("partNumber", v, "Part number must be an integer between 1 and 10000, inclusive.")
	}
	if _, err := c.b.upload(c.value("uploadId"), c.key); err != nil {
		return 0, atUpload(err, ec)
	}
	return n, nil
}

// putPart is UploadPart.
func (c *call) putPart() error {
	number, err := c.partNumber("0042-00000104")
	if err != nil {
		return err
	}
	got, err := c.receive()
	if err != nil {
		return err
	}
	if _, err := c.keepPart(number, got); err != nil {
		return err
	}
	return c.empty(http.StatusOK)
}

// keepPart adds a part to its upload, instead of an earlier one of its number.
func (c *call) keepPart(number int, got received) (*part, error) {
	p := &part{number: number, at: c.s.now(), received: got}
	c.b.mu.Lock()
	defer c.b.mu.Unlock()
	u, err := c.b.uploadLocked(c.value("uploadId"), c.key)
	if err != nil {
		return nil, err
	}
	u.parts[number] = p
	h := c.w.Header()
	h["Etag"] = []string{`"` + p.etag() + `"`}
	h["Content-Md5"] = []string{base64MD5(p.sum)}
	h["X-Oss-Hash-Crc64ecma"] = []string{strconv.FormatUint(p.crc, 10)}
	return p, nil
}

// abort is AbortMultipartUpload.
func (c *call) abort() error {
	id := c.value("uploadId")
	c.b.mu.Lock()
	_, err := c.b.uploadLocked(id, c.key)
	if err == nil {
		delete(c.b.uploads, id)
	}
	c.b.mu.Unlock()
	if err != nil {
		return err
	}
	return c.empty(http.StatusNoContent)
}

// complete is CompleteMultipartUpload.
func (c *call) complete() error {
	x := newXML()
	if err := c.encoding(x); err != nil {
		return err
	}
	forbid, err := c.forbidComplete()
	if err != nil {
		return err
	}
	grant, err := parseACL(c.r.Header.Get("X-Oss-Object-Acl"), true)
	if err != nil {
		return err
	}
	list, every, err := c.partList()
	if err != nil {
		return err
	}
	o, err := c.assemble(list, every, forbid, grant)
	if err != nil {
		return err
	}
	c.s.tellStored(c.bucket, o)
	c.sayStored(o)
	x.open("CompleteMultipartUploadResult")
	if x.coda != "" {
		x.text("EncodingType", x.coda)
	}
	x.text("Location", "http://"+c.r.Host+"/"+c.bucket+"/"+escape(c.key, false))
	x.text("Bucket", c.bucket)
	x.key("Key", c.key)
	x.etag(o)
	x.close("CompleteMultipartUploadResult")
	return c.xml(x)
}

// forbidComplete is forbid with the code of error page 0042-00000214.
func (c *call) forbidComplete() (bool, error) {
	forbid, err := c.forbid()
	if e, ok := errors.AsType[*apiError](err); ok && e.status == http.StatusConflict {
		e.ec = "0042-00000214"
	}
	return forbid, err
}

// namedPart is a part as Complete names it.
type namedPart struct {
	number int
	etag   string
}

// partList reads what to complete: the list in the body, or with
// x-oss-complete-all: yes every part there is.
func (c *call) partList() (list []namedPart, every bool, err error) {
	doc, some, err := c.document("CompleteMultipartUpload")
	if err != nil {
		return nil, false, err
	}
	switch v := c.r.Header.Get("X-Oss-Complete-All"); {
	case v == "yes" && some && len(doc.all("Part")) > 0:
		return nil, false, refuse(400, "InvalidArgument", "0042-00000216", "Should not speficy both complete all header and http body.").with("ArgumentName", "x-oss-complete-all", "ArgumentValue", v)
	case v == "yes":
		return nil, true, nil
	case v != "":
		return nil, false, badArgument("x-oss-complete-all", v, "The value of x-oss-complete-all must be yes.")
	}
	for _, p := range doc.all("Part") {
		n, err := strconv.Atoi(p.word("PartNumber"))
		if err != nil || p.word("ETag") == "" {
			return nil, false, malformedXML()
		}
		if n < 1 || n > maxParts {
			return nil, false, badArgument("PartNumber", p.word("PartNumber"), "Part number must be an integer between 1 and 10000, inclusive.")
		}
		if len(list) > 0 && list[len(list)-1].number >= n {
			return nil, false, refuse(400, "InvalidPartOrder", unknownEC, "The list of parts was not in ascending order. The parts list must be specified in order by part number.")
		}
		list = append(list, namedPart{n, strings.ToUpper(strings.Trim(p.word("ETag"), `"`))})
	}
	if !some {
		return nil, false, malformedXML()
	}
	return list, false, nil
}

// assemble makes an object of parts and ends their upload. A list of no parts makes an empty
// object, as the vendor's own tests of its SDKs have it. grant, where it is not the default,
// is its access control list instead of what the upload began with.
func (c *call) assemble(list []namedPart, every, forbid bool, grant acl) (*object, error) {
	c.b.mu.Lock()
	defer c.b.mu.Unlock()
	id := c.value("uploadId")
	u, err := c.b.uploadLocked(id, c.key)
	if err != nil {
		return nil, err
	}
	if every {
		for _, p := range u.sorted() {
			list = append(list, namedPart{p.number, p.etag()})
		}
	}
	o := *u.blank
	if grant != aclDefault {
		o.acl = grant
	}
	o.kind, o.parts, o.at = multipart, int32(len(list)), c.s.now().UnixNano()
	var sums []byte
	var body chunks
	for i, named := range list {
		p, ok := u.parts[named.number]
		switch {
		case !ok || p.etag() != named.etag:
			return nil, refuse(400, "InvalidPart", unknownEC, "One or more of the specified parts could not be found or the specified entity tag might not have matched the part's entity tag.").
				with("UploadId", id, "PartNumber", strconv.Itoa(named.number), "PartEtag", named.etag)
		case i < len(list)-1 && p.size < minPart:
			return nil, refuse(400, "EntityTooSmall", unknownEC, "Your proposed upload smaller than the minimum allowed size.").
				with("ETag", p.etag(), "MinSizeAllowed", strconv.Itoa(minPart), "ProposedSize", strconv.FormatInt(p.size, 10), "PartNumber", strconv.Itoa(p.number))
		}
		o.crc = digest.CombineCRC64(o.crc, p.crc, p.size)
		o.size += p.size
		sums = append(sums, p.sum[:]...)
		if p.body != nil {
			body = append(body, *p.body...)
		}
	}
	o.sum = md5Of(sums)
	if len(body) > 0 {
		o.body = &body
	}
	if err := c.b.addLocked(&o, forbid, c.s.nextID); err != nil {
		return nil, err
	}
	delete(c.b.uploads, id)
	return &o, nil
}

// atUpload is err with the fine-grained code that its operation has for an upload that is
// not there (alibabacloud-oss-go-sdk-v2 v1.6.1, client_integration_object_multipart_test.go).
func atUpload(err error, ec string) error {
	if e, ok := errors.AsType[*apiError](err); ok && e.code == "NoSuchUpload" {
		e.ec = ec
	}
	return err
}

// sorted returns the parts by number, under the bucket's lock.
func (u *upload) sorted() []*part {
	out := make([]*part, 0, len(u.parts))
	for _, p := range u.parts {
		out = append(out, p)
	}
	slices.SortFunc(out, func(a, b *part) int { return a.number - b.number })
	return out
}
