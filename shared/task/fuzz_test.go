package task_test

import (
	"bytes"
	"testing"

	"kodoferry/shared/fault"
	"kodoferry/shared/store"
	"kodoferry/shared/task"
)

// FuzzDecode reads any body. What is taken is written and read as the same task; what
// is not is Invalid or Newer.
func FuzzDecode(f *testing.F) {
	for _, k := range task.Kinds {
		body, err := task.Encode(task.Task{
			Kind: k, Run: "photos/20260131T000000Z", Shard: "0", Batch: "0-1", From: 1, To: 3, Key: "a\uffff<\"", Until: 1_700_000_000,
			Range: store.Range{Prefix: "p/", After: "p/a", UpTo: "p/z"}, Attempt: 2, Resend: task.Touched,
		})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(body)
	}
	for _, body := range []string{`{"v":4,"kind":[]}`, `{"V":3,"kind":"report","run":"r"}`, `{"v":3,"kind":"part","run":"r","shard":"0","batch":"b","from":2,"to":1}`, "null", "[]", "\xff"} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := task.Decode(body)
		if err != nil {
			if k := fault.KindOf(err); k != fault.Invalid && k != fault.Newer {
				t.Fatalf("%q: %v, want it Invalid or Newer", body, err)
			}
			return
		}
		first, err := task.Encode(got)
		if err != nil {
			t.Fatal(err)
		}
		again, err := task.Decode(first)
		if err != nil {
			t.Fatalf("%q was taken, and %q, which is written for it, is not: %v", body, first, err)
		}
		second, err := task.Encode(again)
		if err != nil || !bytes.Equal(first, second) {
			t.Errorf("%q is written as %q, read, and written as %q, %v", body, first, second, err)
		}
		if again.V, got.V = 0, 0; again != got {
			t.Errorf("%q is the task %+v, written and read %+v", body, got, again)
		}
	})
}
