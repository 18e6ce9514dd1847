package ledger

import (
	"kodoferry/shared/ledger/plainjson"
	"kodoferry/shared/store"
)

// Rows are written and read by hand where they are as nearly all are, and by
// encoding/json otherwise: the two write the same bytes and read the same rows,
// which a fuzz test holds. BenchmarkSegment tells what it gains.

// appendRow appends a row as JSON, as encoding/json writes it without escapes
// for HTML. ok is false for what only encoding/json knows how to write, or to refuse.
func appendRow(b []byte, r *Row) (_ []byte, ok bool) {
	w := plainjson.Append(b)
	w.Raw(`{"src":`)
	writeObject(&w, &r.Src)
	if r.Dst != nil {
		w.Raw(`,"dst":{`)
		writeDst(&w, r.Dst)
	}
	w.Raw(`,"state":`)
	w.Text(string(r.State))
	w.Member(`,"verdict":`, string(r.Verdict))
	w.Member(`,"proof":`, string(r.Proof))
	w.Member(`,"reason":`, r.Reason)
	w.Member(`,"cause":`, string(r.Cause))
	writeWarnings(&w, r.Warnings)
	w.Count(`,"grew":`, r.Grew)
	w.Count(`,"tries":`, int64(r.Tries))
	w.Count(`,"waits":`, int64(r.Waits))
	w.Count(`,"part_size":`, r.PartSize)
	w.Member(`,"read":`, r.Read)
	w.Member(`,"author":`, r.Author)
	w.Member(`,"prover":`, r.Prover)
	w.Member(`,"attrs":`, r.Attrs)
	w.Time(`,"at":`, r.At)
	w.Member(`,"need":`, string(r.Need))
	w.Member(`,"hashed":`, r.Hashed)
	if r.Restored {
		w.Raw(`,"restored":true`)
	}
	writeKnown(&w, r.Was)
	writeThaw(&w, r.Thaw)
	w.Raw(`}`)
	return w.Written()
}

func writeKnown(w *plainjson.Writer, k *Known) {
	if k == nil {
		return
	}
	w.Raw(`,"was":{"size":`)
	w.Int(k.Size)
	w.Member(`,"hash":`, k.Hash)
	w.Member(`,"md5":`, k.MD5)
	w.Time(`,"modified":`, k.Modified)
	w.Raw(`,"dst":{`)
	writeDst(w, &k.Dst)
	w.Raw(`,"state":`)
	w.Text(string(k.State))
	w.Member(`,"proof":`, string(k.Proof))
	w.Member(`,"author":`, k.Author)
	w.Member(`,"prover":`, k.Prover)
	w.Member(`,"attrs":`, k.Attrs)
	w.Raw(`}`)
}

func writeThaw(w *plainjson.Writer, t *Thaw) {
	if t == nil {
		return
	}
	if t.Since.IsZero() {
		w.Refuse()
	}
	w.Time(`,"thaw":{"since":`, t.Since)
	w.Raw(`,"times":`)
	w.Int(int64(t.Times))
	if t.Ready {
		w.Raw(`,"ready":true`)
	}
	w.Raw(`}`)
}

func writeObject(w *plainjson.Writer, o *store.Object) {
	w.Raw(`{"key":`)
	w.Text(o.Key)
	w.Raw(`,"size":`)
	w.Int(o.Size)
	w.Member(`,"hash":`, o.Hash)
	w.Member(`,"md5":`, o.MD5)
	w.Member(`,"crc64":`, o.CRC64)
	if len(o.Parts) > 0 {
		w.Raw(`,"parts":[`)
		for i, n := range o.Parts {
			w.Comma(i)
			w.Int(n)
		}
		w.Raw(`]`)
	}
	w.Time(`,"modified":`, o.Modified)
	w.Member(`,"type":`, o.Type)
	w.Pairs(`,"header":{`, o.Header)
	w.Pairs(`,"meta":{`, o.Meta)
	w.Member(`,"class":`, string(o.Class))
	if o.Disabled {
		w.Raw(`,"disabled":true`)
	}
	if o.Frozen {
		w.Raw(`,"frozen":true`)
	}
	if o.Origin != nil {
		w.Refuse() // never in a row of a source
	}
	writeWarnings(w, o.Warnings)
	w.Raw(`}`)
}

func writeWarnings(w *plainjson.Writer, all []string) {
	if len(all) == 0 {
		return
	}
	w.Raw(`,"warnings":[`)
	for i, text := range all {
		w.Comma(i)
		w.Text(text)
	}
	w.Raw(`]`)
}

// writeDst appends the members of d and the end of it.
func writeDst(w *plainjson.Writer, d *Dst) {
	if d.ETag != "" {
		w.Raw(`"etag":`)
		w.Text(d.ETag)
		w.Raw(`,`)
	}
	if d.CRC64 != "" {
		w.Raw(`"crc64":`)
		w.Text(d.CRC64)
		w.Raw(`,`)
	}
	w.Raw(`"size":`)
	w.Int(d.Size)
	w.Time(`,"modified":`, d.Modified)
	w.Member(`,"mark":`, d.Mark)
	w.Raw(`}`)
}
