package limit_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/limit"
	"kodoferry/shared/store"
	"kodoferry/shared/store/mem"
)

// FuzzRead reads any bytes as what bounds a run: what is taken comes back from what is
// written for it; what is not is Corrupt.
func FuzzRead(f *testing.F) {
	whole, err := json.Marshal(limit.Bounds{Bandwidth: job.Bandwidth{Rate: 1, Zone: "Asia/Shanghai", Timetable: []job.Window{{From: "09:00", To: "18:00"}}}, Requests: 2, Instances: 3})
	if err != nil {
		f.Fatal(err)
	}
	for _, text := range []string{string(whole), "{}", "null", `{"bandwidth":{"timetable":[{"from":"25:00"}]}}`, `{"requests":-1,"instances":1e3}`, `[`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		bucket := mem.New(mem.OSS)
		run := ledger.Open(bucket, "").Run("j/20260131T000000Z")
		// As the ledger writes it, but for what stands in it.
		text := append(append([]byte(`{"v":1,"at":"2026-01-31T00:00:00Z","limits":`), data...), '}')
		if _, err := bucket.Put(t.Context(), store.Object{Key: run.Path("limits.json"), Size: int64(len(text))}, bytes.NewReader(text), store.Put{}); err != nil {
			t.Fatal(err)
		}
		b, _, err := limit.Read(t.Context(), run)
		if err != nil {
			if fault.KindOf(err) != fault.Corrupt && fault.KindOf(err) != fault.Newer {
				t.Fatalf("%q: %v, want it Corrupt", data, err)
			}
			return
		}
		_ = b.Bandwidth.At(time.Unix(1_700_000_000, 0))
		if err := limit.Change(t.Context(), run, b, time.Unix(1_700_000_000, 0)); err != nil {
			t.Fatal(err)
		}
		again, changed, err := limit.Read(t.Context(), run)
		if err != nil || !changed || again.Any() != b.Any() || again.Requests != b.Requests || !reflect.DeepEqual(again.Bandwidth.Text(), b.Bandwidth.Text()) {
			t.Errorf("%q is %+v, written and read %+v, %v", data, b, again, err)
		}
	})
}
