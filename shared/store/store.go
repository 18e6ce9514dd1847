// Package store is the port to object storage: what an object is, how a bucket
// is read (Source) and written (Target). Drivers live below it, one per
// service; storetest is this contract as a suite that every driver passes.
// NewTransport, Pages, Retry and Body are what drivers share.
//
// Every error is a *fault.Error. A key reaches the wire byte for byte, or the
// call fails; no driver rewrites one.
package store

import (
	"context"
	"errors"
	"io"
	"iter"
	"time"
)

// Class is a storage class in words that no vendor owns.
type Class string

// The classes of Kodo's `type` 0 to 5, in that order. ("" is standard too, as
// an older record may hold it.)
const (
	Standard    Class = "standard"
	Infrequent  Class = "ia"
	Archive     Class = "archive"           // must be thawed before it can be read
	DeepArchive Class = "deep-archive"      // must be thawed, for hours, before it can be read
	ArchiveIR   Class = "archive-ir"        // archive that reads at once
	Tiered      Class = "intelligent"       // the service moves it between classes
	ColdDeep    Class = "deep-cold-archive" // OSS only, below DeepArchive
)

// Object is everything that is known of an object. Listings of some services
// leave fields empty; each driver's doc comment says which.
type Object struct {
	Key      string            `json:"key"`
	Size     int64             `json:"size"`               // bytes, >= 0; of an absent object -1
	Hash     string            `json:"hash,omitempty"`     // the service's own, which changes when the content does: qetag at Kodo, where it proves the bytes, else an ETag without quotes, which need not; "" where it has none
	MD5      string            `json:"md5,omitempty"`      // lower-case hex of the whole content, where the service vouches for it
	CRC64    string            `json:"crc64,omitempty"`    // ECMA-182, decimal, of the whole content
	Parts    []int64           `json:"parts,omitempty"`    // bytes of each part, where Hash depends on them (qetag v2)
	Modified time.Time         `json:"modified,omitzero"`  // when the content was written, as precise as the service tells
	Type     string            `json:"type,omitempty"`     // Content-Type
	Header   map[string]string `json:"header,omitempty"`   // standard headers kept with the object, canonical names: Cache-Control, Content-Disposition, Content-Encoding, Content-Language, Expires
	Meta     map[string]string `json:"meta,omitempty"`     // user metadata: the user's names (lower case), without any service's prefix
	Class    Class             `json:"class,omitempty"`    // storage class
	Disabled bool              `json:"disabled,omitempty"` // the owner forbade reading it
	Frozen   bool              `json:"frozen,omitempty"`   // archived and not thawed: reading it now fails
	Origin   *Origin           `json:"origin,omitempty"`   // what Ferry kept with the copy; nil on what Ferry did not write
	Warnings []string          `json:"warnings,omitempty"` // what is odd about it, or was not kept, in words for its row: a time out of range, names that differ by case

	// Ambiguous says why Key may stand for another object's, and is not to be read or
	// written; "" if it is the object's own. Listings alone set it.
	Ambiguous string `json:"-"`
}

// Absent stands for a key that was looked up by name and that the bucket does not
// have, among objects that it has.
func Absent(key string) Object { return Object{Key: key, Size: -1} }

// Absent reports whether o stands for a key that the bucket does not have.
func (o Object) Absent() bool { return o.Size < 0 }

// Origin is what a copy remembers of its source. It travels as user metadata
// of the target object, under names that no user metadata can take.
type Origin struct {
	Hash     string    `json:"hash,omitempty"`  // the source's Hash, "" where it had none
	Modified time.Time `json:"modified"`        // the source's Modified
	Job      string    `json:"job,omitempty"`   // the name of the job that copied it; "" where an earlier version did
	Place    string    `json:"place,omitempty"` // stands for the key it was copied to, so that a copy of the copy, which carries the same, can be told; "" where Job is
	Attrs    string    `json:"attrs,omitempty"` // the digest of the source's attributes that it was given; "" where it is not known
	Run      string    `json:"run,omitempty"`   // the run of Job that wrote it, by its name within the job; "" where an earlier version did
	Mark     string    `json:"mark,omitempty"`  // of this writing alone (pipeline/mark): what is written over it has another, and what somebody else makes of it the same; "" where an earlier version wrote it
}

// ErrServedAnother is why Open refused, as Invalid, what a host serves that is not
// the bucket itself, as a CDN: the bucket has the object that was asked for.
var ErrServedAnother = errors.New("the bucket has it, the download host serves another")

// Range is a stretch of the key space in byte order: keys that begin with
// Prefix, are greater than After and not greater than UpTo. An empty field
// does not bound. After and UpTo are whole keys; neither need exist.
type Range struct {
	Prefix string `json:"prefix,omitempty"`
	After  string `json:"after,omitempty"`
	UpTo   string `json:"up_to,omitempty"`

	// Few, above 0, says that no more keys than so many are wanted, of a look at what there
	// is: a service is asked for no more at a time, nothing is read ahead, and the service is
	// believed where it says that the listing is over. More may come.
	Few int `json:"-"`
}

// Source reads a bucket.
type Source interface {
	// List yields the objects of r with keys strictly increasing in byte order.
	// It pages by itself, tries a page again on Temporary and Throttled, and
	// stops at the first error it cannot overcome, which it yields last with a
	// zero Object. A page that breaks the order is Invalid and names both
	// keys. An empty page is not the end; only the service's own sign is. An
	// answer of success that is not a page, with its fields, of their types, is
	// Temporary and no sign of anything. What is odd about one object, but for
	// its key and size, is a warning of it.
	// Frozen is exact.
	List(ctx context.Context, r Range) iter.Seq2[Object, error]

	// Stat describes key. A missing key is NotFound.
	Stat(ctx context.Context, key string) (Object, error)

	// Open streams n bytes of obj.Key from off (n < 0: to the end) and returns
	// what the answer said of the object: attributes and body in one request,
	// tried once. If obj.Hash is not empty and the object now has another, the
	// error is Changed. An object that is frozen or disabled is Denied. The
	// bytes are those the service stores (no decompression) and are not
	// checked here. Reading fails rather than ends early. The caller closes the body.
	Open(ctx context.Context, obj Object, off, n int64) (Object, io.ReadCloser, error)
}

// Lister lists a bucket by levels, as folders are looked at.
type Lister interface {
	// Entries yields what lies directly below prefix, in byte order, each once: keys
	// with no slash behind it, and of the others the beginning up to the first one, with
	// that. Those that are not greater than after are left out. It pages and fails as List does,
	// and asks for no key of what lies deeper. A prefix that the service cannot take as it is
	// is Invalid.
	Entries(ctx context.Context, prefix, after string) iter.Seq2[string, error]
}

// Put says how to store an object.
type Put struct {
	IfAbsent bool   // fail with Changed where the key exists; a versioned OSS bucket ignores this
	Brief    bool   // it is of no use after some weeks: mark it so that the bucket's owner can have it dropped, where the service knows marks
	MD5      string // of the content as the source lists it, lower-case hex; "" where it lists none. A wrong one costs a request, no more
}

// Bounded is a body whose Read fails when Context ends, as what Open returned
// under it does: it takes no goroutine that waits for that.
type Bounded interface {
	io.Reader
	Context() context.Context
}

// Stored is what a target answered to a write.
type Stored struct {
	ETag     string   // without quotes
	CRC64    string   // decimal; "" where the service names none
	Version  string   // what the service calls the version; "" where the bucket keeps none
	Warnings []string // what could not be kept, in words for the row: metadata over a limit

	// At is when the service answered, by its own clock, to the second: what it lists as
	// later was written since. Zero where the answer tells no time.
	At time.Time
}

// Target writes a bucket, and reads it back.
type Target interface {
	Source

	// CheckKey says whether the service can hold key. If not, the error is
	// Invalid and names the cure. It makes no request.
	CheckKey(key string) error

	// Put stores exactly obj.Size bytes of body under obj.Key, with obj's Type,
	// Header, Meta, Class and Origin, and returns what the service answered.
	// body may be nil where Size is 0. If body fails, or holds fewer bytes,
	// nothing becomes visible under the key and body's error is in the chain of
	// the one returned. Content of up to 1 MiB is read before the request is
	// made and sent with its MD5, the source's where how names it, so that the
	// service refuses damage (Corrupt). For larger content the caller must compare the CRC64 of what it sent
	// with Stored.CRC64. One attempt, two where how's MD5 is wrong. After Temporary or Unknown the
	// object may or may not have been stored.
	Put(ctx context.Context, obj Object, body io.Reader, how Put) (Stored, error)

	// SetAttributes gives the object obj.Key the Type, Header, Meta, Class and Origin
	// of obj in place of those that it has, by the service alone: no byte of it
	// travels. Its content, Hash and CRC64 stay, its Modified does not. It fails with
	// Changed where the object's Hash is not obj.Hash, and with Invalid where the
	// service does that for no object of this size or state. One attempt: after
	// Temporary or Unknown it may or may not have been done.
	SetAttributes(ctx context.Context, obj Object) (Stored, error)

	// Delete removes key. A missing key is no error.
	Delete(ctx context.Context, key string) error
}

// Part is one uploaded part of a multipart upload.
type Part struct {
	Number int    // 1..10,000
	Size   int64  // bytes
	ETag   string // without quotes: the MD5 of the part in upper-case hex, at OSS
	CRC64  string // decimal; "" where a listing of parts does not tell
}

// Multipart writes one object in parts, which may come from different
// processes. Finish with a part that is not the one named is Invalid; an upload
// that is gone is NotFound.
type Multipart interface {
	// Begin opens an upload for obj and returns its id, and in words for the
	// row what could not be kept of its attributes.
	Begin(ctx context.Context, obj Object) (id string, warnings []string, err error)
	// PutPart stores exactly size bytes of body as part n, replacing an earlier one.
	PutPart(ctx context.Context, key, upload string, n int, body io.Reader, size int64) (Part, error)
	// Parts lists what was uploaded, by number.
	Parts(ctx context.Context, key, upload string) ([]Part, error)
	// Finish makes the object of exactly these parts.
	Finish(ctx context.Context, key, upload string, parts []Part, how Put) (Stored, error)
	// Abort drops the upload and its parts. One that is gone is no error.
	Abort(ctx context.Context, key, upload string) error
	// Unfinished lists the uploads of exactly key that are neither finished nor
	// aborted, of any writer, up to 1,000.
	Unfinished(ctx context.Context, key string) ([]Upload, error)
}

// Writer writes a bucket, in whole objects and in parts.
type Writer interface {
	Target
	Multipart
}

// Upload is an upload that was begun.
type Upload struct {
	ID    string
	Begun time.Time // by the service's clock, as precise as it tells
}
