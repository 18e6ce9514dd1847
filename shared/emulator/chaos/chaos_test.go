package chaos_test

import (
	"bytes"
	"io"
	"math/bits"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"kodoferry/shared/emulator/chaos"
)

var body = bytes.Repeat([]byte("0123456789"), 100)

// serve answers "get" for /key with body through a desk of these rules.
func serve(t *testing.T, rules ...chaos.Rule) (*chaos.Desk, *httptest.Server, *atomic.Int64) {
	t.Helper()
	worked := new(atomic.Int64)
	d := chaos.NewDesk(1, func(w http.ResponseWriter, _ *http.Request, status int) {
		if status == 0 {
			status = http.StatusTooManyRequests
		}
		w.WriteHeader(status)
	})
	d.Inject(rules...)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.Serve(w, r, chaos.Request{Op: "get", Key: r.URL.Path[1:]}, func(w http.ResponseWriter, _ *http.Request) {
			worked.Add(1)
			w.Header().Set("Content-Length", strconv.Itoa(len(body)))
			_, _ = w.Write(body)
		}, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "empty page") })
	}))
	t.Cleanup(s.Close)
	return d, s, worked
}

func get(s *httptest.Server, key string) (status int, got []byte, err error) {
	resp, err := s.Client().Get(s.URL + "/" + key)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	got, err = io.ReadAll(resp.Body)
	return resp.StatusCode, got, err
}

func TestEachFaultIsWhatItsNameSays(t *testing.T) {
	for name, tc := range map[string]struct {
		rule   chaos.Rule
		status int // 0: no answer
		whole  bool
		broken bool // the body ends in an error
		worked int64
	}{
		"none":       {chaos.Rule{Op: "other", Kind: chaos.Status, Rate: 1}, 200, true, false, 1},
		"latency":    {chaos.Rule{Op: "get", Kind: chaos.Latency, Rate: 1, Delay: time.Nanosecond}, 200, true, false, 1},
		"status":     {chaos.Rule{Op: "get", Kind: chaos.Status, Rate: 1, Status: 503}, 503, false, false, 0},
		"throttle":   {chaos.Rule{Op: "*", Kind: chaos.Throttle, Rate: 1}, 429, false, false, 0},
		"reset":      {chaos.Rule{Op: "get", Kind: chaos.Reset, Rate: 1}, 200, false, true, 1},
		"cut":        {chaos.Rule{Op: "get", Kind: chaos.Cut, Rate: 1}, 0, false, true, 0},
		"lost":       {chaos.Rule{Op: "get", Kind: chaos.Lost, Rate: 1}, 0, false, true, 1},
		"flip":       {chaos.Rule{Op: "get", Kind: chaos.Flip, Rate: 1}, 200, false, false, 1},
		"empty page": {chaos.Rule{Op: "get", Kind: chaos.EmptyPage, Rate: 1}, 200, false, false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			d, s, worked := serve(t, tc.rule)
			status, got, err := get(s, "a")
			if status != tc.status || (err != nil) != tc.broken || bytes.Equal(got, body) != tc.whole || worked.Load() != tc.worked {
				t.Errorf("status %d, %d bytes, %v, worked %d, want %d, whole %v, broken %v, %d", status, len(got), err, worked.Load(), tc.status, tc.whole, tc.broken, tc.worked)
			}
			if tc.rule.Kind == chaos.Flip {
				different := 0
				for i := range got {
					different += bits.OnesCount8(got[i] ^ body[i])
				}
				if different != 1 || len(got) != len(body) {
					t.Errorf("%d bits of %d bytes differ, want 1 of %d", different, len(got), len(body))
				}
			}
			if n := d.Refused()[503]; n > 0 != (tc.status == 503) {
				t.Errorf("%d answers of 503 counted, want them to be where they are", n)
			}
			if d.Counts()["get"] < 1 {
				t.Errorf("counts %v, want the request counted", d.Counts())
			}
		})
	}
}

func TestNoTwoAnswersInARowAreDamagedAlike(t *testing.T) {
	_, s, _ := serve(t, chaos.Rule{Op: "get", Kind: chaos.Flip, Rate: 1})
	last := map[string]byte{}
	for i := range 64 {
		for _, key := range []string{"a", "b"} {
			_, got, err := get(s, key)
			if err != nil {
				t.Fatal(err)
			}
			var bit byte
			for k := range got {
				bit |= got[k] ^ body[k]
			}
			if bit == 0 || bit == last[key] {
				t.Fatalf("answer %d for %s: bit %08b flipped, the one before %08b, want another", i, key, bit, last[key])
			}
			last[key] = bit
		}
	}
}

func TestARuleHitsItsShareItsKeyAndNoMoreThanItsLimit(t *testing.T) {
	d, s, _ := serve(t, chaos.Rule{Op: "get", Kind: chaos.Status, Rate: 1, Key: "a", Limit: 2})
	want := map[string][]int{"a": {500, 500, 200}, "b": {200}}
	for key, statuses := range want {
		for i, status := range statuses {
			if got, _, _ := get(s, key); got != status {
				t.Errorf("request %d for %s: %d, want %d", i, key, got, status)
			}
		}
	}
	d.Reset()
	d.Inject(chaos.Rule{Op: "get", Kind: chaos.Throttle, Rate: 0.3})
	for range 400 {
		_, _, _ = get(s, "b")
	}
	if got := d.Injected()[chaos.Throttle]; got < 80 || got > 160 || d.Counts()["get"] != 400 {
		t.Errorf("%d of %d requests hit, want about 120 of 400", got, d.Counts()["get"])
	}
}

func TestRulesAreRead(t *testing.T) {
	for text, want := range map[string]chaos.Rule{
		"get:flip:0.05":      {Op: "get", Kind: chaos.Flip, Rate: 0.05},
		"*:latency:1:20ms":   {Op: "*", Kind: chaos.Latency, Rate: 1, Delay: 20 * time.Millisecond},
		"put:status:0.1:503": {Op: "put", Kind: chaos.Status, Rate: 0.1, Status: 503},
		"put:status:1":       {Op: "put", Kind: chaos.Status, Rate: 1},
	} {
		if got, err := chaos.ParseRule(text); err != nil || got != want {
			t.Errorf("ParseRule(%q) = %+v, %v, want %+v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "get", "get:flip", "get:dance:1", "get:flip:2", "get:flip:-1", "get:flip:NaN", "get:flip:x", "get:flip:1:x", "*:latency:1", "*:latency:1:-2s", "put:status:1:99", ":flip:1", "a:b:c:d:e"} {
		if r, err := chaos.ParseRule(text); err == nil {
			t.Errorf("ParseRule(%q) = %+v, want an error", text, r)
		}
	}
}
