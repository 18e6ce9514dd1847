package pipeline_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"kodoferry/shared/job"
	"kodoferry/shared/ledger/progress"
	"kodoferry/shared/pipeline"
)

// TestARunThatAnotherBeganWithAnotherJobListsWhatThatAsksFor has a process that prepares a
// run while another begins one of the same name and dies: what was listed and cut ahead is not
// what the run is of.
func TestARunThatAnotherBeganWithAnotherJobListsWhatThatAsksFor(t *testing.T) {
	for name, tc := range map[string]struct {
		prefix string
		keys   []string
	}{
		"the same":        {},
		"another prefix":  {prefix: "b/"},
		"keys of its own": {keys: []string{"a/000003", "b/000004", "c/014999"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				for i := range 15_000 {
					put(t, w.src, fmt.Sprintf("%c/%06d", "abc"[i%3], i), nil)
				}
				w.config.Lists = 8
				w.pipe = pipeline.New(w.config)
				begun := w.job
				if tc.prefix != "" {
					var err error
					if begun, err = job.New("kodo://photos/"+tc.prefix+"?region=z0", "oss://photos-new/"+tc.prefix+"?region=cn-hangzhou", "", named); err != nil {
						t.Fatal(err)
					}
				}
				next := w.pipe.Prepare(t.Context(), w.job)
				time.Sleep(time.Second)
				if _, err := pipeline.New(w.config).Start(t.Context(), begun, runName, tc.keys...); err != nil {
					t.Fatal(err)
				}
				first, err := w.pipe.Begin(t.Context(), next, runName, func(context.Context) error { return nil })
				if err != nil {
					t.Fatal(err)
				}
				want := slices.DeleteFunc(w.src.Keys(), func(key string) bool {
					return !strings.HasPrefix(key, tc.prefix) || tc.keys != nil && !slices.Contains(tc.keys, key)
				})
				listFrom(t, w, first, rand.New(rand.NewPCG(1, 1)), 1)
				coveredBy(t, w, want)
				walk, err := progress.Walk(t.Context(), w.config.Ledger.Run(runName))
				if err != nil || len(tc.keys) == 0 && len(walk.Shards) < 2 {
					t.Errorf("%d shards, %v, want several", len(walk.Shards), err)
				}
			})
		})
	}
}
