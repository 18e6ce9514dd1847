package main

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"kodoferry/scripts/ferry/standins"
	"kodoferry/shared/emulator/oss"
	"kodoferry/shared/ledger"
	"kodoferry/shared/report"
)

// TestASecondCopyRemembersTheFirst copies 1,000 objects twice, from either interface of
// the source: the second time the target is asked for none of them.
func TestASecondCopyRemembersTheFirst(t *testing.T) {
	t.Parallel()
	for name, source := range map[string]func(*clouds) string{
		"Kodo": func(c *clouds) string { return c.src },
		"S3":   func(c *clouds) string { return c.s3 },
	} {
		t.Run(name, func(t *testing.T) {
			c := newClouds(t)
			c.fill(t, 1000)
			out, said, code := execute(t, c.env, "copy", source(c), c.dst, "--json")
			first := summaryOf(t, out)
			if code != 0 || first.Objects.Copied != 1000 {
				t.Fatalf("the first copy: exit code %d, %s%s", code, out, said)
			}
			var mu sync.Mutex
			asked := map[string]int{}
			c.oss.OnRequest(func(r oss.Request) {
				mu.Lock()
				defer mu.Unlock()
				if r.Key != "" && !strings.HasPrefix(r.Key, standins.Ledger) {
					asked[r.Op]++
				}
			})
			out, said, code = execute(t, c.env, "copy", source(c), c.dst, "--json")
			second := summaryOf(t, out)
			if code != 0 || second.Result != report.Verified || second.Objects.Unchanged != 1000 || second.Objects.Verified != 1000 {
				t.Fatalf("the second copy: exit code %d, %s%s", code, out, said)
			}
			mu.Lock()
			ops := slices.Collect(maps.Keys(asked))
			mu.Unlock()
			if len(ops) > 0 {
				t.Errorf("the target was asked for objects, by %q", ops)
			}
			env := append(c.env, "FERRY_LEDGER="+c.ledger)
			out, said, code = execute(t, env, "report", second.Run, "--json")
			var rep report.Report
			if err := json.Unmarshal([]byte(out), &rep); err != nil || code != 0 {
				t.Fatalf("exit code %d, %v: %s%s", code, err, out, said)
			}
			hashes := rep.Proofs[ledger.ByQetag].Objects + rep.Proofs[ledger.ByMD5].Objects
			if hashes != 1000 || len(rep.Provers) != 1 || rep.Provers[first.Run].Objects != 1000 {
				t.Errorf("proved by %v, by the runs %v, want 1,000 by hash and by %s", rep.Proofs, rep.Provers, first.Run)
			}
			if out, _, _ = execute(t, env, "report", second.Run); !strings.Contains(out, "1,000 of them by "+first.Run) {
				t.Errorf("the report does not say which run proved them: %s", out)
			}
		})
	}
}
