package runs

import (
	"testing"
	"testing/synctest"

	"kodoferry/shared/ledger"
)

func TestFewShardsAreListedAtATimeBesideRowsOfEarlierRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &Run{process: New(Config{})}
		for range 2 * recalled { // nothing is remembered
			if _, err := r.Recall(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		r.Started.Last = []ledger.Last{{Run: "j/1"}}
		var done func()
		for range recalled {
			var err error
			if done, err = r.Recall(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		next := make(chan error)
		go func() {
			_, err := r.Recall(t.Context())
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
