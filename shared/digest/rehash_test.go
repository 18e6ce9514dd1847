package digest

import (
	"crypto/md5"
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
)

// TestAHashLaidDownAndTakenUpIsTheHashOfTheWhole cuts contents of every shape at
// moments of its own, each taken up from what was laid down as a text.
func TestAHashLaidDownAndTakenUpIsTheHashOfTheWhole(t *testing.T) {
	r := rand.New(rand.NewPCG(15, 1))
	for _, shape := range []struct {
		size  int64
		parts []int64
	}{
		{0, nil}, {1, nil}, {BlockSize, nil}, {BlockSize + 1, nil}, {3*BlockSize - 1, nil}, {2 * BlockSize, nil},
		{BlockSize + 10, []int64{10, BlockSize}}, {2*BlockSize + 7, []int64{BlockSize + 3, BlockSize + 4}}, {BlockSize, []int64{BlockSize - 1, 1}}, {5, []int64{2, 2, 1}},
	} {
		body := make([]byte, shape.size)
		for i := range body {
			body[i] = byte(r.Uint32())
		}
		q := NewQetag(shape.parts)
		_, _ = q.Write(body)
		sum := md5.Sum(body)
		for _, want := range []Want{{Size: shape.size, Qetag: q.Sum(), Parts: shape.parts}, {Size: shape.size, MD5: hex.EncodeToString(sum[:])}, {Size: shape.size, CRC64: strconv.FormatUint(CRC64(0, body), 10)}} {
			for range 20 {
				h := NewRehash(want)
				for left := body; len(left) > 0; {
					n := min(len(left), 1+r.IntN(len(body)))
					_, _ = h.Write(left[:n])
					left = left[n:]
					read := h.BytesRead()
					var err error
					if h, err = TakeUp(want, h.LayDown()); err != nil || h.BytesRead() != read {
						t.Fatalf("%d bytes: taken up %v at %d, laid down at %d", shape.size, err, h.BytesRead(), read)
					}
				}
				if what, err := h.Compare(); err != nil {
					t.Fatalf("%d bytes in parts %v: %s: %v", shape.size, shape.parts, what, err)
				}
			}
		}
	}
}

func TestAHashOfOtherBytesIsAMismatch(t *testing.T) {
	h := NewRehash(Want{Size: 3, Qetag: QetagOf([]byte("one"))})
	_, _ = h.Write([]byte("two"))
	what, err := h.Compare()
	if bad, ok := errors.AsType[*Mismatch](err); !ok || what != "qetag" || bad.Got != QetagOf([]byte("two")) {
		t.Errorf("%s, %v, want a mismatch of the qetag", what, err)
	}
}

// TestWhatDoesNotFitTheBytesReadIsNotTakenUp changes single figures of what was laid down.
func TestWhatDoesNotFitTheBytesReadIsNotTakenUp(t *testing.T) {
	const size = 2*BlockSize + 100
	for name, tc := range map[string]struct {
		parts  []int64
		change [2]string
	}{
		"fewer bytes read":                {nil, [2]string{`"read":4194311`, `"read":4194310`}},
		"a block less":                    {nil, [2]string{`"blocks":1`, `"blocks":0`}},
		"more bytes in the block":         {nil, [2]string{`"fill":7`, `"fill":8`}},
		"an absurd number of blocks":      {nil, [2]string{`"blocks":1`, `"blocks":4398046511105`}},
		"fewer bytes left of the part":    {[]int64{5, size - 5}, [2]string{`"left":4194397`, `"left":4194396`}},
		"the part before":                 {[]int64{5, size - 5}, [2]string{`"part":1`, `"part":0`}},
		"a part that there is not":        {[]int64{5, size - 5}, [2]string{`"part":1`, `"part":2`}},
		"fewer bytes read, of many parts": {[]int64{5, size - 5}, [2]string{`"read":4194311`, `"read":4194310`}},
		"of another hash":                 {nil, [2]string{`"block":`, `"md5":`}},
	} {
		want := Want{Size: size, Qetag: QetagOf(nil), Parts: tc.parts}
		h := NewRehash(want)
		_, _ = h.Write(make([]byte, BlockSize+7))
		text := h.LayDown()
		if _, err := TakeUp(want, text); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if !strings.Contains(text, tc.change[0]) {
			t.Fatalf("%s: %s does not have %s", name, text, tc.change[0])
		}
		if _, err := TakeUp(want, strings.Replace(text, tc.change[0], tc.change[1], 1)); err == nil {
			t.Errorf("%s is taken up", name)
		}
	}
}

// FuzzTakeUp gives TakeUp any text: it refuses it, or goes on without a panic.
func FuzzTakeUp(f *testing.F) {
	v1, v2 := Want{Size: 10, Qetag: QetagOf(nil)}, Want{Size: 10, Qetag: QetagOf(nil), Parts: []int64{4, 6, 2}}
	f.Add("")
	for _, want := range []Want{v1, v2, {Size: 10, MD5: "00"}, {Size: 10, CRC64: "0"}} {
		h := NewRehash(want)
		_, _ = h.Write([]byte("12345"))
		f.Add(h.LayDown())
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, want := range []Want{v1, v2, {Size: 10, MD5: "00"}, {Size: 10, CRC64: "0"}} {
			if h, err := TakeUp(want, text); err == nil {
				_, _ = h.Write(make([]byte, 10))
				_, _ = h.Compare()
			}
		}
	})
}
