package check

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

// bytes reads some of the objects whole and compares them with their listed hashes:
// a domain in front of a source may alter what it serves, as a CDN that compresses
// images does.
func (c *checker) bytes(ctx context.Context, first []store.Object) {
	some := sample(first, sampled, sampledSize)
	if len(some) == 0 {
		c.ask(ctx, "readable", func(context.Context) (State, string) {
			if len(first) == 0 {
				return Note, "the source lists nothing here: check the bucket and the prefix; a run that finds nothing to copy is not verified unless allowEmpty (--allow-empty) says that it may be so"
			}
			return Note, fmt.Sprintf("there is nothing to read among the first %d objects: none of 1 byte to 4 MiB that is neither archived nor disabled", len(first))
		})
		return
	}
	var wrong []string // keys whose bytes differ from the listed hash or size
	var read, unhashed int
	state := c.ask(ctx, "readable", func(ctx context.Context) (State, string) {
		for _, o := range some {
			hashed, err := readWhole(ctx, c.setup.Source, o)
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
				return Fail, sentence(diagnosed(ctx, c.setup.Source, err))
			}
		}
		return OK, fmt.Sprintf("%d objects were read whole", read)
	})
	if state == Fail {
		return
	}
	c.ask(ctx, "same bytes", func(ctx context.Context) (State, string) {
		switch {
		case len(wrong) > 0:
			return Fail, c.explainWrong(ctx, wrong, read)
		case unhashed > 0:
			return Note, fmt.Sprintf("%d of %d objects have no hash that their bytes could be held against: they are proved by size and CRC64 alone", unhashed, read)
		}
		return OK, fmt.Sprintf("%d objects have the bytes whose hashes are listed", read)
	})
}

// readWhole reads all of o and compares its bytes with the listed hash, or the MD5
// that comes with the answer, as a copy does. hashed is false where there is
// neither. The error is Corrupt where the bytes are not the listed ones, Changed
// where o is not there any more in this version.
func readWhole(ctx context.Context, b store.Source, o store.Object) (hashed bool, err error) {
	found, body, err := b.Open(ctx, o, 0, -1)
	if fault.KindOf(err) == fault.Changed {
		// A host that serves another version answers like an object that was overwritten.
		now, serr := b.Stat(ctx, o.Key)
		if serr == nil && now.Hash == o.Hash && now.Size == o.Size {
			err = fault.New(fault.Corrupt, "check.Run", o.Key, err)
		}
	}
	if errors.Is(err, store.ErrServedAnother) {
		err = fault.New(fault.Corrupt, "check.Run", o.Key, err)
	}
	if err != nil {
		return false, err
	}
	defer func() { _ = body.Close() }()
	r := digest.NewReader(body, digest.Want{Size: o.Size, Qetag: o.Hash, Parts: o.Parts, MD5: cmp.Or(o.MD5, found.MD5)})
	n, err := io.Copy(io.Discard, r)
	if m, ok := errors.AsType[*digest.Mismatch](err); ok {
		return false, fault.New(fault.Corrupt, "check.Run", o.Key, m)
	}
	if err == nil && n != o.Size {
		return false, fault.New(fault.Corrupt, "check.Run", o.Key, fmt.Errorf("%d bytes, listed with %d", n, o.Size))
	}
	return r.Proof() != "crc", err
}

// explainWrong returns the cause of bytes that differ from the listed ones: the
// domain, where the region's own host serves the right ones, else the listing.
func (c *checker) explainWrong(ctx context.Context, wrong []string, of int) string {
	says := fmt.Sprintf("%d of %d objects come with other bytes than are listed, as %s", len(wrong), of, strconv.Quote(wrong[0]))
	direct, domain := c.setup.Direct, c.setup.Job.Source.Domain
	if direct == nil {
		return says + ": if they were uploaded so, hashMismatch: copy takes them as they are; if not, what is on the way alters them: look for a proxy or a CDN"
	}
	o, err := direct.Stat(ctx, wrong[0])
	if err == nil {
		_, err = readWhole(ctx, direct, o)
	}
	switch {
	case err == nil:
		return fmt.Sprintf("%s, and the region's own host has the right ones: %s alters what it serves; turn off its image slimming and other processing, name a domain without, or leave domain= out", says, domain)
	case fault.KindOf(err) == fault.Corrupt:
		return says + ", and the region's own host has these, too: the listed hashes are wrong; hashMismatch: copy takes such objects as they are"
	}
	return fmt.Sprintf("%s, and the region's own host cannot be asked (%s): turn off image slimming and other processing of %s, or leave domain= out", says, sentence(err), domain)
}
