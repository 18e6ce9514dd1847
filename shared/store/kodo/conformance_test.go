package kodo_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"

	"kodoferry/shared/emulator/chaos"
	emulator "kodoferry/shared/emulator/kodo"
	"kodoferry/shared/store"
	"kodoferry/shared/store/kodo"
	"kodoferry/shared/store/storetest"
)

func TestConformance(t *testing.T) {
	storetest.Source(t, func(t *testing.T) storetest.Fixture {
		mixed := &mixer{}
		s, b := serve(t, func(c *kodo.Config) { c.Transport = mixed })
		return storetest.Fixture{
			Source: b,
			Put: func(o store.Object, body []byte) {
				put(t, s, emulator.Object{Key: o.Key, Body: body, MimeType: o.Type, Meta: emulator.MetaOf(o.Header, o.Meta)})
			},
			Trouble: storetest.Injected(s.Desk().Inject, map[storetest.Trouble]chaos.Rule{
				storetest.EmptyPage: {Op: "list", Kind: chaos.EmptyPage, Rate: 0.5},
				storetest.PageFails: {Op: "list", Kind: chaos.Status, Status: 599, Rate: 1},
				storetest.BodyBreak: {Op: "get", Kind: chaos.Reset, Rate: 1},
			}, &mixed.on),
		}
	})
}

// mixer turns the order of every page around while it is on.
type mixer struct{ on atomic.Bool }

func (m *mixer) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil || !m.on.Load() || r.URL.Path != "/list" {
		return resp, err
	}
	var page struct {
		Marker string            `json:"marker"`
		Items  []json.RawMessage `json:"items"`
	}
	err = json.NewDecoder(resp.Body).Decode(&page)
	_ = resp.Body.Close()
	if err != nil {
		return nil, err
	}
	slices.Reverse(page.Items)
	data, err := json.Marshal(page)
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(data)), int64(len(data))
	return resp, err
}
