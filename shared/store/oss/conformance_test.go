package oss

import (
	"bytes"
	"testing"

	"kodoferry/shared/emulator/chaos"
	"kodoferry/shared/store"
	"kodoferry/shared/store/storetest"
)

// TestConformance holds the driver to the contract of package store. What the
// stand-in cannot make go wrong (a listing out of order) is in list_test.go.
func TestConformance(t *testing.T) {
	open := func(t *testing.T) storetest.Fixture {
		srv, b := stand(t, nil)
		return storetest.Fixture{
			Source: b,
			Put: func(o store.Object, body []byte) {
				o.Size = int64(len(body))
				if _, err := b.Put(t.Context(), o, bytes.NewReader(body), store.Put{}); err != nil {
					t.Fatalf("Put(%q): %v", o.Key, err)
				}
			},
			Trouble: storetest.Injected(srv.Desk().Inject, map[storetest.Trouble]chaos.Rule{
				storetest.EmptyPage: {Op: "list", Kind: chaos.EmptyPage, Rate: 0.5},
				storetest.PageFails: {Op: "list", Kind: chaos.Status, Status: 403, Rate: 1},
				storetest.BodyBreak: {Op: "get", Kind: chaos.Reset, Rate: 1},
			}, nil),
		}
	}
	storetest.Target(t, open)
	storetest.Multipart(t, open)
	storetest.Lister(t, open)
}
