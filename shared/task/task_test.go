package task_test

import (
	"reflect"
	"strings"
	"testing"

	"kodoferry/shared/fault"
	"kodoferry/shared/store"
	"kodoferry/shared/task"
)

func TestATaskSurvivesItsMessage(t *testing.T) {
	for name, want := range map[string]task.Task{
		"list with awkward keys": {V: 2, Kind: task.List, Run: "j/20260101T000000Z", Shard: "0", Range: store.Range{Prefix: "<a&b>", After: "\x01\"", UpTo: "中文😀"}},
		"copy":                   {V: 2, Kind: task.Copy, Run: "j/20260101T000000Z", Shard: "0", Batch: "0-b", First: "a", Last: "b", Count: 2, Bytes: 3, Attempt: 1, Resend: 7},
		"part":                   {V: 2, Kind: task.Part, Run: "j/20260101T000000Z", Shard: "0", Batch: "0-b", From: 3, To: 10},
		"report":                 {V: 2, Kind: task.Report, Run: "j/20260101T000000Z", Waits: 3},
		"event":                  {V: 3, Kind: task.Event, Run: "j/20260101-events", Shard: "e120", Batch: "e120010-ab", Key: "中文/<a&b>\ufffe", Until: 1767268810},
		"remove":                 {V: 3, Kind: task.Remove, Run: "j/20260101T000000Z", Shard: "0", Batch: "0-b.1xxxxxxxx", Count: 1},
	} {
		t.Run(name, func(t *testing.T) {
			body, err := task.Encode(want)
			if err != nil {
				t.Fatal(err)
			}
			got, err := task.Decode(body)
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("Decode = %+v, %v, want %+v", got, err, want)
			}
		})
	}
}

func TestABodyThatIsNoTaskIsRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		body string
		kind fault.Kind
		says string
	}{
		"empty":             {``, fault.Invalid, "no task"},
		"text":              {`hello`, fault.Invalid, "no task"},
		"another object":    {`{"a":1}`, fault.Invalid, "no task"},
		"unknown kind":      {`{"v":2,"kind":"dance","run":"a/b"}`, fault.Invalid, "dance"},
		"no run":            {`{"v":2,"kind":"report"}`, fault.Invalid, "no run"},
		"no shard":          {`{"v":2,"kind":"list","run":"a/b"}`, fault.Invalid, "no shard"},
		"no batch":          {`{"v":2,"kind":"copy","run":"a/b","shard":"0"}`, fault.Invalid, "no batch"},
		"no parts":          {`{"v":2,"kind":"part","run":"a/b","shard":"0","batch":"0-b","from":2,"to":1}`, fault.Invalid, "no parts"},
		"a key, no time":    {`{"v":3,"kind":"event","run":"a/b","shard":"e120","batch":"e120010-ab","key":"k"}`, fault.Invalid, "without a time"},
		"of an old format":  {`{"v":1,"kind":"report","run":"a/b"}`, fault.Invalid, "format"},
		"of a newer format": {`{"v":99,"kind":"mystery"}`, fault.Newer, "newer"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := task.Decode([]byte(tc.body))
			if fault.KindOf(err) != tc.kind || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("Decode error = %v, want kind %s saying %q", err, tc.kind, tc.says)
			}
		})
	}
}

func TestATaskIsWrittenInTheOldestFormatThatKnowsItsKind(t *testing.T) {
	for kind, want := range map[task.Kind]string{task.List: `"v":2`, task.Copy: `"v":2`, task.Delete: `"v":2`, task.Event: `"v":3`, task.Remove: `"v":3`} {
		if body, err := task.Encode(task.Task{Kind: kind, Run: "a/b"}); err != nil || !strings.Contains(string(body), want) {
			t.Errorf("%s is written as %s (%v), want %s: functions of the version before read it", kind, body, err, want)
		}
	}
}

func TestTheBodyIsTheIdentity(t *testing.T) {
	a, _ := task.Encode(task.Task{Kind: task.Report, Run: "a/b"})
	b, _ := task.Encode(task.Task{Kind: task.Report, Run: "a/b", Waits: 1})
	if task.Name(a) == task.Name(b) {
		t.Errorf("Name(%s) = Name(%s), want different names", a, b)
	}
	event := task.Task{Kind: task.Event, Run: "a/b", Key: "k", Until: 10, Delay: 1}
	later := event
	later.Delay = 2
	c, _ := task.Encode(event)
	d, _ := task.Encode(later)
	if task.Name(c) != task.Name(d) {
		t.Error("two events of one key in one time bucket are different tasks, want one: when each is delivered is no part of it")
	}
	later.Until = 20
	if d, _ = task.Encode(later); task.Name(c) == task.Name(d) {
		t.Error("two events of one key in different time buckets are one task: the second would be dropped as done")
	}
}

func TestABodyIsTextOfXMLWhateverTheKeys(t *testing.T) {
	var all []rune
	for r := range rune(0x10000) {
		if r < 0xD800 || r > 0xDFFF {
			all = append(all, r)
		}
	}
	want := task.Task{Kind: task.List, Run: "j/1", Shard: "0", Range: store.Range{After: string(all)}}
	body, err := task.Encode(want)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range string(body) {
		if r < 0x20 || r == 0xFFFE || r == 0xFFFF {
			t.Fatalf("the body holds %U, which XML cannot", r)
		}
	}
	if got, err := task.Decode(body); err != nil || got.Range != want.Range {
		t.Errorf("Decode lost characters of the range (%v)", err)
	}
}
