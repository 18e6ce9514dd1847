package storetest

import (
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"net/http"
	"testing"

	"kodoferry/shared/fault"
	"kodoferry/shared/store"
)

// Refusal is an answer to a request for an object, and the cause (fault.Cause) of the error
// that it makes. Answer writes one with an id in it that is another for each object.
type Refusal struct {
	Answer func(w http.ResponseWriter, id string)
	Cause  string
}

// Causes opens objects whose answers differ in keys, ids, hashes and sizes alone: what refuses
// alike has one cause. Serve opens a bucket whose requests are answered by a handler.
func Causes(t *testing.T, serve func(*testing.T, http.HandlerFunc) store.Source, refusals map[string]Refusal) {
	for name, tc := range refusals {
		t.Run(name, func(t *testing.T) {
			id := ""
			b := serve(t, func(w http.ResponseWriter, _ *http.Request) { tc.Answer(w, id) })
			for _, key := range []string{"a", "b; c", `d "9f3" 77`} {
				id = fmt.Sprintf("%x-%d", key, len(key)*7919)
				_, body, err := b.Open(t.Context(), store.Object{Key: key, Size: 7, Hash: "h" + id}, 0, -1)
				if err == nil {
					_, err = io.ReadAll(body)
					_ = body.Close()
				}
				if got := fault.Cause(err); got != tc.Cause {
					t.Errorf("the cause of %v is %q, want %q", err, got, tc.Cause)
				}
			}
		})
	}
}

// CausesOfXML holds a driver of a service whose errors are XML to Causes, where name begins
// its errors, denied is what it says where an object may not be read, and changed of one of
// another ETag.
func CausesOfXML(t *testing.T, name, denied, changed string, serve func(*testing.T, http.HandlerFunc) store.Source) {
	Causes(t, serve, map[string]Refusal{
		"refused": {Answer: func(w http.ResponseWriter, id string) {
			w.WriteHeader(403)
			_, _ = fmt.Fprintf(w, "<Error><Code>AccessDenied</Code><Message>not %s</Message><RequestId>%s</RequestId></Error>", id, id)
		}, Cause: name + ".Open: denied: " + denied + " (status 403 AccessDenied)"},
		"a code that is an id": {Answer: func(w http.ResponseWriter, id string) {
			w.WriteHeader(500)
			_, _ = fmt.Fprintf(w, "<Error><Code>E%s</Code></Error>", id)
		}, Cause: name + ".Open: temporary: status 500"},
		"another version": {Answer: func(w http.ResponseWriter, id string) {
			w.Header().Set("ETag", `"x`+id+`"`)
			_, _ = w.Write([]byte("1234567"))
		}, Cause: name + ".Open: changed: " + changed},
	})
}

// Damaged yields n documents that are whole but for one to three places, where some bytes are
// replaced with one of bits. They are the same ones for the same seed.
func Damaged(seed uint64, n int, whole []byte, bits []string) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		rnd := rand.New(rand.NewPCG(seed, 2))
		for range n {
			data := whole
			for range 1 + rnd.IntN(3) {
				at := rnd.IntN(len(data))
				to := min(len(data), at+rnd.IntN(12))
				data = append(append(data[:at:at], bits[rnd.IntN(len(bits))]...), data[to:]...)
			}
			if !yield(data) {
				return
			}
		}
	}
}

// AgreeOnDamaged holds two readers of a page against each other on n damaged ones, as Damaged
// makes them. agree reports whether it had both to compare, which is to be so of enough.
func AgreeOnDamaged(t *testing.T, seed uint64, n, enough int, whole []byte, bits []string, agree func(t *testing.T, data []byte) bool) {
	t.Helper()
	compared := 0
	for data := range Damaged(seed, n, whole, bits) {
		if agree(t, data) {
			compared++
		}
	}
	if compared < enough {
		t.Errorf("seed %d: %d pages were compared, want %d", seed, compared, enough)
	}
}
