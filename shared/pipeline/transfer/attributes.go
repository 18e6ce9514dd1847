package transfer

import (
	"context"
	"errors"
	"slices"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/mark"
	"kodoferry/shared/pipeline/outage"
	"kodoferry/shared/pipeline/verdict"
	"kodoferry/shared/store"
)

// setAttributes gives the target's object, which holds the source's bytes and is the
// job's, the type, headers, metadata and class that the source has now: the target copies
// it onto itself, and no byte of it travels. Its ETag and CRC64 are held against what they
// were. OSS takes the ETag for a condition, and no time: what another writer writes with
// the same bytes between the HEAD and the end of that request is written over. A nil error
// means that the row is final; an error is of the side that setAttributes returns.
func setAttributes(ctx context.Context, a *attempt) (outage.Side, error) {
	src, described := a.row.Src, a.row.Src
	if a.c.Rules.Copies().Attrs(src, described) == "" {
		var err error
		if described, err = a.c.Source.Stat(ctx, a.row.Key()); err != nil {
			return outage.Source, err
		}
		if !verdict.SameVersion(src, described) {
			return outage.Source, fault.New(fault.Changed, "set attributes", a.row.Key(), errors.New("the source was overwritten since it was listed"))
		}
	}
	if a.c.Events {
		if err := a.c.Writable(ctx, src); err != nil {
			return outage.Target, err
		}
	}
	attrs := a.c.Rules.Copies().Attrs(src, described)
	was, err := look(ctx, a)
	switch {
	case fault.KindOf(err) == fault.NotFound: // then it is to be copied
		a.row.Need, a.row.Dst = "", nil
		return a.try(ctx)
	case err != nil:
		return outage.Target, err
	case a.row.Dst.ETag == was.Hash && a.c.Rules.Copies().Carries(was, src) && was.Origin.Attrs == attrs: // an earlier delivery has done it
		updated(a, attrs, was, verdict.DstOf(was), slices.Concat(described.Warnings, a.c.Rules.Copies().LossesOf(src, described)))
		return outage.Target, nil
	case a.row.Dst.ETag == was.Hash && !a.c.Rules.Copies().Stands(*a.row.Dst, was, a.row.Author): // another writer wrote the same bytes anew
		a.final(ledger.Unchanged)
		a.row.Author, a.row.Warnings = ledger.NotOurs, a.c.Rules.Copies().LossesOf(src, described)
		a.row.Because("", "")
		anew := verdict.DstOf(was)
		anew.CRC64 = was.CRC64
		a.row.Dst = &anew
		return outage.Target, nil
	case a.row.Dst.ETag != was.Hash:
		judgeAnew(a)
		return outage.Target, fault.New(fault.Temporary, "set attributes", a.row.Key(), errReplaced)
	}
	o := nextWriting(a, described, mark.Request)
	o.Hash = was.Hash
	sent := a.c.Now()
	now, err := a.c.Target.SetAttributes(ctx, o)
	switch kind := fault.KindOf(err); {
	case kind == fault.Invalid:
		a.final(ledger.Unchanged)
		a.row.Attrs = verdict.Doubted(a.row.Attrs)
		a.row.Warnings = append(a.c.Rules.Copies().LossesOf(src, described), "its attributes changed at the source and stay as they were in the target, which does not set them in place; overwrite=always copies it anew: "+ledger.Reason(err))
		a.row.Because("", "")
		return outage.Target, nil
	case kind == fault.Changed:
		judgeAnew(a)
		return outage.Target, fault.New(fault.Temporary, "set attributes", a.row.Key(), errReplaced)
	case err != nil:
		return outage.Target, err
	}
	a.c.Clock.Learn(now.At, sent, a.c.Now())
	a.c.Sides.Served(outage.Target)
	if bad := contentChanged(was, now); bad != "" {
		a.final(ledger.Failed)
		a.row.Proof, a.row.Author, a.row.Prover = "", "", ""
		a.row.Explain(fault.Errorf("its attributes were set in the target, and with them its content changed: %s; delete it there and run again", bad))
		return outage.Target, nil
	}
	updated(a, attrs, was, ledger.Dst{ETag: now.ETag, Modified: now.At, Mark: o.Origin.Mark}, slices.Concat(described.Warnings, now.Warnings))
	return outage.Target, nil
}

// contentChanged says how the answer to a change of attributes alone differs from the
// object that there was; "" if it does not.
func contentChanged(was store.Object, now store.Stored) string {
	switch {
	case now.ETag != was.Hash:
		return "the ETag was " + was.Hash + " and is " + now.ETag
	case now.CRC64 != "" && was.CRC64 != "" && now.CRC64 != was.CRC64:
		return "the CRC64 was " + was.CRC64 + " and is " + now.CRC64
	}
	return ""
}

// updated makes the row one whose attributes were set, which made dst of was, the target's
// object. Its proof stays whose it was.
func updated(a *attempt, attrs string, was store.Object, dst ledger.Dst, warnings []string) {
	a.final(ledger.Updated)
	a.row.Author, a.row.Attrs, a.row.Warnings = "", attrs, warnings
	a.row.Because("", "")
	dst.CRC64, dst.Size = was.CRC64, a.row.Src.Size
	a.row.Dst = &dst
}
