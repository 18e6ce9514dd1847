package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"

	"kodoferry/shared/digest"
	"kodoferry/shared/fault"
	"kodoferry/shared/store"
)

const (
	sampled     = 20      // objects that are read and compared with their hashes
	sampledSize = 4 << 20 // bytes of the biggest of them
)

// bytes reads some objects whole and compares them with their listed hashes: a
// domain may alter what it serves, as a CDN that makes pictures slim does.
func (x *Examination) bytes(ctx context.Context, b store.Source, first []store.Object) {
	some := sample(first, sampled, sampledSize)
	if len(some) == 0 {
		x.ask(ctx, "readable", func(context.Context) (State, string) {
			if len(first) == 0 {
				return Noted, "the source lists nothing here: check the bucket and the prefix; a run that finds nothing to copy is not verified unless allowEmpty (--allow-empty) says that it may be so"
			}
			return Noted, fmt.Sprintf("there is nothing to read among the first %d objects: none of 1 byte to 4 MiB that is neither archived nor disabled", len(first))
		})
		return
	}
	var wrong []string // keys whose bytes are not the listed ones
	var read, unhashed int
	state := x.ask(ctx, "readable", func(ctx context.Context) (State, string) {
		for _, o := range some {
			hashed, err := whole(ctx, b, o)
			switch kind := fault.KindOf(err); {
			case err == nil:
				read++
				if !hashed {
					unhashed++
				}
			case kind == fault.Corrupt:
				read++
				wrong = append(wrong, o.Key)
			case kind == fault.NotFound || kind == fault.Changed: // it was deleted or overwritten since it was listed
			default:
				if c, ok := b.(checked); ok {
					if said := patiently(ctx, c.Check); said != nil {
						err = said
					}
				}
				return Failed, plain(err)
			}
		}
		return Fine, fmt.Sprintf("%d objects were read whole", read)
	})
	if state == Failed {
		return
	}
	x.ask(ctx, "same bytes", func(ctx context.Context) (State, string) {
		switch {
		case len(wrong) > 0:
			return Failed, x.whose(ctx, wrong, read)
		case unhashed > 0:
			return Noted, fmt.Sprintf("%d of %d objects have no hash that their bytes could be held against: they are proved by size and CRC64 alone", unhashed, read)
		}
		return Fine, fmt.Sprintf("%d objects have the bytes whose hashes are listed", read)
	})
}

// whole reads all of o, and reports whether its bytes were held against a hash: one
// that was listed, or the MD5 that comes with the answer, as a copy does. Corrupt
// says that it is not what was listed.
func whole(ctx context.Context, b store.Source, o store.Object) (hashed bool, err error) {
	found, body, err := b.Open(ctx, o, 0, -1)
	if fault.KindOf(err) == fault.Changed {
		// A host that serves something else tells the same as an object that was overwritten.
		now, serr := b.Stat(ctx, o.Key)
		if serr == nil && now.Hash == o.Hash && now.Size == o.Size {
			err = fault.New(fault.Corrupt, "app.Examine", o.Key, err)
		}
	}
	if errors.Is(err, store.ErrServedAnother) {
		err = fault.New(fault.Corrupt, "app.Examine", o.Key, err)
	}
	if err != nil {
		return false, err
	}
	defer func() { _ = body.Close() }()
	r := digest.NewReader(body, digest.Want{Size: o.Size, Qetag: o.Hash, Parts: o.Parts, MD5: cmp.Or(o.MD5, found.MD5)})
	n, err := io.Copy(io.Discard, r)
	if m, ok := errors.AsType[*digest.Mismatch](err); ok {
		return false, fault.New(fault.Corrupt, "app.Examine", o.Key, m)
	}
	if err == nil && n != o.Size {
		return false, fault.New(fault.Corrupt, "app.Examine", o.Key, fmt.Errorf("%d bytes, listed with %d", n, o.Size))
	}
	return r.Proof() != "crc", err
}

// whose says who is to blame for bytes that are not the listed ones: the domain,
// if the region's own source host has them, else the list.
func (x *Examination) whose(ctx context.Context, wrong []string, of int) string {
	says := fmt.Sprintf("%d of %d objects come with other bytes than are listed, as %s", len(wrong), of, strconv.Quote(wrong[0]))
	at := x.Job.Source
	if at.Domain == "" {
		return says + ": if they were uploaded so, hashMismatch: copy takes them as they are; if not, what is on the way alters them: look for a proxy or a CDN"
	}
	domain := at.Domain
	at.Domain = ""
	direct, err := x.Config.openKodo(at)
	if err == nil {
		var o store.Object
		if o, err = direct.Stat(ctx, wrong[0]); err == nil {
			_, err = whole(ctx, direct, o)
		}
	}
	switch {
	case err == nil:
		return fmt.Sprintf("%s, and the region's own host has the right ones: %s alters what it serves; turn off its image slimming and other processing, name a domain without, or leave domain= out", says, domain)
	case fault.KindOf(err) == fault.Corrupt:
		return says + ", and the region's own host has these, too: the listed hashes are wrong; hashMismatch: copy takes such objects as they are"
	}
	return fmt.Sprintf("%s, and the region's own host cannot be asked (%s): turn off image slimming and other processing of %s, or leave domain= out", says, plain(err), domain)
}
