package oss

import (
	"errors"
	"io"
	"mime"
	forms "mime/multipart"
	"net/http"
	"net/url"
	"strings"
)

// maxField is how large a field of a form may be, but for the file.
const maxField = 2 << 20

// form is what came before the file. Names of fields are in lower case, which
// OSS does not tell apart (OSS, PostObject).
type form struct {
	fields map[string]string
	file   *forms.Part
}

// post is PostObject: a web page's form as multipart/form-data, with what
// other requests say in headers in fields. Whatever follows the file is ignored.
func (c *call) post() error {
	f, err := c.readForm()
	if err != nil {
		return err
	}
	if f.fields["callback"] != "" || f.fields["x-oss-callback"] != "" {
		return notImplemented()
	}
	if c.key = strings.ReplaceAll(f.fields["key"], "${filename}", f.file.FileName()); c.key == "" {
		return badArgument("key", "", "Bucket POST must contain a field named 'key'.")
	}
	if err := checkKey(c.key); err != nil {
		return err
	}
	low, high, err := c.admit(f)
	if err != nil {
		return err
	}
	c.r.Header, c.own = f.header(), nil
	o, forbid, err := c.fresh()
	if err != nil {
		return err
	}
	got, err := c.s.read(f.file, -1, c.s.hollow(c.bucket, c.key), false)
	switch {
	case err != nil:
		return err
	case got.size < low:
		return refuse(400, "EntityTooSmall", unknownEC, "Your proposed upload is smaller than the minimum allowed size.")
	case got.size > high:
		return tooLarge(got.size)
	}
	o.size, o.crc, o.sum, o.body, o.at = got.size, got.crc, got.sum, got.body, c.s.now().UnixNano()
	if err := c.b.add(o, forbid, c.s.nextID); err != nil {
		return err
	}
	c.s.tellStored(c.bucket, o)
	return c.sayPosted(o, f.fields)
}

// readForm reads up to the file.
func (c *call) readForm() (form, error) {
	kind, params, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" || params["boundary"] == "" {
		return form{}, malformedPost()
	}
	f := form{fields: map[string]string{}}
	parts := forms.NewReader(c.r.Body, params["boundary"])
	for {
		p, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			return form{}, refuse(400, "IncorrectNumberOfFilesInPOSTRequest", unknownEC, "POST requires exactly one file upload per request.")
		}
		if err != nil {
			return form{}, malformedPost()
		}
		name := strings.ToLower(p.FormName())
		if name == "file" {
			f.file = p
			return f, nil
		}
		b, err := io.ReadAll(io.LimitReader(p, maxField+1))
		if err != nil {
			return form{}, malformedPost()
		}
		if len(b) > maxField {
			return form{}, refuse(400, "FieldItemTooLong", unknownEC, "Your form field is too long.").with("FieldName", name)
		}
		f.fields[name] = string(b)
	}
}

func malformedPost() *apiError {
	return refuse(400, "MalformedPOSTRequest", unknownEC, "The body of your POST request is not well-formed multipart/form-data.")
}

// header turns the fields into the headers of a PutObject.
func (f form) header() http.Header {
	h := http.Header{}
	h.Set("Content-Type", f.file.Header.Get("Content-Type"))
	for name, value := range f.fields {
		switch name {
		case "content-type", "cache-control", "content-disposition", "content-encoding", "content-language", "expires":
			h.Set(name, value)
		default:
			if strings.HasPrefix(name, "x-oss-") {
				h.Set(name, value)
			}
		}
	}
	if v := f.fields["x-oss-content-type"]; v != "" { // some browsers set the other
		h.Set("Content-Type", v)
	}
	return h
}

// sayPosted answers as the form asks: with a redirect, or with the status 200
// or 201 (which has a document), or with 204 (OSS, PostObject).
func (c *call) sayPosted(o *object, fields map[string]string) error {
	c.sayStored(o)
	location := "http://" + c.r.Host + "/" + c.bucket + "/" + escape(c.key, false)
	if to, err := url.Parse(fields["success_action_redirect"]); err == nil && to.IsAbs() {
		q := to.Query()
		q.Set("bucket", c.bucket)
		q.Set("key", c.key)
		q.Set("etag", `"`+o.etag()+`"`)
		to.RawQuery = q.Encode()
		c.w.Header().Set("Location", to.String())
		return c.empty(http.StatusSeeOther)
	}
	c.w.Header().Set("Location", location)
	switch fields["success_action_status"] {
	case "200":
		return c.empty(http.StatusOK)
	case "201":
		x := newXML()
		x.open("PostResponse")
		x.text("Bucket", c.bucket)
		x.text("Location", location)
		x.text("Key", c.key)
		x.etag(o)
		x.close("PostResponse")
		return c.xmlWith(http.StatusCreated, x)
	}
	return c.empty(http.StatusNoContent)
}
