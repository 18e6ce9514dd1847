package store

const (
	// objectBytes is how many bytes an Object takes without what it refers to, mapBytes a map
	// that has anything, and textBytes a text besides its own, in a map or a slice.
	objectBytes = 224
	mapBytes    = 320
	textBytes   = 16
)

// Held estimates how many bytes of memory the object takes, with all that it refers to.
func (o *Object) Held() int64 {
	n := objectBytes + len(o.Key) + len(o.Hash) + len(o.MD5) + len(o.CRC64) + len(o.Type) + 8*len(o.Parts)
	n += heldBy(o.Header) + heldBy(o.Meta)
	for _, w := range o.Warnings {
		n += textBytes + len(w)
	}
	if o.Origin != nil {
		n += objectBytes
	}
	return int64(n)
}

func heldBy(texts map[string]string) int {
	if len(texts) == 0 {
		return 0
	}
	n := mapBytes
	for k, v := range texts {
		n += 2*textBytes + len(k) + len(v)
	}
	return n
}
