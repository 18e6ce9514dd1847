package digest

import (
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
)

// Want is what a body must be.
type Want struct {
	Size  int64   // bytes
	Qetag string  // Kodo's hash; checked where IsQetag
	Parts []int64 // bytes of each part, for a qetag of version 2
	MD5   string  // lower-case hex; checked where there is no usable qetag
	CRC64 string  // decimal; a Rehash alone checks it, where there is neither

	// Blocks has the blocks of a part hashed, for a join with those of other
	// parts; Parts are then the pieces of the source's parts that it covers.
	Blocks bool
}

// Mismatch says that a body is not what it must be.
type Mismatch struct {
	What string // "qetag", "md5" or "size"
	Got  string
	Want string
}

func (m *Mismatch) Error() string {
	return fmt.Sprintf("the %s of what was read is %s, want %s", m.What, m.Got, m.Want)
}

// Cause is what it has in common with others: not what was read, nor what was wanted.
func (m *Mismatch) Cause() string {
	return "the " + m.What + " of what was read is not the one that is wanted"
}

// Reader passes a body on, hashing it once as it goes. It holds back the last
// byte until the whole agrees with what is wanted, and returns a *Mismatch
// instead of it otherwise: an error after the last byte of a body with a known
// length is swallowed by net/http, and the PUT would succeed.
type Reader struct {
	body  io.Reader
	want  Want
	qetag *Qetag
	md5   hash.Hash
	crc   uint64
	read  int64   // bytes hashed
	held  [1]byte // the last byte, while the end is looked for
	state state
	err   error // what ended it, io.EOF included
}

type state int

const (
	flowing state = iota // before the last byte
	holding              // the last byte is in held, the end not yet seen
	proved               // the last byte may go
	ended                // err says how
)

// NewReader returns a Reader of body. Reading an empty one (Size 0) to its end checks it too.
func NewReader(body io.Reader, want Want) *Reader {
	r := &Reader{body: body, want: want}
	switch {
	case want.Blocks || IsQetag(want.Qetag):
		r.qetag = NewQetag(want.Parts)
	case want.MD5 != "":
		r.md5 = md5.New()
	}
	if want.Size == 0 {
		r.state = holding
	}
	return r
}

// Read implements io.Reader. It reads the body straight into p and fills it, if
// there is enough: what comes in packets is hashed in one go.
func (r *Reader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	n := 0
	var err error
	if r.state == flowing {
		// Up to and including the last byte, which is taken back out of p.
		room := min(int64(len(p)), r.want.Size-r.read)
		n, err = fill(r.body, p[:room])
		r.hash(p[:n])
		if r.read < r.want.Size {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			if err != nil {
				r.state, r.err = ended, err
			}
			return n, err
		}
		n--
		r.held[0] = p[n]
		r.state = holding
		if err != nil && err != io.EOF {
			r.state, r.err = ended, err
			return n, err
		}
	}
	if r.state == holding {
		if err == io.EOF { // it came with the last byte
			r.err = r.compare()
		} else {
			r.err = r.settle()
		}
		r.state = ended
		if r.err == nil {
			r.state = proved
		}
	}
	if r.state == proved {
		r.state, r.err = ended, io.EOF
		if r.want.Size > 0 {
			p[n] = r.held[0]
			return n + 1, nil
		}
	}
	if n > 0 {
		return n, nil // the trouble comes with the next call, without the last byte
	}
	return 0, r.err
}

// fill reads until p is full, or body has nothing to give.
func fill(body io.Reader, p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		m := 0
		if m, err = body.Read(p[n:]); m == 0 {
			return n, err
		}
		n += m
	}
	return n, err
}

// settle looks for the end of the body and compares.
func (r *Reader) settle() error {
	var more [1]byte
	for range 100 { // a reader may return nothing for a while (io.Reader)
		n, err := r.body.Read(more[:])
		switch {
		case n > 0:
			return &Mismatch{What: "size", Got: fmt.Sprintf("over %d", r.want.Size), Want: fmt.Sprint(r.want.Size)}
		case err == io.EOF:
			return r.compare()
		case err != nil:
			return err
		}
	}
	return io.ErrNoProgress
}

func (r *Reader) compare() error {
	if r.qetag != nil && !r.want.Blocks {
		if got := r.qetag.Sum(); got != r.want.Qetag {
			return &Mismatch{What: "qetag", Got: got, Want: r.want.Qetag}
		}
	}
	if r.md5 != nil {
		if got := hex.EncodeToString(r.md5.Sum(nil)); got != r.want.MD5 {
			return &Mismatch{What: "md5", Got: got, Want: r.want.MD5}
		}
	}
	return nil
}

func (r *Reader) hash(p []byte) {
	r.read += int64(len(p))
	r.crc = CRC64(r.crc, p)
	switch {
	case r.qetag != nil:
		_, _ = r.qetag.Write(p)
	case r.md5 != nil:
		_, _ = r.md5.Write(p)
	}
}

// CRC64 returns the CRC64 of what was read so far.
func (r *Reader) CRC64() uint64 { return r.crc }

// Blocks returns the block hashes of what was read so far, nil where no qetag is checked.
func (r *Reader) Blocks() [][20]byte {
	if r.qetag == nil {
		return nil
	}
	return r.qetag.Blocks()
}

// Proof says which hash proves the body: "qetag", "md5", or "crc" where the
// source has neither and only size and CRC64 tie both sides together.
func (r *Reader) Proof() string {
	switch {
	case r.qetag != nil:
		return "qetag"
	case r.md5 != nil:
		return "md5"
	}
	return "crc"
}

// Err returns what ended the body: nil while it flows, io.EOF after a whole
// and right one, a *Mismatch, or the body's own error.
func (r *Reader) Err() error { return r.err }
