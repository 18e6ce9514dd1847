package task_test

import (
	"fmt"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"kodoferry/shared/fault"
	"kodoferry/shared/store"
	"kodoferry/shared/task"
)

func TestATaskSurvivesItsMessage(t *testing.T) {
	for name, want := range map[string]task.Task{
		"list with awkward keys": {Kind: task.List, Run: "j/20260101T000000Z", Shard: "0", Range: store.Range{Prefix: "<a&b>", After: "\x01\"", UpTo: "中文😀"}},
		"copy":                   {Kind: task.Copy, Run: "j/20260101T000000Z", Shard: "0", Batch: "0-b", First: "a", Last: "b", Count: 2, Bytes: 3, Attempt: 1, Resend: 7},
		"part":                   {Kind: task.Part, Run: "j/20260101T000000Z", Shard: "0", Batch: "0-b", From: 3, To: 10},
		"report":                 {Kind: task.Report, Run: "j/20260101T000000Z", Waits: 3},
		"event":                  {Kind: task.Event, Run: "j/20260101-events", Shard: "e120", Batch: "e120010-ab", Key: "中文/<a&b>\ufffe", Until: 1767268810},
		"remove":                 {Kind: task.Remove, Run: "j/20260101T000000Z", Shard: "0", Batch: "0-b.1xxxxxxxx", Count: 1},
	} {
		t.Run(name, func(t *testing.T) {
			body, err := task.Encode(want)
			if err != nil {
				t.Fatal(err)
			}
			got, err := task.Decode(body)
			got.V = 0
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("Decode = %+v, %v, want %+v", got, err, want)
			}
		})
	}
}

func TestATaskIsWrittenForTheVersionBeforeWhereThatKnowsItsKind(t *testing.T) {
	// The kinds of the newest version are those that have come since; all
	// others must stay readable by a process one version older.
	newest := map[task.Kind]bool{task.Begin: task.Version == 2, task.Part: task.Version == 2, task.Finish: task.Version == 2, task.Decide: task.Version == 2, task.Delete: task.Version == 2, task.Event: task.Version == 3, task.Remove: task.Version == 3, task.Reprove: task.Version == 4}
	for _, kind := range task.Kinds {
		body, err := task.Encode(task.Task{Kind: kind, Run: "j/1", Shard: "0", Batch: "0-b", From: 1, To: 1})
		if err != nil {
			t.Fatal(err)
		}
		got, err := task.Decode(body)
		want := task.Version - 1
		if newest[kind] {
			want = task.Version
		}
		if err != nil || got.V != want {
			t.Errorf("a %s task is written in format %d (%v), want %d", kind, got.V, err, want)
		}
	}
}

func TestWhatTheVersionBeforeWritesIsRead(t *testing.T) {
	for v := task.Version - 2; v <= task.Version; v++ { // it writes for the version before it
		body := fmt.Sprintf(`{"v":%d,"kind":"list","run":"j/1","shard":"0"}`, v)
		if got, err := task.Decode([]byte(body)); err != nil || got.V != v {
			t.Errorf("format %d: %+v, %v, want the task", v, got, err)
		}
	}
}

// TestKindsHasEveryKind reads the source: a kind that is left out would be
// missing in whatever goes through all of them.
func TestKindsHasEveryKind(t *testing.T) {
	source, err := os.ReadFile("task.go")
	if err != nil {
		t.Fatal(err)
	}
	declared := regexp.MustCompile(`(?m)^\t\w+ +Kind = "(\w+)"`).FindAllSubmatch(source, -1)
	for _, d := range declared {
		if !slices.Contains(task.Kinds[:], task.Kind(d[1])) {
			t.Errorf("Kinds has no %q", d[1])
		}
	}
	if len(declared) != len(task.Kinds) {
		t.Errorf("%d kinds are declared, Kinds has %d", len(declared), len(task.Kinds))
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
		"unknown kind":      {`{"v":3,"kind":"dance","run":"a/b"}`, fault.Invalid, "dance"},
		"no run":            {`{"v":3,"kind":"report"}`, fault.Invalid, "no run"},
		"no shard":          {`{"v":3,"kind":"list","run":"a/b"}`, fault.Invalid, "no shard"},
		"no batch":          {`{"v":3,"kind":"copy","run":"a/b","shard":"0"}`, fault.Invalid, "no batch"},
		"no parts":          {`{"v":3,"kind":"part","run":"a/b","shard":"0","batch":"0-b","from":2,"to":1}`, fault.Invalid, "no parts"},
		"a key, no time":    {`{"v":3,"kind":"event","run":"a/b","shard":"e120","batch":"e120010-ab","key":"k"}`, fault.Invalid, "without a time"},
		"of an old format":  {`{"v":1,"kind":"report","run":"a/b"}`, fault.Invalid, "format"},
		"of a newer format": {`{"v":99,"kind":"mystery"}`, fault.Newer, "newer"},
		"of a newer format, with a field of another type": {`{"v":99,"kind":"copy","batch":{"id":7}}`, fault.Newer, "newer"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := task.Decode([]byte(tc.body))
			if fault.KindOf(err) != tc.kind || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("Decode error = %v, want kind %s saying %q", err, tc.kind, tc.says)
			}
		})
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
