package pipeline_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"kodoferry/shared/digest"
	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/upload"
	"kodoferry/shared/pipeline"
	"kodoferry/shared/report"
	"kodoferry/shared/store"
	"kodoferry/shared/store/mem"
	"kodoferry/shared/task"
)

const mib = 1 << 20

// inParts makes everything above 4 MiB go in parts of 4 MiB.
func inParts(j *job.Job) { j.Limits.PartsAbove, j.Limits.PartSize = 4*mib, 4*mib }

func random(n int, seed uint64) []byte {
	body := make([]byte, n)
	r := rand.NewChaCha8([32]byte{byte(seed)})
	_, _ = r.Read(body)
	return body
}

// putParts puts an object that was uploaded in parts of those sizes.
func putParts(t *testing.T, b *mem.Bucket, key string, seed uint64, parts ...int64) {
	t.Helper()
	n := int64(0)
	for _, p := range parts {
		n += p
	}
	body := random(int(n), seed)
	put(t, b, key, body)
	q := digest.NewQetag(parts)
	_, _ = q.Write(body)
	b.Alter(key, func(o *store.Object) { o.Parts, o.Hash = parts, q.Sum() })
}

func TestABigObjectGoesInPartsAndItsWholeHashIsChecked(t *testing.T) {
	w := newWorld(t, inParts)
	w.fill(10, 1)
	put(t, w.src, "big/one", random(21*mib+7, 1))
	put(t, w.src, "big/two", random(4*mib+1, 2))
	putParts(t, w.src, "big/v2", 3, 6*mib, 6*mib, 5*mib+3)
	putParts(t, w.src, "big/v2 of small parts", 4, mib, mib, 9*mib, 100, mib)
	var parts atomic.Int64
	w.target = func(d pipeline.Target) pipeline.Target { return &uploads{Target: d, parts: &parts} }
	w.fresh()
	rep := w.run()
	wantTotals(t, rep, report.Totals{Listed: 14, Copied: 14, Verified: 14})
	w.same()
	if got := rep.Proofs[ledger.ByQetag].Objects; got != 14 {
		t.Errorf("%d proved by qetag, want 14", got)
	}
	// 21 MiB and 7 bytes are 6 parts, 4 MiB and a byte 2; parts of 6, 6 and 5 MiB have steps at
	// 4, 6, 10, 12, 16 MiB, so cuts at 4, 10, 16 and the end; the last at 5, 9, 13 and 13 MiB and 100 bytes.
	if got := parts.Load(); got != 6+2+4+3 {
		t.Errorf("%d parts, want 15", got)
	}
	if left := w.dst.Uploads(); len(left) > 0 {
		t.Errorf("uploads %q are left open", left)
	}
	for _, row := range w.rows() {
		kept, err := w.dst.Stat(t.Context(), row.Key())
		if err != nil || kept.CRC64 != row.Dst.CRC64 || kept.Hash != row.Dst.ETag {
			t.Errorf("%q: the target has CRC64 %s and ETag %s (%v), the row %+v", row.Key(), kept.CRC64, kept.Hash, err, row.Dst)
		}
	}
}

// uploads counts parts and can meddle with what is uploaded.
type uploads struct {
	pipeline.Target
	parts  *atomic.Int64
	part   func(n int) error                 // before a part is stored
	finish func(key string, parts int) error // before an upload is completed
}

func (u *uploads) PutPart(ctx context.Context, key, id string, n int, body io.Reader, size int64) (store.Part, error) {
	if u.part != nil {
		if err := u.part(n); err != nil {
			return store.Part{}, err
		}
	}
	if u.parts != nil {
		u.parts.Add(1)
	}
	return u.Target.PutPart(ctx, key, id, n, body, size)
}

func (u *uploads) Finish(ctx context.Context, key, id string, parts []store.Part, how store.Put) (store.Stored, error) {
	if u.finish != nil {
		if err := u.finish(key, len(parts)); err != nil {
			return store.Stored{}, err
		}
	}
	return u.Target.Finish(ctx, key, id, parts, how)
}

func TestTroubleWithABigObject(t *testing.T) {
	const key = "big"
	body := random(13*mib, 9)
	temporary := fault.New(fault.Temporary, "part", key, errors.New("reset"))
	// answerLost completes the upload, and loses the answer of the first time.
	answerLost := func(w *world, call int) error {
		if call > 1 {
			return nil
		}
		u := w.dst.Uploads()[0]
		parts, _ := w.dst.Parts(w.t.Context(), key, u)
		_, _ = w.dst.Finish(w.t.Context(), key, u, parts, store.Put{})
		return temporary
	}
	for name, tc := range map[string]struct {
		set     func(*job.Job)
		alter   func(*store.Object)
		open    func(w *world, call int, body io.ReadCloser) (io.ReadCloser, error)
		part    func(call int) error
		finish  func(w *world, call int) error
		state   ledger.State
		proof   ledger.Proof
		reason  string
		content []byte // in the target; nil: nothing of ours
		crc     uint64 // of the target's object; 0: any
	}{
		"a byte that flips in one part is read again": {
			open:  func(_ *world, call int, b io.ReadCloser) (io.ReadCloser, error) { return flipped(b, call == 2), nil },
			state: ledger.Copied, proof: ledger.ByQetag, content: body,
		},
		"a part that cannot be stored at first is sent again": {
			part: func(call int) error {
				if call < 4 {
					return temporary
				}
				return nil
			},
			state: ledger.Copied, proof: ledger.ByQetag, content: body,
		},
		"a part that can never be stored fails the object, and its upload is aborted": {
			part:  func(int) error { return temporary },
			state: ledger.Failed, reason: "reset",
		},
		"throttled parts wait and spend no try": {
			part: func(call int) error {
				if call < 30 {
					return fault.Throttle("part", key, time.Microsecond, errors.New("503"))
				}
				return nil
			},
			state: ledger.Copied, proof: ledger.ByQetag, content: body,
		},
		"a listed hash that is wrong is told apart from damage": {
			alter: func(o *store.Object) { o.Hash = digest.QetagOf(nil) },
			state: ledger.Failed, reason: "the listed hash is wrong",
		},
		"hashMismatch=copy takes what two reads agree on": {
			set:   func(j *job.Job) { j.HashMismatch = job.CopyMismatch },
			alter: func(o *store.Object) { o.Hash = digest.QetagOf(nil) },
			state: ledger.Copied, proof: ledger.ByCRC, content: body,
		},
		"an object without a hash is proved by size and CRC64": {
			alter: func(o *store.Object) { o.Hash = "" },
			state: ledger.Copied, proof: ledger.ByCRC, content: body,
		},
		"a source that changes between its parts begins again": {
			open: func(w *world, call int, b io.ReadCloser) (io.ReadCloser, error) {
				if call == 2 {
					put(w.t, w.src, key, random(9*mib, 10))
				}
				return b, nil
			},
			state: ledger.Copied, proof: ledger.ByQetag, content: random(9*mib, 10),
		},
		"a source that changes just before the upload is completed begins again": {
			open: func(w *world, call int, b io.ReadCloser) (io.ReadCloser, error) {
				if call == 4 { // the last part is being read
					w.before = func(t task.Task) {
						if t.Kind == task.Finish {
							w.before = nil
							put(w.t, w.src, key, random(5*mib, 11))
						}
					}
				}
				return b, nil
			},
			state: ledger.Copied, proof: ledger.ByQetag, content: random(5*mib, 11),
		},
		"what the application writes meanwhile stays": {
			finish: func(w *world, call int) error {
				put(w.t, w.dst, key, []byte("the application's"))
				return nil
			},
			state: ledger.Conflict, reason: "left alone", content: []byte("the application's"),
		},
		"an answer to the completion that is lost is not taken for a failure": {
			finish: answerLost,
			state:  ledger.Copied, proof: ledger.ByQetag, content: body,
		},
		"damage is found though the answer to the completion is lost": {
			finish: func(w *world, call int) error {
				err := answerLost(w, call)
				if err != nil {
					w.dst.Alter(key, func(o *store.Object) { o.CRC64 = "1" })
				}
				return err
			},
			state: ledger.Copied, proof: ledger.ByQetag, content: body, crc: digest.CRC64(0, body),
		},
		"an answer that is lost does not make the proof a stronger one": {
			set:    func(j *job.Job) { j.HashMismatch = job.CopyMismatch },
			alter:  func(o *store.Object) { o.Hash = digest.QetagOf(nil) },
			finish: answerLost,
			state:  ledger.Copied, proof: ledger.ByCRC, content: body,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, inParts, func(j *job.Job) {
				if tc.set != nil {
					tc.set(j)
				}
			})
			put(t, w.src, key, body)
			if tc.alter != nil {
				w.src.Alter(key, tc.alter)
			}
			var opened, stored, finished atomic.Int64
			w.source = func(src store.Source) store.Source {
				return &meddled{src, func(b io.ReadCloser) (io.ReadCloser, error) {
					if call := int(opened.Add(1)); tc.open != nil {
						return tc.open(w, call, b)
					}
					return b, nil
				}}
			}
			w.target = func(d pipeline.Target) pipeline.Target {
				return &uploads{Target: d,
					part: func(int) error {
						if call := int(stored.Add(1)); tc.part != nil {
							return tc.part(call)
						}
						return nil
					},
					finish: func(string, int) error {
						if call := int(finished.Add(1)); tc.finish != nil {
							return tc.finish(w, call)
						}
						return nil
					},
				}
			}
			w.fresh()
			rep := w.run()
			row := w.rows()[key]
			if row.State != tc.state || row.Proof != tc.proof || !strings.Contains(row.Reason, tc.reason) {
				t.Errorf("row = %s by %q: %s (tries %d), want %s by %q: …%s…", row.State, row.Proof, row.Reason, row.Tries, tc.state, tc.proof, tc.reason)
			}
			if !rep.Balanced {
				t.Errorf("the books do not balance: %+v", rep.Objects)
			}
			switch kept, err := w.dst.Stat(t.Context(), key); {
			case tc.crc != 0 && kept.CRC64 != fmt.Sprint(tc.crc):
				t.Errorf("the target holds an object of CRC64 %s, want %d", kept.CRC64, tc.crc)
			case tc.content == nil && err == nil:
				t.Error("the target holds something, want nothing")
			case tc.content != nil && !bytes.Equal(read(t, w.dst, key), tc.content):
				t.Error("the target holds another content")
			}
			if left := w.dst.Uploads(); len(left) > 0 {
				t.Errorf("uploads %q are left open", left)
			}
		})
	}
}

// meddled is a source whose bodies pass through a test.
type meddled struct {
	store.Source
	body func(io.ReadCloser) (io.ReadCloser, error)
}

func (m *meddled) Open(ctx context.Context, o store.Object, off, n int64) (store.Object, io.ReadCloser, error) {
	found, body, err := m.Source.Open(ctx, o, off, n)
	if err != nil {
		return found, body, err
	}
	body, err = m.body(body)
	return found, body, err
}

// flipped is b with its first byte flipped.
func flipped(b io.ReadCloser, flip bool) io.ReadCloser {
	if !flip {
		return b
	}
	var first [1]byte
	_, _ = io.ReadFull(b, first[:])
	return io.NopCloser(io.MultiReader(bytes.NewReader([]byte{first[0] ^ 1}), b))
}

func TestUploadsOfOthersAreNeverAborted(t *testing.T) {
	w := newWorld(t, inParts)
	put(t, w.src, "big", random(9*mib, 1))
	theirs, _, err := w.dst.Begin(t.Context(), store.Object{Key: "big"})
	if err != nil {
		t.Fatal(err)
	}
	w.target = func(d pipeline.Target) pipeline.Target {
		return &uploads{Target: d, part: func(int) error { return fault.New(fault.Temporary, "part", "big", errors.New("reset")) }}
	}
	w.fresh()
	w.run()
	if left := w.dst.Uploads(); !slices.Equal(left, []string{theirs}) {
		t.Errorf("uploads %q are open, want %q, which somebody else began", left, theirs)
	}
}

func TestPartsOfOneObjectSurviveBadDelivery(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, inParts)
			w.queue.Seed, w.queue.Duplicate, w.queue.Reorder = seed, 0.3, 0.3
			w.fill(5, seed)
			for i := range 3 {
				put(t, w.src, fmt.Sprintf("big/%d", i), random(10*mib+i, seed))
			}
			rep := w.run()
			wantTotals(t, rep, report.Totals{Listed: 8, Copied: 8, Verified: 8})
			w.same()
			if left := w.dst.Uploads(); len(left) > 0 {
				t.Errorf("uploads %q are left open", left)
			}
		})
	}
}

func TestAKilledUploadGoesOnWithThePartsItHas(t *testing.T) {
	if raced {
		t.Skip("the detector has five times the memory of 200 MiB to touch; TestABigObjectGoesInPartsAndItsWholeHashIsChecked copies parts side by side under it")
	}
	t.Parallel()
	w := newWorld(t, inParts)
	put(t, w.src, "big", random(200*mib, 1))
	var parts atomic.Int64
	w.target = func(d pipeline.Target) pipeline.Target { return &uploads{Target: d, parts: &parts} }
	w.fresh()
	w.drive(t.Context(), 5, w.start()...) // List, Report, Begin, Verify, and the first of two Part tasks
	if n := parts.Load(); n != 32 {
		t.Fatalf("%d parts before the kill, want 32", n)
	}
	w.fresh()
	open, err := w.pipe.Resume(t.Context(), runName)
	if err != nil {
		t.Fatal(err)
	}
	w.drive(t.Context(), 0, open...)
	wantTotals(t, w.report(), report.Totals{Listed: 1, Copied: 1, Verified: 1})
	if n := parts.Load(); n != 50 {
		t.Errorf("%d parts in all, want 50: none twice", n)
	}
	w.same()
}

// TestSixtyGiB is a whole migration of one object of which only attributes
// exist: its parts' records are written as if 60 GiB of zeros had been copied.
func TestSixtyGiB(t *testing.T) {
	const size, part = 60 << 30, 16 * mib
	zeros := make([]byte, part)
	block := digest.NewQetag(nil)
	_, _ = block.Write(zeros)
	blocks := block.Blocks()
	var all [][20]byte
	crc, partCRC := uint64(0), digest.CRC64(0, zeros)
	for range size / part {
		all = append(all, blocks...)
		crc = digest.CombineCRC64(crc, partCRC, part)
	}
	hash, err := digest.JoinBlocks(all, size, nil)
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t)
	put(t, w.src, "big", nil)
	w.src.Alter("big", func(o *store.Object) { o.Size, o.Hash = size, hash })
	w.target = func(d pipeline.Target) pipeline.Target { return &attributesOnly{d, w.dst, size, fmt.Sprint(crc)} }
	w.fresh()
	tasks, parts, longest := 0, 0, 0
	w.before = func(tk task.Task) {
		if tk.Kind != task.Part {
			return
		}
		tasks++
		parts += tk.To - tk.From + 1
		longest = max(longest, tk.To-tk.From+1)
		p := upload.Parts{From: tk.From, To: tk.To}
		for n := tk.From; n <= tk.To; n++ {
			row := upload.PartRow{Number: n, Size: part, ETag: fmt.Sprint(n), CRC64: partCRC}
			for _, b := range blocks {
				row.Blocks = append(row.Blocks, b[:]...)
			}
			p.Done = append(p.Done, row)
		}
		if _, err := upload.CreateParts(t.Context(), w.config.Ledger.Run(runName), tk.Batch, p); err != nil {
			t.Fatal(err)
		}
	}
	rep := w.run()
	wantTotals(t, rep, report.Totals{Listed: 1, Copied: 1, Verified: 1})
	if got := rep.Proofs[ledger.ByQetag].Objects; got != 1 || parts != size/part || tasks != 256 || longest*part > 5<<30 {
		t.Errorf("proved by qetag %d, in %d parts of %d tasks of up to %d parts, want 1, %d, 256, 5 GiB at most", got, parts, tasks, longest, size/part)
	}
}

// attributesOnly completes an upload without its bytes.
type attributesOnly struct {
	pipeline.Target
	bucket *mem.Bucket
	size   int64
	crc    string
}

func (a *attributesOnly) Finish(ctx context.Context, key, id string, parts []store.Part, how store.Put) (store.Stored, error) {
	for i, p := range parts {
		if p.Number != i+1 || p.ETag != fmt.Sprint(p.Number) {
			return store.Stored{}, fault.New(fault.Invalid, "finish", key, fmt.Errorf("part %d is %+v", i+1, p))
		}
	}
	_, err := a.Target.Put(ctx, store.Object{Key: key, Origin: &store.Origin{Modified: time.Unix(0, 0)}}, nil, how)
	a.bucket.Alter(key, func(o *store.Object) { o.Size, o.Hash, o.CRC64 = a.size, "ETAG-3840", a.crc })
	return store.Stored{ETag: "ETAG-3840", CRC64: a.crc}, err
}
