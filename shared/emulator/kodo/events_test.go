package kodo_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/qiniu/go-sdk/v7/storage"

	"kodoferry/shared/emulator/kodo"
)

// ear receives notifications and verifies them with the vendor's SDK.
type ear struct {
	*httptest.Server
	heard chan map[string]any
}

func (w *world) ear(status func() int) *ear {
	e := &ear{heard: make(chan map[string]any, 100)}
	e.Server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if s := status(); s != http.StatusOK {
			rw.WriteHeader(s)
			return
		}
		if ok, err := w.mac.VerifyCallback(r); err != nil || !ok {
			w.t.Errorf("a notification with %q does not hold for the SDK: %v", r.Header.Get("Authorization"), err)
		}
		var outer struct{ Message, Subject, Timestamp string }
		var inner map[string]any
		if err := json.NewDecoder(r.Body).Decode(&outer); err != nil || json.Unmarshal([]byte(outer.Message), &inner) != nil {
			w.t.Errorf("a notification that cannot be read: %+v, %v", outer, err)
		}
		inner["host"] = r.Host
		e.heard <- inner
	}))
	w.t.Cleanup(e.Close)
	return e
}

func (e *ear) next(t *testing.T) map[string]any {
	t.Helper()
	select {
	case m := <-e.heard:
		return m
	case <-time.After(10 * time.Second):
		t.Fatal("nothing was notified in 10 s")
		return nil
	}
}

// ruler is the vendor's client, told where to ask for rules: a variable is the only way.
func (w *world) ruler() *storage.BucketManager {
	before := storage.UcHost
	storage.UcHost = w.Endpoint()
	w.t.Cleanup(func() { storage.UcHost = before })
	return storage.NewBucketManager(w.mac, &storage.Config{}) // of a config with a region it asks the region's own hosts
}

func fine() int { return http.StatusOK }

func TestTheVendorsClientManagesEventRules(t *testing.T) {
	w := newWorld(t, kodo.Config{})
	m := w.ruler()
	rule := storage.BucketEventRule{
		Name: "r_1", Prefix: "2019/", Suffix: ".jpg", Event: []string{"put", "delete"}, CallbackURL: []string{"http://127.0.0.1:1/", "https://example.com/x"},
		AccessKey: accessKey, Host: "notify.example.com",
	}
	if err := m.AddBucketEvent("b", &rule); err != nil {
		t.Fatal(err)
	}
	if err := m.AddBucketEvent("b", &rule); err == nil {
		t.Error("a second rule of one name was taken")
	}
	if got, err := m.GetBucketEvent("b"); err != nil || len(got) != 1 || !reflect.DeepEqual(got[0], rule) {
		t.Errorf("GetBucketEvent = %+v, %v, want %+v", got, err, rule)
	}
	rule.Event = []string{"mkfile"}
	if err := m.UpdateBucketEnvent("b", &rule); err != nil {
		t.Error(err)
	}
	if got, err := m.GetBucketEvent("b"); err != nil || len(got) != 1 || !slices.Equal(got[0].Event, rule.Event) {
		t.Errorf("GetBucketEvent = %+v, %v, want the changed rule", got, err)
	}
	if err := m.DelBucketEvent("b", "r_1"); err != nil {
		t.Error(err)
	}
	if got, err := m.GetBucketEvent("b"); err != nil || len(got) != 0 {
		t.Errorf("GetBucketEvent = %+v, %v, want none", got, err)
	}
	for name, bad := range map[string]func(*storage.BucketEventRule){
		"a name with a hyphen":  func(r *storage.BucketEventRule) { r.Name = "r-1" },
		"a name of 50":          func(r *storage.BucketEventRule) { r.Name = strings.Repeat("r", 50) },
		"an unknown event":      func(r *storage.BucketEventRule) { r.Event = []string{"dance"} },
		"an address without //": func(r *storage.BucketEventRule) { r.CallbackURL = []string{"example.com"} },
		"another's key":         func(r *storage.BucketEventRule) { r.AccessKey = "another" },
	} {
		r := rule
		if bad(&r); m.AddBucketEvent("b", &r) == nil {
			t.Errorf("%s was taken", name)
		}
	}
	if m.UpdateBucketEnvent("b", &rule) == nil || m.DelBucketEvent("b", "r_1") == nil {
		t.Error("a rule that is not there was changed, or deleted")
	}
}

func TestWhatBecomesOfObjectsIsNotified(t *testing.T) {
	for name, cfg := range map[string]kodo.Config{"signed as Qiniu": {}, "signed as QBox": {NoticesV1: true}} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, cfg)
			m, e := w.manager(), w.ear(fine)
			err := w.ruler().AddBucketEvent("b", &storage.BucketEventRule{
				Name: "all", Prefix: "a/", Event: []string{"put", "mkfile", "delete", "copy", "move", "disable", "enable"},
				CallbackURL: []string{e.URL}, AccessKey: accessKey, Host: "notify.example.com",
			})
			if err != nil {
				t.Fatal(err)
			}
			must := func(err error) {
				if err != nil {
					t.Fatal(err)
				}
			}
			token := w.token(storage.PutPolicy{Scope: "b"})
			form := storage.NewFormUploader(w.config)
			for _, step := range []struct {
				do   func()
				want map[string]any
			}{
				{func() {
					_, err := w.Put("b", kodo.Object{Key: "elsewhere", Body: []byte("x")})
					must(err)
					_, err = w.Put("b", kodo.Object{Key: "a/中文 1", Body: []byte("x")})
					must(err)
				}, map[string]any{"event": "put", "key": "a/中文 1", "fsize": 1.0}},
				{func() {
					must(form.Put(t.Context(), nil, token, "a/2", bytes.NewReader([]byte("22")), 2, nil))
				}, map[string]any{"event": "put", "key": "a/2", "fsize": 2.0, "bucket": "b"}},
				{func() {
					body := make([]byte, 5<<20)
					must(storage.NewResumeUploaderV2(w.config).Put(t.Context(), nil, token, "a/3", bytes.NewReader(body), int64(len(body)), nil))
				}, map[string]any{"event": "mkfile", "key": "a/3"}},
				{func() { must(m.Copy("b", "a/2", "b", "z", false)) }, map[string]any{"event": "copy", "key": "a/2", "dest_bucket": "b", "dest_key": "z"}},
				{func() { must(m.Move("b", "z", "b", "a/4", false)) }, map[string]any{"event": "move", "key": "z", "dest_key": "a/4"}},
				{func() { must(m.UpdateObjectStatus("b", "a/4", false)) }, map[string]any{"event": "disable", "key": "a/4"}},
				{func() { must(m.UpdateObjectStatus("b", "a/4", true)) }, map[string]any{"event": "enable", "key": "a/4"}},
				{func() { must(m.Delete("b", "a/4")) }, map[string]any{"event": "delete", "key": "a/4"}},
				{func() {
					_, err := m.Batch([]string{storage.URIDelete("b", "a/3")})
					must(err)
				}, map[string]any{"event": "delete", "key": "a/3"}},
				{func() { w.Remove("b", "a/2"); w.Remove("b", "a/2") }, map[string]any{"event": "delete", "key": "a/2", "host": "notify.example.com"}},
			} {
				step.do()
				got := e.next(t)
				for k, v := range step.want {
					if got[k] != v {
						t.Errorf("notified %v, want %s %v", got, k, v)
					}
				}
			}
			select {
			case extra := <-e.heard:
				t.Errorf("notified of %v as well", extra)
			default:
			}
		})
	}
}

func TestANotificationIsTriedAgain(t *testing.T) {
	w := newWorld(t, kodo.Config{})
	answers := make(chan int, 3)
	for _, s := range []int{500, 503, 200} {
		answers <- s
	}
	e := w.ear(func() int { return <-answers })
	err := w.ruler().AddBucketEvent("b", &storage.BucketEventRule{Name: "r", Event: []string{"put"}, CallbackURL: []string{e.URL}, AccessKey: accessKey})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Put("b", kodo.Object{Key: "k"}); err != nil {
		t.Fatal(err)
	}
	if got := e.next(t); got["key"] != "k" {
		t.Errorf("notified %v, want k", got)
	}
}
