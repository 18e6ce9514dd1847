package digest_test

import (
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc64"
	"io"
	"math/rand/v2"
	"testing"
	"testing/iotest"

	"kodoferry/shared/digest"
)

const (
	block = digest.BlockSize
	seed  = 20260101
)

func content(n int) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{byte(n), byte(n >> 8), byte(n >> 16)})
	_, _ = r.Read(b)
	return b
}

// v1 and v2 are the definition, written plainly.
func v1(b []byte) []byte {
	if len(b) <= block {
		h := sha1.Sum(b)
		return append([]byte{0x16}, h[:]...)
	}
	var all []byte
	for len(b) > 0 {
		n := min(len(b), block)
		h := sha1.Sum(b[:n])
		all, b = append(all, h[:]...), b[n:]
	}
	h := sha1.Sum(all)
	return append([]byte{0x96}, h[:]...)
}

func v2(b []byte, parts []int64) []byte {
	var all []byte
	for _, n := range parts {
		all = append(all, v1(b[:n])[1:]...)
		b = b[n:]
	}
	h := sha1.Sum(all)
	return append([]byte{0x9e}, h[:]...)
}

func TestQetagIsWhatKodoDefines(t *testing.T) {
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for name, tc := range map[string]struct {
		size  int
		parts []int64
		v2    bool
	}{
		"empty":                                  {size: 0},
		"one byte":                               {size: 1},
		"a block less one":                       {size: block - 1},
		"a block":                                {size: block},
		"a block and one":                        {size: block + 1},
		"two blocks":                             {size: 2 * block},
		"parts of 4 MiB are version 1":           {size: 2*block + 5, parts: []int64{block, block, 5}},
		"one small part is version 1":            {size: 7, parts: []int64{7}},
		"parts of 1 MiB":                         {size: 5<<19 + 3, parts: []int64{1 << 20, 1 << 20, 1<<19 + 3}, v2: true},
		"parts of 5 MiB, each of two blocks":     {size: 11 << 20, parts: []int64{5 << 20, 5 << 20, 1 << 20}, v2: true},
		"one part of several blocks":             {size: 9 << 20, parts: []int64{9 << 20}, v2: true},
		"a large last part":                      {size: 10 << 20, parts: []int64{block, 6 << 20}, v2: true},
		"a part of two whole blocks, then a bit": {size: 8<<20 + 1, parts: []int64{8 << 20, 1}, v2: true},
	} {
		t.Run(name, func(t *testing.T) {
			b := content(tc.size)
			want := v1(b)
			if tc.v2 {
				want = v2(b, tc.parts)
			}
			q := digest.NewQetag(tc.parts)
			for rest := b; len(rest) > 0; {
				n := min(len(rest), 1+r.IntN(3<<20))
				_, _ = q.Write(rest[:n])
				rest = rest[n:]
			}
			if got := q.Sum(); got != base64.URLEncoding.EncodeToString(want) {
				t.Errorf("Sum = %s, want %s", got, base64.URLEncoding.EncodeToString(want))
			}
			joined, err := digest.JoinBlocks(q.Blocks(), int64(tc.size), tc.parts)
			if tc.size > 0 && (err != nil || joined != q.Sum()) {
				t.Errorf("JoinBlocks = %s, %v, want %s", joined, err, q.Sum())
			}
			if _, err := digest.JoinBlocks(append(q.Blocks(), [20]byte{}), int64(tc.size), tc.parts); err == nil {
				t.Error("JoinBlocks took a block too many")
			}
			if !digest.IsQetag(q.Sum()) {
				t.Errorf("IsQetag(%s) = false", q.Sum())
			}
			if got := digest.TakesParts(q.Sum()); got != tc.v2 {
				t.Errorf("TakesParts(%s) = %v, want %v", q.Sum(), got, tc.v2)
			}
		})
	}
}

func TestTheHashOfNothingIsKodosOwn(t *testing.T) {
	const want = "Fto5o-5ea0sNMlW_75VgGJCv2AcJ"
	if got := digest.QetagOf(nil); got != want {
		t.Errorf("QetagOf(nil) = %s, want %s", got, want)
	}
	for _, s := range []string{"", "x", "D41D8CD98F00B204E9800998ECF8", "AAAAAAAAAAAAAAAAAAAAAAAAAAAA", want + "="} {
		if digest.IsQetag(s) {
			t.Errorf("IsQetag(%q) = true", s)
		}
	}
}

func TestCRC64OfPartsJoins(t *testing.T) {
	table := crc64.MakeTable(crc64.ECMA)
	for _, size := range []int{0, 1, 2, 63, 64, 65, 1000, 1<<20 + 7} {
		b := content(size)
		want := crc64.Checksum(b, table)
		for _, cut := range []int{0, size / 3, size / 2, size} {
			a, z := digest.CRC64(0, b[:cut]), digest.CRC64(0, b[cut:])
			if got := digest.CombineCRC64(a, z, int64(size-cut)); got != want {
				t.Errorf("size %d cut at %d: %d, want %d", size, cut, got, want)
			}
		}
	}
}

// readAll reads as a transport does: never beyond size bytes.
func readAll(r io.Reader, size int) ([]byte, error) {
	b := make([]byte, size)
	n, err := io.ReadFull(r, b)
	return b[:n], err
}

func sums(b []byte) digest.Want {
	m := md5.Sum(b)
	return digest.Want{Size: int64(len(b)), Qetag: digest.QetagOf(b), MD5: hex.EncodeToString(m[:])}
}

func TestAWholeBodyPassesUnchanged(t *testing.T) {
	for _, size := range []int{0, 1, 2, 100, block, block + 1} {
		for name, wrap := range map[string]func(io.Reader) io.Reader{
			"as it is":         func(r io.Reader) io.Reader { return r },
			"byte by byte":     iotest.OneByteReader,
			"in halves":        iotest.HalfReader,
			"data with EOF":    iotest.DataErrReader,
			"without a qetag":  func(r io.Reader) io.Reader { return r },
			"without any hash": func(r io.Reader) io.Reader { return r },
		} {
			if size > 1000 && name == "byte by byte" {
				continue
			}
			t.Run(fmt.Sprint(name, " ", size), func(t *testing.T) {
				b := content(size)
				want, proof := sums(b), "qetag"
				switch name {
				case "without a qetag":
					want.Qetag, proof = "not one", "md5"
				case "without any hash":
					want, proof = digest.Want{Size: want.Size}, "crc"
				}
				r := digest.NewReader(wrap(bytes.NewReader(b)), want)
				got, err := io.ReadAll(r)
				if err != nil || !bytes.Equal(got, b) {
					t.Fatalf("read %d bytes, %v, want %d", len(got), err, size)
				}
				if r.CRC64() != digest.CRC64(0, b) || r.Proof() != proof || r.Err() != io.EOF {
					t.Errorf("CRC64 %d, proof %s, end %v, want %d, %s, EOF", r.CRC64(), r.Proof(), r.Err(), digest.CRC64(0, b), proof)
				}
			})
		}
	}
}

func TestADamagedBodyNeverGivesItsLastByte(t *testing.T) {
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	broken := errors.New("reset")
	for _, size := range []int{1, 2, 3, 17, 4096, 100_000} {
		good := content(size)
		want := sums(good)
		for range 40 {
			at := r.IntN(size)
			flipped := bytes.Clone(good)
			flipped[at] ^= 1 << r.IntN(8)
			for name, body := range map[string]io.Reader{
				"flipped": bytes.NewReader(flipped),
				"cut":     bytes.NewReader(good[:at]),
				"reset":   io.MultiReader(bytes.NewReader(good[:at]), iotest.ErrReader(broken)),
				"longer":  io.MultiReader(bytes.NewReader(good), bytes.NewReader([]byte{0})),
				"late":    io.MultiReader(bytes.NewReader(good), iotest.ErrReader(broken)),
			} {
				for _, w := range []digest.Want{want, {Size: want.Size, MD5: want.MD5}} {
					got, err := readAll(digest.NewReader(body, w), size)
					if err == nil || len(got) >= size {
						t.Fatalf("%s at %d of %d: gave %d bytes and %v, want fewer and an error", name, at, size, len(got), err)
					}
				}
			}
		}
	}
}

func TestTheEndSaysWhatIsWrong(t *testing.T) {
	good := content(100)
	for name, tc := range map[string]struct {
		body []byte
		want digest.Want
		what string
		err  error
	}{
		"longer":                     {append(bytes.Clone(good), 1), sums(good), "size", nil},
		"shorter":                    {good[:99], sums(good), "", io.ErrUnexpectedEOF},
		"not empty":                  {good, sums(nil), "size", nil},
		"another qetag":              {content(100)[:100], digest.Want{Size: 100, Qetag: digest.QetagOf(nil)}, "qetag", nil},
		"another md5":                {good, digest.Want{Size: 100, MD5: sums(nil).MD5}, "md5", nil},
		"empty, but of another hash": {nil, digest.Want{Qetag: digest.QetagOf(good)}, "qetag", nil},
	} {
		t.Run(name, func(t *testing.T) {
			r := digest.NewReader(bytes.NewReader(tc.body), tc.want)
			_, err := io.ReadAll(r)
			bad, ok := errors.AsType[*digest.Mismatch](err)
			if tc.what != "" && (!ok || bad.What != tc.what) || tc.err != nil && !errors.Is(err, tc.err) {
				t.Errorf("error = %v, want a mismatch of %q or %v", err, tc.what, tc.err)
			}
			if r.Err() != err {
				t.Errorf("Err = %v, want %v", r.Err(), err)
			}
		})
	}
}

func BenchmarkReader(b *testing.B) {
	for _, size := range []int{8 << 10, 64 << 20} {
		data := content(size)
		want := sums(data)
		b.Run(fmt.Sprintf("%dKiB", size>>10), func(b *testing.B) {
			b.SetBytes(int64(size))
			b.ReportAllocs()
			buf := make([]byte, 64<<10)
			for b.Loop() {
				if _, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{digest.NewReader(bytes.NewReader(data), want)}, buf); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
