package mirror_test

import (
	"bytes"
	"context"
	"sync/atomic"
	"testing"
	"time"

	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/memory"
	"kodoferry/shared/pipeline/mirror"
	"kodoferry/shared/pipeline/verdict"
	"kodoferry/shared/store"
	"kodoferry/shared/store/mem"
)

// asked counts the HEADs of a target.
type asked struct {
	*mem.Bucket
	heads *atomic.Int64
}

func (a asked) Stat(ctx context.Context, key string) (store.Object, error) {
	a.heads.Add(1)
	return a.Bucket.Stat(ctx, key)
}

// TestWhatEarlierRunsLeftTellsWhoseAnObjectIs has objects whose metadata all say that they
// are the job's: a row of an earlier run says otherwise of two, one of which was written
// over since, and spares a HEAD of two.
func TestWhatEarlierRunsLeftTellsWhoseAnObjectIs(t *testing.T) {
	b, heads := mem.New(mem.OSS), new(atomic.Int64)
	rules := &verdict.Rules{Job: job.Job{Name: "photos"}.WithDefaults(), Target: asked{b, heads}, Now: time.Now}
	var rows []ledger.Row
	for key, author := range map[string]string{"by its row": "photos/1", "written anew": ledger.NotOurs, "without a row": "", "other bytes": "", "another version": ""} {
		o := store.Object{Key: key, Size: 1, Hash: "F1"}
		o.Origin = rules.Copies().Origin(o, o)
		stored, err := b.Put(t.Context(), o, bytes.NewReader([]byte("x")), store.Put{})
		if err != nil {
			t.Fatal(err)
		}
		row := ledger.Row{Src: store.Object{Key: key}, Dst: &ledger.Dst{ETag: stored.ETag, Size: 1}, State: ledger.Pending, Author: author}
		switch was := (memory.Row{Src: o, Dst: ledger.Dst{ETag: "E", CRC64: "1", Size: 1}, State: ledger.Copied, Proof: ledger.ByQetag, Author: "photos/1"}); key {
		case "another version":
			was.Src.Hash = "F0"
			fallthrough
		case "other bytes":
			row.Was = was.Known()
		}
		rows = append(rows, row)
	}
	mine, others, err := mirror.Ours(t.Context(), rules, rows)
	if err != nil || heads.Load() != 3 || len(mine) != 3 || others.Objects != 2 {
		t.Fatalf("%d of ours, %d others after %d HEADs, %v, want 3, 2 and three HEADs", len(mine), others.Objects, heads.Load(), err)
	}
	for _, row := range mine {
		if row.Key() == "written anew" || row.Key() == "other bytes" || row.Author == "" {
			t.Errorf("%s by %q is ours", row.Key(), row.Author)
		}
	}
}
