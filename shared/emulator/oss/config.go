package oss

import (
	"io"
	"net/http"
	"slices"
	"strings"
)

func (c *call) writeACL(list acl) error {
	x := newXML()
	x.open("AccessControlPolicy")
	x.owner()
	x.open("AccessControlList")
	x.text("Grant", list.String())
	x.close("AccessControlList")
	x.close("AccessControlPolicy")
	return c.xml(x)
}

func (c *call) getBucketACL() error { return c.writeACL(c.b.acl()) }

func (c *call) putBucketACL() error {
	name := c.r.Header.Get("X-Oss-Acl")
	list, err := parseACL(name, false)
	if err != nil || name == "" {
		return badArgument("x-oss-acl", name, "The access control list you specified is not valid.")
	}
	c.b.mu.Lock()
	c.b.list = list
	c.b.mu.Unlock()
	return c.empty(http.StatusOK)
}

func (c *call) getVersioning() error {
	c.b.mu.RLock()
	state := c.b.versioning
	c.b.mu.RUnlock()
	x := newXML()
	x.open("VersioningConfiguration")
	if state != unversioned {
		x.text("Status", string(state))
	}
	x.close("VersioningConfiguration")
	return c.xml(x)
}

func (c *call) putVersioning() error {
	doc, _, err := c.document("VersioningConfiguration")
	if err != nil {
		return err
	}
	state := versioning(doc.word("Status"))
	if state != enabled && state != suspended {
		return malformedXML()
	}
	c.b.mu.Lock()
	c.b.versioning = state
	c.b.mu.Unlock()
	return c.empty(http.StatusOK)
}

// defaults are the documents of a bucket that always has one, as OSS's API
// reference shows them for a bucket where nothing was set.
var defaults = map[string]string{
	"tagging":        "<Tagging><TagSet></TagSet></Tagging>",
	"logging":        "<BucketLoggingStatus></BucketLoggingStatus>",
	"referer":        "<RefererConfiguration><AllowEmptyReferer>true</AllowEmptyReferer><RefererList></RefererList></RefererConfiguration>",
	"requestPayment": "<RequestPaymentConfiguration><Payer>BucketOwner</Payer></RequestPaymentConfiguration>",
	"accessmonitor":  "<AccessMonitorConfiguration><Status>Disabled</Status></AccessMonitorConfiguration>",
}

// slot is the name that a document is kept under: a bucket has an inventory of each id.
func (c *call) slot(name string) (string, error) {
	id, ok := c.param("inventoryId")
	switch {
	case name != "inventory":
		return name, nil
	case !ok: // the list of all
		return "", notImplemented()
	case id == "":
		return "", badArgument("inventoryId", id, "The inventory id is empty.")
	}
	return name + "/" + id, nil
}

// config keeps, reads or deletes a document of the bucket as it came.
func (c *call) config(name string) error {
	slot, err := c.slot(name)
	if err != nil {
		return err
	}
	switch c.r.Method {
	case http.MethodPut, http.MethodPost:
		b, err := io.ReadAll(io.LimitReader(c.r.Body, maxQuestion))
		if err != nil {
			return incomplete()
		}
		if err := checkMD5(c.r.Header.Get("Content-Md5"), md5Of(b)); err != nil {
			return err
		}
		doc, ok := parseXML(b)
		if !ok && name != "policy" {
			return malformedXML()
		}
		if name == "tagging" {
			if err := checkBucketTags(tagsOf(doc)); err != nil {
				return err
			}
		}
		c.b.mu.Lock()
		c.b.configs[slot] = b
		c.b.mu.Unlock()
		return c.empty(http.StatusOK)
	case http.MethodDelete:
		if keys := c.value(name); name == "tagging" && keys != "" {
			c.b.untag(strings.Split(keys, ","))
			return c.empty(http.StatusNoContent)
		}
		c.b.mu.Lock()
		delete(c.b.configs, slot)
		c.b.mu.Unlock()
		return c.empty(http.StatusNoContent)
	case http.MethodGet:
		c.b.mu.RLock()
		b, ok := c.b.configs[slot]
		c.b.mu.RUnlock()
		if ok {
			return c.xml(&xmlWriter{b: slices.Clip(b)})
		}
		if unset, ok := defaults[name]; ok {
			x := newXML()
			x.b = append(x.b, unset...)
			return c.xml(x)
		}
		return refuse(404, configs[name], unknownEC, "The specified configuration does not exist.").with("BucketName", c.bucket)
	}
	return refuse(405, "MethodNotAllowed", unknownEC, "The specified method is not allowed against this resource.")
}

// getACL is GetObjectACL.
func (c *call) getACL() error {
	o, err := c.b.find(c.key, c.value("versionId"))
	if err != nil {
		return err
	}
	c.sayVersion(o)
	return c.writeACL(o.acl)
}

// putACL is PutObjectACL.
func (c *call) putACL() error {
	name := c.r.Header.Get("X-Oss-Object-Acl")
	list, err := parseACL(name, true)
	if err != nil || name == "" {
		return badArgument("x-oss-object-acl", name, "The access control list you specified is not valid.")
	}
	o, err := c.b.change(c.key, c.value("versionId"), func(o *object, _ *more) error { o.acl = list; return nil })
	if err != nil {
		return err
	}
	c.sayVersion(o)
	return c.empty(http.StatusOK)
}

// getTagging is GetObjectTagging.
func (c *call) getTagging() error {
	o, err := c.b.find(c.key, c.value("versionId"))
	if err != nil {
		return err
	}
	c.sayVersion(o)
	x := newXML()
	x.tagging(o.tags())
	return c.xml(x)
}

// putTagging is PutObjectTagging.
func (c *call) putTagging() error {
	doc, some, err := c.document("Tagging")
	if err != nil {
		return err
	}
	if !some {
		return malformedXML()
	}
	tags := tagsOf(doc)
	if err := checkTags(tags); err != nil {
		return err
	}
	return c.setTags(tags, http.StatusOK)
}

// deleteTagging is DeleteObjectTagging.
func (c *call) deleteTagging() error { return c.setTags(nil, http.StatusNoContent) }

func (c *call) setTags(tags []pair, status int) error {
	o, err := c.b.change(c.key, c.value("versionId"), func(_ *object, m *more) error { m.tags = tags; return nil })
	if err != nil {
		return err
	}
	c.sayVersion(o)
	return c.empty(status)
}
