package pipeline

import (
	"testing"
	"testing/synctest"

	"kodoferry/shared/ledger"
)

func TestFewShardsAreListedAtATimeBesideRowsOfEarlierRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &run{recalling: New(Config{}).recalling}
		for range 2 * recalled { // nothing is remembered
			if _, err := recall(t.Context(), r); err != nil {
				t.Fatal(err)
			}
		}
		r.start.Last = []ledger.Last{{Run: "j/1"}}
		var done func()
		for range recalled {
			var err error
			if done, err = recall(t.Context(), r); err != nil {
				t.Fatal(err)
			}
		}
		next := make(chan error)
		go func() {
			_, err := recall(t.Context(), r)
			next <- err
		}()
		synctest.Wait()
		select {
		case <-next:
			t.Fatalf("%d shards are listed beside rows of earlier runs, want %d", recalled+1, recalled)
		default:
		}
		done()
		if err := <-next; err != nil {
			t.Error(err)
		}
	})
}
