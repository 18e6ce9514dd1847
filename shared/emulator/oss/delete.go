package oss

import "net/http"

// delete is DeleteObject: 204, whether there was anything or not.
func (c *call) delete() error {
	version := c.value("versionId")
	if err := c.b.undeletable(c.key, version, c.s.now()); err != nil {
		return err
	}
	marker := c.b.drop(c.key, version, c.s.now(), c.s.nextID)
	h := c.w.Header()
	if marker != nil {
		h["X-Oss-Delete-Marker"] = []string{"true"}
		version = marker.version()
	}
	if version != "" {
		h["X-Oss-Version-Id"] = []string{version}
	}
	return c.empty(http.StatusNoContent)
}

// maxDelete is how many objects DeleteMultipleObjects takes.
const maxDelete = 1000

// deleteMany is DeleteMultipleObjects. It needs a Content-MD5 (error page
// 0016-00000606). In quiet mode the answer has no body where all went well.
func (c *call) deleteMany() error {
	if c.r.Header.Get("Content-Md5") == "" {
		return refuse(400, "MissingArgument", "0016-00000606", "Missing Some Required Arguments.").with("ArgumentName", "Content-MD5")
	}
	x := newXML()
	if err := c.encoding(x); err != nil {
		return err
	}
	doc, some, err := c.document("Delete")
	if err != nil {
		return err
	}
	objects := doc.all("Object")
	if !some || len(objects) == 0 || len(objects) > maxDelete {
		return malformedXML()
	}
	for _, o := range objects {
		if err := checkKey(o.get("Key").text); err != nil {
			return err
		}
	}
	x.open("DeleteResult")
	if x.coda != "" {
		x.text("EncodingType", x.coda)
	}
	for _, o := range objects {
		key, version := o.get("Key").text, o.word("VersionId")
		if c.b.undeletable(key, version, c.s.now()) != nil {
			continue // what is not named as deleted was not
		}
		marker := c.b.drop(key, version, c.s.now(), c.s.nextID)
		x.open("Deleted")
		x.key("Key", key)
		if version != "" {
			x.text("VersionId", version)
		}
		if marker != nil {
			x.flag("DeleteMarker", true)
			x.text("DeleteMarkerVersionId", marker.version())
		}
		x.close("Deleted")
	}
	x.close("DeleteResult")
	if doc.word("Quiet") == "true" {
		return c.empty(http.StatusOK)
	}
	return c.xml(x)
}

// encoding reads encoding-type.
func (c *call) encoding(x *xmlWriter) error {
	switch v, ok := c.param("encoding-type"); {
	case !ok || v == "":
	case v == "url":
		x.coda = v
	default:
		return badArgument("encoding-type", v, "Invalid Encoding Method specified in Request.")
	}
	return nil
}
