package kodo

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/store"
)

func TestStat(t *testing.T) {
	for name, tc := range map[string]struct {
		status int
		body   string
		kind   fault.Kind
		calls  int
		want   store.Object
	}{
		"of an archived object tells that it is frozen": {200, `{"hash":"h","fsize":1,"type":2,"putTime":17000000000000000}`, "", 1,
			store.Object{Key: "k", Hash: "h", Size: 1, Class: store.Archive, Frozen: true, Modified: time.Unix(1_700_000_000, 0).UTC()}},
		"of a thawing object tells that it is frozen": {200, `{"hash":"h","fsize":0,"putTime":17000000000000000,"type":3,"restoreStatus":1}`, "", 1,
			store.Object{Key: "k", Hash: "h", Class: store.DeepArchive, Frozen: true, Modified: time.Unix(1_700_000_000, 0).UTC()}},
		"of a thawed object tells that it is not": {200, `{"hash":"h","fsize":0,"putTime":17000000000000000,"type":2,"restoreStatus":2}`, "", 1,
			store.Object{Key: "k", Hash: "h", Class: store.Archive, Modified: time.Unix(1_700_000_000, 0).UTC()}},
		"of a direct archive needs no thaw":                      {200, `{"fsize":0,"putTime":17000000000000000,"type":4}`, "", 1, store.Object{Key: "k", Class: store.ArchiveIR, Modified: time.Unix(1_700_000_000, 0).UTC()}},
		"of a missing key":                                       {612, `{"error":"no such file"}`, fault.NotFound, 1, store.Object{}},
		"where the bucket is missing does not say the object is": {631, `{"error":"no such bucket"}`, fault.Invalid, 1, store.Object{}},
		"at a host that is not Kodo does not say so either":      {404, `not here`, fault.Invalid, 1, store.Object{}},
		"is tried again":                                         {500, ``, fault.Temporary, 6, store.Object{}},
		"of an answer that is cut":                               {200, `{"hash"`, fault.Temporary, 6, store.Object{}},
		"of a size below 0":                                      {200, `{"fsize":-1}`, fault.Temporary, 6, store.Object{}},
	} {
		t.Run(name, func(t *testing.T) {
			var calls tally
			b := fake(t, func(w http.ResponseWriter, r *http.Request) {
				calls.add("stat")
				if want := "/stat/Yjpr?needparts=true"; r.RequestURI != want {
					t.Errorf("asked %s, want %s", r.RequestURI, want)
				}
				w.WriteHeader(tc.status)
				_, _ = io.WriteString(w, tc.body)
			})
			got, err := b.Stat(t.Context(), "k")
			if fault.KindOf(err) != tc.kind || calls.of("stat") != tc.calls || fmt.Sprint(got) != fmt.Sprint(tc.want) {
				t.Errorf("got %+v, %v after %d requests\nwant %+v, kind %q after %d", got, err, calls.of("stat"), tc.want, tc.kind, tc.calls)
			}
		})
	}
}

func TestFrozenIsAskedInBatches(t *testing.T) {
	var items []string
	for i := range 600 {
		items = append(items, strings.Replace(itemJSON(fmt.Sprintf("%04d", i)), `"type":0`, `"type":2`, 1))
	}
	var sizes []int
	failed := false
	b := fake(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/list" {
			_, _ = w.Write(pageJSON("", items...))
			return
		}
		if err := r.ParseForm(); err != nil {
			t.Error(err)
		}
		n := len(r.PostForm["op"])
		if !failed { // one operation of the first batch
			failed = true
			w.WriteHeader(298)
			_, _ = io.WriteString(w, `[{"code":573,"data":{"error":"too fast"}}`+strings.Repeat(`,{"code":200}`, n-1)+`]`)
			return
		}
		sizes = append(sizes, n)
		w.WriteHeader(298)
		_, _ = io.WriteString(w, `[{"code":200,"data":{"restoreStatus":2}},{"code":612,"data":{"error":"gone"}}`+strings.Repeat(`,{"code":200,"data":{"type":2}}`, n-2)+`]`)
	})
	thawed := 0
	for o, err := range b.List(t.Context(), store.Range{}) {
		if err != nil {
			t.Fatal(err)
		}
		if !o.Frozen {
			thawed++
		}
	}
	if !slices.Equal(sizes, []int{250, 250, 100}) || thawed != 6 {
		t.Errorf("asked in batches of %v, %d readable, want 250, 250, 100 and 6", sizes, thawed)
	}
}

func TestABatchThatFailsIsAnError(t *testing.T) {
	for name, tc := range map[string]struct {
		status int
		body   string
		kind   fault.Kind
	}{
		"as a whole":           {403, `{"error":"no"}`, fault.Denied},
		"for one object":       {298, `[{"code":401,"data":{"error":"bad token"}}]`, fault.Denied},
		"for want of answers":  {200, `[]`, fault.Temporary},
		"for it is no JSON":    {200, `<html>`, fault.Temporary},
		"for the bucket":       {298, `[{"code":631,"data":{"error":"no such bucket"}}]`, fault.NotFound},
		"for a server failure": {298, `[{"code":500}]`, fault.Temporary},
	} {
		t.Run(name, func(t *testing.T) {
			b := fake(t, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/list" {
					_, _ = w.Write(pageJSON("", strings.Replace(itemJSON("k"), `"type":0`, `"type":3`, 1)))
					return
				}
				w.WriteHeader(tc.status)
				_, _ = io.WriteString(w, tc.body)
			})
			if keys, err := drain(t, b, store.Range{}); fault.KindOf(err) != tc.kind || len(keys) > 0 {
				t.Errorf("got %q, %v, want no key and kind %s", keys, err, tc.kind)
			}
		})
	}
}
