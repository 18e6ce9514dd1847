package ledger

import (
	"kodoferry/shared/ledger/plainjson"
	"kodoferry/shared/store"
)

// scanRow reads a row into r, which is empty, as appendRow writes it, without
// white space, escapes or members that it does not know. It reports false for
// anything else; then nothing is known of it, whatever r has come to hold.
func scanRow(line []byte, known *recurring, r *Row) bool {
	known.texts.Begin()
	s := plainjson.Read(line, &known.texts)
	found := false
	ok := s.Members(func(name []byte) bool {
		switch string(name) {
		case "src":
			twice := found
			found = true
			return !twice && known.object(&s, &r.Src)
		case "dst":
			if r.Dst != nil {
				return false
			}
			r.Dst = &Dst{}
			return known.dst(&s, r.Dst)
		case "state":
			return plainjson.Again(&s, &r.State, &known.state)
		case "verdict":
			return plainjson.Again(&s, &r.Verdict, &known.verdict)
		case "proof":
			return plainjson.Again(&s, &r.Proof, &known.proof)
		case "reason":
			return plainjson.Again(&s, &r.Reason, &known.reason)
		case "cause":
			return plainjson.Again(&s, &r.Cause, &known.cause)
		case "warnings":
			return scanWarnings(&s, &r.Warnings)
		case "grew":
			return s.Number(&r.Grew)
		case "tries":
			n := int64(0)
			ok := s.Number(&n)
			r.Tries = int(n)
			return ok
		case "waits":
			n := int64(0)
			ok := s.Number(&n)
			r.Waits = int(n)
			return ok
		case "part_size":
			return s.Number(&r.PartSize)
		case "read":
			return s.Word(&r.Read)
		case "author":
			return plainjson.Again(&s, &r.Author, &known.author)
		case "prover":
			return plainjson.Again(&s, &r.Prover, &known.prover)
		case "attrs":
			return s.Word(&r.Attrs)
		case "need":
			return plainjson.Again(&s, &r.Need, &known.need)
		case "hashed":
			return s.Word(&r.Hashed)
		case "restored":
			r.Restored = true
			return s.Take("true")
		case "at":
			text, ok := s.Text()
			return ok && r.At.UnmarshalText(text) == nil
		case "thaw":
			if r.Thaw != nil {
				return false
			}
			r.Thaw = &Thaw{}
			return scanThaw(&s, r.Thaw)
		case "was":
			if r.Was != nil {
				return false
			}
			r.Was = &Known{}
			return known.was(&s, r.Was)
		}
		return false
	})
	known.texts.End()
	return ok && s.AtEnd()
}

// recurring holds the last of each text that tends to be the one before, and the other
// texts of the row that is read.
type recurring struct {
	texts plainjson.Texts

	kind    string
	class   store.Class
	state   State
	verdict Verdict
	proof   Proof
	reason  string
	cause   Cause
	need    Need
	author  string
	prover  string
	mark    string

	wasState State
	wasProof Proof
}

func (known *recurring) object(s *plainjson.Reader, o *store.Object) bool {
	return s.Members(func(name []byte) bool {
		switch string(name) {
		case "key":
			return s.Word(&o.Key)
		case "size":
			return s.Number(&o.Size)
		case "hash":
			return s.Word(&o.Hash)
		case "md5":
			return s.Word(&o.MD5)
		case "crc64":
			return s.Word(&o.CRC64)
		case "parts":
			return o.Parts == nil && s.Elements(func() bool {
				n := int64(0)
				ok := s.Number(&n)
				o.Parts = append(o.Parts, n)
				return ok
			})
		case "modified":
			text, ok := s.Text()
			return ok && o.Modified.UnmarshalText(text) == nil
		case "type":
			return plainjson.Again(s, &o.Type, &known.kind)
		case "header":
			return o.Header == nil && s.Pairs(&o.Header)
		case "meta":
			return o.Meta == nil && s.Pairs(&o.Meta)
		case "class":
			return plainjson.Again(s, &o.Class, &known.class)
		case "disabled":
			o.Disabled = true
			return s.Take("true")
		case "frozen":
			o.Frozen = true
			return s.Take("true")
		case "warnings":
			return scanWarnings(s, &o.Warnings)
		}
		return false
	})
}

func scanWarnings(s *plainjson.Reader, all *[]string) bool {
	return *all == nil && s.Elements(func() bool {
		text, ok := s.Text()
		*all = append(*all, string(text))
		return ok
	})
}

func (known *recurring) dst(s *plainjson.Reader, d *Dst) bool {
	return s.Members(func(name []byte) bool {
		switch string(name) {
		case "etag":
			return s.Word(&d.ETag)
		case "crc64":
			return s.Word(&d.CRC64)
		case "size":
			return s.Number(&d.Size)
		case "modified":
			text, ok := s.Text()
			return ok && d.Modified.UnmarshalText(text) == nil
		case "mark":
			return plainjson.Again(s, &d.Mark, &known.mark)
		}
		return false
	})
}

func (known *recurring) was(s *plainjson.Reader, k *Known) bool {
	found := false
	return s.Members(func(name []byte) bool {
		switch string(name) {
		case "size":
			return s.Number(&k.Size)
		case "hash":
			return s.Word(&k.Hash)
		case "md5":
			return s.Word(&k.MD5)
		case "modified":
			text, ok := s.Text()
			return ok && k.Modified.UnmarshalText(text) == nil
		case "dst":
			twice := found
			found = true
			return !twice && known.dst(s, &k.Dst)
		case "state":
			return plainjson.Again(s, &k.State, &known.wasState)
		case "proof":
			return plainjson.Again(s, &k.Proof, &known.wasProof)
		case "author":
			return plainjson.Again(s, &k.Author, &known.author)
		case "prover":
			return plainjson.Again(s, &k.Prover, &known.prover)
		case "attrs":
			return s.Word(&k.Attrs)
		}
		return false
	})
}

func scanThaw(s *plainjson.Reader, t *Thaw) bool {
	return s.Members(func(name []byte) bool {
		switch string(name) {
		case "since":
			text, ok := s.Text()
			return ok && t.Since.UnmarshalText(text) == nil
		case "times":
			n := int64(0)
			ok := s.Number(&n)
			t.Times = int(n)
			return ok
		case "ready":
			t.Ready = true
			return s.Take("true")
		}
		return false
	})
}
