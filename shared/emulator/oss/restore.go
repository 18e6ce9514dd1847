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

// clean is CleanRestoredObject: it ends the life of a restored copy early
// (error pages 0016-00000718 and -719).
func (c *call) clean() error {
	now := c.s.now()
	o, err := c.b.change(c.key, c.value("versionId"), func(o *object, m *more) error {
		switch {
		case o.class != coldArchive && o.class != deepColdArchive:
			return refuse(400, "OperationNotSupported", unknownEC, "The operation is not supported for this resource.").with("Resource", "CleanRestoredObject")
		case m.thawed.IsZero() || !now.Before(m.frozenAt):
			return refuse(409, "ArchiveRestoreFileStale", "0016-00000718", "The archive file or restore info stale")
		case now.Before(m.thawed):
			return refuse(409, "ArchiveRestoreNotFinished", "0016-00000719", "The archive file's restore is not finished.")
		}
		m.thawed, m.frozenAt = time.Time{}, time.Time{}
		return nil
	})
	if err != nil {
		return err
	}
	c.sayVersion(o)
	return c.empty(http.StatusOK)
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

// restoration is the header x-oss-restore of a frozen object, and the
// RestoreInfo of listings, if it has one.
func (o *object) restoration(now time.Time) string {
	from, to := o.thaw()
	switch {
	case from.IsZero() || !now.Before(to):
		return ""
	case now.Before(from):
		return `ongoing-request="true"`
	}
	return `ongoing-request="false", expiry-date="` + to.UTC().Format(http.TimeFormat) + `"`
}
