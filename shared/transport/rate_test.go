package transport

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"kodoferry/shared/emulator/odd"
)

// TestWhatHardlyMovesIsGivenUp has a least rate of 1,000 bytes a second over two
// seconds: what is not to be given up moves at twice the rate or more, so that a
// machine that stops the test for a second changes nothing.
func TestWhatHardlyMovesIsGivenUp(t *testing.T) {
	least := Rate{Bytes: 1000, Window: 2 * time.Second}
	body := strings.Repeat("x", 4000)
	for name, tc := range map[string]struct {
		answer func(w *odd.Wire, r *http.Request)
		upload bool
		slowly time.Duration // between our own reads, or writes
		fails  bool
	}{
		"a body that drips": {func(w *odd.Wire, _ *http.Request) {
			w.Send(odd.Head(200, "Content-Length: 4000"))
			w.Drip(body, 10*time.Millisecond)
		}, false, 0, true},
		"chunks that drip": {func(w *odd.Wire, _ *http.Request) {
			w.Send(odd.Head(200, "Transfer-Encoding: chunked") + "fa0\r\n")
			w.Drip(body, 10*time.Millisecond)
		}, false, 0, true},
		"a body that drips to the end of the connection": {func(w *odd.Wire, _ *http.Request) {
			w.Send(odd.Head(200, "Connection: close"))
			w.Drip(body, 10*time.Millisecond)
		}, false, 0, true},
		"half a body": {func(w *odd.Wire, _ *http.Request) {
			w.Send(odd.Head(200, "Content-Length: 4000") + body[:2000])
			w.Hang()
		}, false, 0, true},
		"a big body that nobody takes": {func(w *odd.Wire, _ *http.Request) { w.Hang() }, true, 0, true},
		"a body that comes in bursts": {func(w *odd.Wire, _ *http.Request) {
			w.Send(odd.Head(200, "Content-Length: 4000"))
			for i := range 4 {
				time.Sleep(500 * time.Millisecond)
				w.Send(body[i*1000 : i*1000+1000])
			}
		}, false, 0, false},
		"a body that we read slowly": {func(w *odd.Wire, _ *http.Request) { w.Send(odd.Answer(200, body)) }, false, 20 * time.Millisecond, false},
		"a body that we send slowly": {func(w *odd.Wire, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			w.Send(odd.Answer(200, body))
		}, true, 20 * time.Millisecond, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, by := serve(t, least, tc.answer)
			method, up := http.MethodGet, io.Reader(nil)
			if tc.upload {
				size := int64(1 << 30)
				if tc.slowly > 0 {
					size = 40
				}
				method, up = http.MethodPut, &trickle{left: size, pause: tc.slowly}
			}
			r, err := http.NewRequestWithContext(t.Context(), method, s.URL, up)
			if err != nil {
				t.Fatal(err)
			}
			n := 0
			begun := time.Now()
			resp, err := by.RoundTrip(r)
			if err == nil {
				defer func() { _ = resp.Body.Close() }()
				for buf := make([]byte, 100); err == nil; {
					var m int
					m, err = resp.Body.Read(buf)
					n += m
					time.Sleep(tc.slowly)
				}
			}
			took := time.Since(begun)
			if failed := errors.Is(err, ErrStalled); failed != tc.fails || !tc.fails && (err != io.EOF || n != 4000) || tc.fails && took > 30*time.Second {
				t.Errorf("%d bytes after %s, %v, want it given up: %v", n, took, err, tc.fails)
			}
		})
	}
}

// trickle is a body of left bytes that has one at a time where there is a pause.
type trickle struct {
	left  int64
	pause time.Duration
}

func (r *trickle) Read(p []byte) (int, error) {
	if r.left == 0 {
		return 0, io.EOF
	}
	n := min(int64(len(p)), r.left)
	if r.pause > 0 {
		n = 1
		time.Sleep(r.pause)
	}
	r.left -= n
	return int(n), nil
}
