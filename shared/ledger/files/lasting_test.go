package files_test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger/files"
	"kodoferry/shared/store"
	"kodoferry/shared/store/mem"
)

// counting counts what is read.
type counting struct {
	*mem.Bucket
	read int
}

func (b *counting) Open(ctx context.Context, o store.Object, from, n int64) (store.Object, io.ReadCloser, error) {
	b.read++
	return b.Bucket.Open(ctx, o, from, n)
}

type note struct {
	V    int    `json:"v"`
	Text string `json:"text"`
}

// TestALastingRecordIsReadOnce, be it created here, by another process, or both at once;
// unless it is large, or many have come since.
func TestALastingRecordIsReadOnce(t *testing.T) {
	b := &counting{Bucket: mem.New(mem.OSS)}
	here, other := files.Open(b, ".ferry/"), files.Open(b, ".ferry/")
	reads := func(name, want string, most int) {
		t.Helper()
		b.read = 0
		for range 3 {
			if got, err := files.ReadLasting[note](t.Context(), here, name); err != nil || got.Text != want {
				t.Errorf("%s: %.20q, %v, want %.20q", name, got.Text, err, want)
			}
		}
		if b.read != most {
			t.Errorf("%s was read by %d requests, want %d", name, b.read, most)
		}
	}
	create := func(f files.Folder, name, text string) (standing note) {
		t.Helper()
		standing, err := files.CreateLasting(t.Context(), f, name, note{files.Version, text})
		if err != nil {
			t.Fatal(err)
		}
		return standing
	}
	create(here, "mine", "a")
	reads("mine", "a", 0)
	create(other, "theirs", "b")
	reads("theirs", "b", 1)
	create(other, "both", "first")
	if got := create(here, "both", "second"); got.Text != "first" {
		t.Errorf("%q stands, want the first", got.Text)
	}
	reads("both", "first", 0)
	large := strings.Repeat("x", 200<<10)
	create(here, "large", large)
	reads("large", large, 3)
	for i := range 40 {
		create(here, fmt.Sprint("of many ", i), strings.Repeat("y", 100<<10))
	}
	reads("mine", "a", 1)
	reads("of many 39", strings.Repeat("y", 100<<10), 0)
}

// TestADamagedRecordIsNotRemembered: who mends it is believed.
func TestADamagedRecordIsNotRemembered(t *testing.T) {
	f := files.Open(mem.New(mem.OSS), ".ferry/")
	if err := f.Write(t.Context(), "closed/0", []byte(`{"v":2,"te`)); err != nil {
		t.Fatal(err)
	}
	if _, err := files.CreateLasting(t.Context(), f, "closed/0", note{V: files.Version}); fault.KindOf(err) != fault.Corrupt {
		t.Errorf("%v where a damaged one stands, want Corrupt", err)
	}
	if _, err := files.ReadLasting[note](t.Context(), f, "closed/0"); fault.KindOf(err) != fault.Corrupt {
		t.Errorf("%v, want Corrupt", err)
	}
	if err := f.Write(t.Context(), "closed/0", []byte(`{"v":2,"text":"whole"}`)); err != nil {
		t.Fatal(err)
	}
	if got, err := files.ReadLasting[note](t.Context(), f, "closed/0"); err != nil || got.Text != "whole" {
		t.Errorf("%q, %v", got.Text, err)
	}
}
