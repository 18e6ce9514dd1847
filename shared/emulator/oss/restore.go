package oss

import (
	"net/http"
	"strconv"
	"time"
)

// thawing is how long restoring takes: of Archive the minute that OSS names,
// of the colder classes the longest time of the priority Expedited, Standard
// or Bulk (OSS, RestoreObject).
func thawing(of class, tier string) (time.Duration, bool) {
	switch {
	case of == archive:
		return time.Minute, true
	case of == coldArchive && tier == "Expedited":
		return time.Hour, true
	case of == coldArchive && (tier == "Standard" || tier == ""):
		return 5 * time.Hour, true
	case of == coldArchive && tier == "Bulk":
		return 12 * time.Hour, true
	case of == deepColdArchive && tier == "Expedited":
		return 12 * time.Hour, true
	case of == deepColdArchive && (tier == "Standard" || tier == ""):
		return 48 * time.Hour, true
	}
	return 0, false
}

// restore is RestoreObject: 202 the first time, 409 while it goes on, 200 when
// the restored copy only lives longer.
func (c *call) restore() error {
	doc, some, err := c.document("RestoreRequest")
	if err != nil {
		return err
	}
	days := 1
	if some {
		if days, err = strconv.Atoi(doc.word("Days")); err != nil || days < 1 || days > 365 {
			return malformedXML()
		}
	}
	now := c.s.now()
	status := http.StatusAccepted
	o, err := c.b.change(c.key, c.value("versionId"), func(o *object, m *more) error {
		wait, ok := thawing(o.class, doc.get("JobParameters").word("Tier"))
		switch {
		case !o.class.frozen():
			return refuse(400, "OperationNotSupported", unknownEC, "The operation is not supported for this resource.").with("Resource", "Restore")
		case !ok:
			return malformedXML()
		case !m.thawed.IsZero() && now.Before(m.thawed):
			return refuse(409, "RestoreAlreadyInProgress", unknownEC, "The restore operation is in progress.")
		case !m.thawed.IsZero() && now.Before(m.frozenAt):
			m.frozenAt, status = now.AddDate(0, 0, days), http.StatusOK
			return nil
		}
		m.thawed = now.Add(wait)
		m.frozenAt = m.thawed.AddDate(0, 0, days)
		return nil
	})
	if err != nil {
		return err
	}
	c.sayVersion(o)
	return c.empty(status)
}

// thaw returns when a restored copy begins and ends to be readable.
func (o *object) thaw() (from, to time.Time) {
	if o.more == nil {
		return
	}
	return o.more.thawed, o.more.frozenAt
}

// readable reports whether a frozen object is restored now.
func (c *call) readable(o *object) bool {
	from, to := o.thaw()
	now := c.s.now()
	return !from.IsZero() && !now.Before(from) && now.Before(to)
}

// restoration is the header x-oss-restore of a frozen object, if it has one.
func (c *call) restoration(o *object) string {
	from, to := o.thaw()
	switch now := c.s.now(); {
	case from.IsZero() || !now.Before(to):
		return ""
	case now.Before(from):
		return `ongoing-request="true"`
	}
	return `ongoing-request="false", expiry-date="` + to.UTC().Format(http.TimeFormat) + `"`
}
