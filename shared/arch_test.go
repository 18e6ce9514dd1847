// Package shared_test holds the house to its plan: who may import whom, and
// which modules come in from outside. A new room or module is a line here (or
// in testdata/modules.golden), so that it shows up in review.
package shared_test

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "kodoferry"

// room is what the packages that match a pattern may import. Patterns are
// those of path.Match, of paths below the module; one that ends in /... also
// matches everything below it.
type room struct {
	pattern string
	ferry   []string // patterns of packages of this module
	outside []string // modules from outside; "*" is any
	tests   []string // what its tests may import besides, and besides stand
}

var (
	ports = []string{"shared/fault", "shared/digest", "shared/store", "shared/queue", "shared/job", "shared/task", "shared/ledger", "shared/ledger/eventnames", "shared/ledger/index", "shared/ledger/kept", "shared/ledger/live", "shared/ledger/progress", "shared/ledger/removals", "shared/ledger/sent", "shared/ledger/upload"}
	// plumbing does for Go what the standard library leaves out, and knows no service.
	plumbing  = []string{"golang.org/x/sync"}
	anyModule = []string{"*"}
)

// rooms lists every room; the first that matches counts. A package without
// one is a mistake.
var rooms = []room{
	{"functions/console", []string{"shared/app", "shared/console"}, nil, nil},
	{"functions/*", []string{"shared/app", "shared/faas", "shared/task"}, nil, nil},
	{"shared/fault", nil, nil, nil},
	{"shared/fault/faulttest", []string{"shared/fault"}, nil, nil},
	{"shared/digest", nil, []string{"golang.org/x/sys"}, nil}, // which instructions the processor has
	{"shared/random", nil, nil, nil},
	{"shared/columns", nil, []string{"github.com/mattn/go-runewidth"}, nil},
	{"shared/transport", nil, nil, nil},
	{"shared/retry", []string{"shared/fault", "shared/random"}, []string{"github.com/cenkalti/backoff/v5"}, nil},
	{"shared/store", []string{"shared/fault", "shared/retry", "shared/transport"}, []string{"github.com/cenkalti/backoff/v5"}, nil},
	{"shared/store/storetest", []string{"shared/store", "shared/fault"}, nil, nil},
	{"shared/store/wiretest", nil, nil, nil},
	{"shared/store/*", []string{"shared/store", "shared/digest", "shared/fault", "shared/transport"}, anyModule, nil},
	{"shared/queue", []string{"shared/fault"}, nil, nil},
	{"shared/queue/queuetest", []string{"shared/queue", "shared/fault"}, nil, nil},
	{"shared/queue/remote/remotetest", []string{"shared/queue", "shared/queue/queuetest", "shared/fault", "shared/emulator/chaos", "shared/emulator/odd", "shared/emulator/pile"}, nil, nil},
	{"shared/queue/remote", []string{"shared/queue", "shared/fault", "shared/retry", "shared/transport"}, nil, nil},
	{"shared/queue/*", []string{"shared/queue", "shared/queue/remote", "shared/fault", "shared/transport"}, anyModule, nil},
	{"shared/job", []string{"shared/fault", "shared/store", "shared/job/glob", "shared/job/hours", "shared/job/near", "shared/job/regions"}, []string{"github.com/dustin/go-humanize", "github.com/goccy/go-yaml"}, nil},
	{"shared/job/hours", nil, nil, nil},
	{"shared/job/near", nil, nil, nil},
	{"shared/job/regions", []string{"shared/job/near"}, nil, nil},
	{"shared/job/glob", nil, []string{"github.com/bmatcuk/doublestar/v4"}, nil},
	{"shared/job/keylist", []string{"shared/fault", "shared/job"}, nil, nil},
	{"shared/alert", []string{"shared/fault", "shared/job", "shared/transport"}, nil, nil},
	{"shared/check", []string{"shared/fault", "shared/digest", "shared/retry", "shared/store", "shared/queue", "shared/job", "shared/ledger", "shared/alert", "shared/pipeline/listing", "shared/transport"}, nil, nil},
	{"shared/check/contract", append([]string{"shared/pipeline/listing", "shared/store/storetest", "shared/queue/queuetest", "shared/transport"}, ports...), anyModule, nil}, // runs the suites on real clouds
	{"shared/task", []string{"shared/fault", "shared/store"}, nil, nil},
	{"shared/ledger", []string{"shared/fault", "shared/store", "shared/ledger/eventnames", "shared/ledger/files", "shared/ledger/plainjson", "shared/ledger/timeline"}, append([]string{"github.com/klauspost/compress/gzip"}, plumbing...), []string{"shared/ledger/live", "shared/ledger/progress", "shared/ledger/index", "shared/ledger/sent", "shared/ledger/upload"}},
	{"shared/ledger/files", []string{"shared/fault", "shared/retry", "shared/store"}, nil, nil}, // knows no record by its meaning
	{"shared/ledger/files/filestest", []string{"shared/fault", "shared/ledger/files"}, nil, nil},
	{"shared/ledger/eventnames", nil, nil, nil},
	{"shared/ledger/kept", []string{"shared/fault", "shared/store", "shared/ledger", "shared/ledger/files"}, nil, []string{"shared/ledger/progress"}},
	{"shared/ledger/live", []string{"shared/fault", "shared/store", "shared/ledger/files"}, plumbing, []string{"shared/ledger"}}, // no outcome depends on it
	{"shared/ledger/formats", []string{"shared/ledger/files"}, nil, nil},
	{"shared/ledger/index", []string{"shared/store", "shared/ledger", "shared/ledger/eventnames", "shared/ledger/files"}, plumbing, []string{"shared/fault"}},
	{"shared/ledger/progress", []string{"shared/fault", "shared/store", "shared/ledger", "shared/ledger/eventnames", "shared/ledger/files"}, plumbing, nil}, // it writes no outcome
	{"shared/ledger/removals", []string{"shared/store", "shared/ledger", "shared/ledger/files"}, nil, nil},
	{"shared/ledger/plainjson", nil, nil, nil},
	{"shared/ledger/timeline", nil, nil, nil},
	{"shared/ledger/upload", []string{"shared/store", "shared/ledger", "shared/ledger/files"}, nil, nil},
	{"shared/ledger/sent", []string{"shared/fault", "shared/ledger", "shared/ledger/files"}, plumbing, []string{"shared/store"}}, // no outcome depends on it
	{"shared/ledger/ledgertest", []string{"shared/job", "shared/ledger", "shared/ledger/timeline", "shared/store", "shared/store/mem"}, nil, nil},
	{"shared/limit/window", nil, nil, nil},
	{"shared/limit/capacity", nil, nil, nil},
	{"shared/limit", []string{"shared/job", "shared/ledger", "shared/ledger/live", "shared/limit/window", "shared/store", "shared/fault"}, append([]string{"golang.org/x/time/rate"}, plumbing...), nil},
	{"shared/report", []string{"shared/fault", "shared/job", "shared/job/keylist", "shared/ledger", "shared/ledger/files", "shared/ledger/timeline", "shared/ledger/progress", "shared/report/table"}, []string{"github.com/dustin/go-humanize"}, []string{"shared/store"}},
	{"shared/report/release", []string{"shared/fault", "shared/job", "shared/ledger", "shared/report", "shared/report/table", "shared/pipeline/listing", "shared/store"}, nil, nil},
	{"shared/report/table", []string{"shared/fault", "shared/job", "shared/ledger"}, []string{"github.com/klauspost/compress/gzip"}, []string{"shared/store"}}, // the format alone: verification writes it, a report reads it
	{"shared/pipeline/deadline", nil, nil, nil},
	{"shared/pipeline/mark", nil, nil, nil},
	{"shared/pipeline/listing", []string{"shared/fault", "shared/store"}, plumbing, nil},
	{"shared/pipeline/memory", []string{"shared/fault", "shared/store", "shared/job", "shared/ledger", "shared/ledger/index", "shared/report/table"}, []string{"github.com/klauspost/compress/gzip", "github.com/klauspost/compress/s2"}, nil},
	{"shared/pipeline/opening", []string{"shared/fault", "shared/store", "shared/job", "shared/ledger", "shared/ledger/kept", "shared/pipeline/listing", "shared/pipeline/memory", "shared/pipeline/verdict"}, nil, nil},
	{"shared/pipeline/cache", nil, nil, nil},
	{"shared/pipeline/outage", []string{"shared/fault", "shared/store", "shared/job", "shared/ledger", "shared/ledger/live", "shared/random"}, nil, nil},
	{"shared/pipeline/verdict", []string{"shared/fault", "shared/digest", "shared/store", "shared/job", "shared/ledger", "shared/pipeline/listing", "shared/pipeline/mark", "shared/pipeline/memory"}, nil, nil}, // it decides on pairs
	{"shared/pipeline/proof", []string{"shared/fault", "shared/store", "shared/job", "shared/ledger", "shared/report/table", "shared/pipeline/batching", "shared/pipeline/deadline", "shared/pipeline/listing", "shared/pipeline/memory", "shared/pipeline/verdict"}, nil, nil},
	{"shared/pipeline/reproof", []string{"shared/fault", "shared/digest", "shared/store", "shared/job", "shared/ledger", "shared/ledger/progress", "shared/limit", "shared/report/table", "shared/pipeline/deadline", "shared/pipeline/listing", "shared/pipeline/verdict"}, nil, nil},
	{"shared/pipeline/thaw", []string{"shared/fault", "shared/store", "shared/job", "shared/ledger", "shared/pipeline/deadline"}, plumbing, nil},
	{"shared/pipeline/transfer", []string{"shared/fault", "shared/digest", "shared/store", "shared/job", "shared/ledger", "shared/ledger/upload", "shared/limit", "shared/random", "shared/pipeline/deadline", "shared/pipeline/mark", "shared/pipeline/memory", "shared/pipeline/outage", "shared/pipeline/verdict"}, plumbing, nil},
	{"shared/pipeline/mirror", []string{"shared/fault", "shared/store", "shared/job", "shared/ledger", "shared/ledger/progress", "shared/limit", "shared/pipeline/deadline", "shared/pipeline/memory", "shared/pipeline/outage", "shared/pipeline/verdict"}, plumbing, nil},
	{"shared/pipeline/events", []string{"shared/fault", "shared/store", "shared/job", "shared/ledger", "shared/ledger/eventnames", "shared/ledger/kept", "shared/pipeline/batching", "shared/pipeline/mark", "shared/pipeline/memory", "shared/pipeline/transfer", "shared/pipeline/verdict"}, nil, nil},
	{"shared/pipeline/readahead", nil, nil, nil},
	{"shared/pipeline/batching", []string{"shared/store", "shared/job", "shared/ledger", "shared/ledger/live", "shared/limit", "shared/pipeline/memory", "shared/pipeline/mirror", "shared/pipeline/readahead", "shared/pipeline/transfer", "shared/pipeline/verdict"}, plumbing, nil},
	{"shared/pipeline/shard", []string{"shared/fault", "shared/store", "shared/job", "shared/ledger", "shared/ledger/progress", "shared/pipeline/batching", "shared/pipeline/deadline", "shared/pipeline/listing", "shared/pipeline/memory", "shared/pipeline/verdict"}, nil, nil},
	{"shared/pipeline/permit", []string{"shared/store", "shared/job", "shared/ledger", "shared/ledger/kept", "shared/limit", "shared/pipeline/verdict"}, plumbing, nil},
	{"shared/pipeline/uploads", []string{"shared/fault", "shared/random", "shared/store", "shared/ledger", "shared/ledger/upload", "shared/pipeline/deadline", "shared/pipeline/readahead", "shared/pipeline/transfer"}, plumbing, nil},
	{"shared/pipeline/closing", []string{"shared/fault", "shared/store", "shared/job", "shared/ledger", "shared/ledger/eventnames", "shared/ledger/index", "shared/ledger/progress", "shared/report", "shared/report/table", "shared/pipeline/deadline", "shared/pipeline/memory", "shared/pipeline/readahead", "shared/pipeline/mirror"}, plumbing, nil},
	{"shared/pipeline/remains", []string{"shared/fault", "shared/store", "shared/job", "shared/ledger", "shared/ledger/progress", "shared/report", "shared/pipeline/memory", "shared/pipeline/uploads"}, nil, nil},
	{"shared/pipeline/follow", []string{"shared/fault", "shared/task", "shared/limit", "shared/ledger", "shared/ledger/eventnames", "shared/ledger/progress", "shared/ledger/sent", "shared/ledger/upload", "shared/random", "shared/job", "shared/pipeline/events", "shared/pipeline/mirror", "shared/pipeline/outage", "shared/pipeline/readahead", "shared/pipeline/waits"}, nil, nil}, // it knows tasks
	{"shared/pipeline/admission", []string{"shared/fault", "shared/job", "shared/ledger", "shared/limit", "shared/task", "shared/pipeline/events", "shared/pipeline/follow", "shared/pipeline/outage", "shared/pipeline/permit", "shared/pipeline/transfer"}, nil, nil},                                                                                                                   // it knows tasks, as follow does
	{"shared/pipeline/waits", []string{"shared/random"}, nil, nil},
	{"shared/pipeline/worklog", []string{"shared/store", "shared/ledger", "shared/ledger/files", "shared/ledger/live"}, nil, nil}, // for show alone
	{"shared/pipeline/giveup", []string{"shared/fault", "shared/ledger", "shared/ledger/progress", "shared/pipeline/closing", "shared/pipeline/events", "shared/pipeline/follow", "shared/pipeline/mirror", "shared/pipeline/reproof", "shared/pipeline/shard", "shared/pipeline/uploads", "shared/report", "shared/store", "shared/task"}, nil, nil}, // it knows tasks, as follow does
	{"shared/pipeline/watch", []string{"shared/ledger", "shared/task", "shared/pipeline/transfer"}, nil, nil}, // for show alone
	{"shared/pipeline/storm/weather", nil, nil, nil},
	{"shared/pipeline/storm/linear", nil, []string{"github.com/anishathalye/porcupine"}, nil},
	{"shared/pipeline/storm/shrink", []string{"shared/pipeline/storm", "shared/pipeline/storm/weather", "shared/pipeline/storm/world"}, nil, nil},
	{"shared/pipeline/storm/world", append([]string{"shared/app", "shared/pipeline", "shared/pipeline/mark", "shared/pipeline/storm/linear", "shared/pipeline/storm/weather", "shared/store/mem"}, ports...), nil, nil},
	{"shared/pipeline/storm/rules", append([]string{"shared/limit", "shared/report", "shared/pipeline/storm/weather", "shared/pipeline/storm/world"}, ports...), nil, nil},
	{"shared/pipeline/storm/cast", append([]string{"shared/control", "shared/limit", "shared/report", "shared/store/mem", "shared/pipeline/storm/rules", "shared/pipeline/storm/weather", "shared/pipeline/storm/world"}, ports...), nil, nil},
	{"shared/pipeline/storm", []string{"shared/..."}, nil, nil}, // drives the whole of it from outside, for tests
	{"shared/pipeline/runs", append([]string{"shared/limit", "shared/report", "shared/pipeline/admission", "shared/pipeline/batching", "shared/pipeline/cache", "shared/pipeline/closing", "shared/pipeline/events", "shared/pipeline/follow", "shared/pipeline/giveup", "shared/pipeline/listing", "shared/pipeline/mark", "shared/pipeline/memory", "shared/pipeline/mirror", "shared/pipeline/opening", "shared/pipeline/outage", "shared/pipeline/permit", "shared/pipeline/proof", "shared/pipeline/readahead", "shared/pipeline/reproof", "shared/pipeline/shard", "shared/pipeline/thaw", "shared/pipeline/transfer", "shared/pipeline/verdict", "shared/pipeline/waits", "shared/pipeline/watch", "shared/pipeline/worklog"}, ports...), nil, nil},                              // which room is made of which; the pipeline alone imports it
	{"shared/pipeline", append([]string{"shared/limit", "shared/report", "shared/pipeline/batching", "shared/pipeline/closing", "shared/pipeline/deadline", "shared/pipeline/events", "shared/pipeline/follow", "shared/pipeline/giveup", "shared/pipeline/listing", "shared/pipeline/mirror", "shared/pipeline/opening", "shared/pipeline/outage", "shared/pipeline/readahead", "shared/pipeline/remains", "shared/pipeline/reproof", "shared/pipeline/runs", "shared/pipeline/shard", "shared/pipeline/transfer", "shared/pipeline/uploads", "shared/pipeline/verdict", "shared/pipeline/watch"}, ports...), plumbing, []string{"shared/job/keylist", "shared/random", "shared/report/table", "shared/worker", "shared/plan", "shared/pipeline/memory", "shared/pipeline/storm/..."}}, // its tests run whole migrations under the rules of delivery, and through storms
	{"shared/plan", []string{"shared/fault", "shared/store", "shared/job", "shared/ledger", "shared/report", "shared/pipeline/listing", "shared/pipeline/memory", "shared/pipeline/verdict"}, append([]string{"github.com/dustin/go-humanize"}, plumbing...), nil}, // it words what a run would report
	{"shared/plan/forecast", []string{"shared/job", "shared/ledger", "shared/plan", "shared/store"}, []string{"github.com/dustin/go-humanize", "github.com/goccy/go-yaml"}, nil},
	{"shared/plan/sheet", []string{"shared/columns", "shared/console/language", "shared/ledger", "shared/plan", "shared/plan/forecast", "shared/store"}, []string{"github.com/dustin/go-humanize"}, []string{"shared/job"}}, // for people, in their language
	{"shared/overview/curve", []string{"shared/ledger/timeline"}, nil, nil},
	{"shared/overview/reading", []string{"shared/job", "shared/ledger", "shared/ledger/live", "shared/ledger/progress", "shared/limit", "shared/overview/curve", "shared/pipeline/outage", "shared/report", "shared/store"}, plumbing, nil},                                                                                                                  // it writes nothing
	{"shared/overview", []string{"shared/fault", "shared/ledger", "shared/ledger/index", "shared/ledger/live", "shared/limit", "shared/overview/curve", "shared/overview/reading", "shared/pipeline/events", "shared/plan/forecast", "shared/report"}, plumbing, []string{"shared/job", "shared/ledger/progress", "shared/ledger/timeline", "shared/store"}}, // how a run stands, for whoever shows it; it writes nothing
	{"shared/worker", []string{"shared/task", "shared/queue", "shared/fault", "shared/retry"}, nil, nil},
	{"shared/rights", []string{"shared/fault", "shared/job", "shared/store"}, nil, nil},
	{"shared/faas", nil, anyModule, nil},
	{"shared/alert/alerting", []string{"shared/alert", "shared/fault", "shared/job", "shared/ledger", "shared/ledger/sent", "shared/report", "shared/retry", "shared/store", "shared/task", "shared/worker"}, nil, nil},                                                                                                // does tasks and alerts what they came to
	{"shared/agent", append([]string{"shared/alert/alerting", "shared/check", "shared/control", "shared/limit/capacity", "shared/pipeline", "shared/queue/mem", "shared/random", "shared/report", "shared/worker", "shared/pipeline/outage", "shared/pipeline/reproof", "shared/pipeline/watch"}, ports...), nil, nil}, // a process that does tasks
	{"shared/control", append([]string{"shared/random", "shared/retry", "shared/limit", "shared/report", "shared/pipeline", "shared/pipeline/events", "shared/pipeline/outage", "shared/pipeline/remains"}, ports...), plumbing, nil},                                                                                  // runs begun, steered and swept; it does no task
	{"shared/registry", append([]string{"shared/control", "shared/report"}, ports...), []string{"github.com/dustin/go-humanize"}, nil},                                                                                                                                                                                 // the jobs that a ledger keeps
	{"shared/app", []string{"shared/..."}, anyModule, nil},
	{"shared/ledger/audit", []string{"shared/fault", "shared/store", "shared/ledger", "shared/ledger/files"}, plumbing, nil},
	{"shared/console/access", nil, nil, nil},
	{"shared/console/language/sourcetest", nil, nil, nil},
	{"shared/console/language", nil, nil, []string{"shared/overview"}},
	{"shared/console/jobform", []string{"shared/fault", "shared/job", "shared/job/keylist"}, nil, nil},
	{"shared/console/charts", []string{"shared/ledger", "shared/overview"}, nil, nil},
	{"shared/console/problem", []string{"shared/fault"}, nil, nil},
	{"shared/console/shell", nil, nil, nil},
	{"shared/console/words", []string{"shared/console/language", "shared/overview"}, []string{"github.com/dustin/go-humanize"}, nil},
	{"shared/console", append([]string{"shared/app", "shared/check", "shared/console/...", "shared/control", "shared/ledger/audit", "shared/limit", "shared/overview", "shared/pipeline/reproof", "shared/plan/forecast", "shared/plan/sheet", "shared/registry", "shared/report"}, ports...), plumbing, []string{"shared/faas"}}, // pages over all of it
	{"shared/emulator/fc", []string{"shared/fault", "shared/digest", "shared/emulator/chaos", "shared/emulator/ram", "shared/emulator/mns", "shared/emulator/sqs"}, anyModule, nil},                                                                                                                                               // its streams consume queues
	{"shared/emulator/ram", nil, nil, nil},
	{"shared/emulator/opentest", nil, nil, nil}, // for tests alone
	{"shared/emulator/pile", []string{"shared/emulator/chaos"}, nil, nil},
	{"shared/emulator/pile/piletest", []string{"shared/emulator/pile"}, nil, nil},
	{"shared/emulator/...", []string{"shared/fault", "shared/digest", "shared/emulator/chaos", "shared/emulator/pile", "shared/emulator/ram"}, anyModule, nil},
	{"scripts/pack", nil, nil, nil},
	{"infra", []string{"shared/app", "shared/console", "shared/faas", "shared/task", "shared/job", "shared/rights", "shared/store/oss", "shared/emulator/..."}, anyModule, nil},
	{"scripts/ferry/life", nil, nil, nil},
	{"scripts/ferry/words", nil, []string{"github.com/dustin/go-humanize"}, nil},
	{"scripts/ferry/show", append([]string{"shared/agent", "shared/columns", "shared/console/language", "shared/console/words", "shared/control", "shared/overview", "shared/pipeline/watch", "shared/pipeline/memory", "shared/pipeline/reproof", "shared/pipeline/events", "shared/report", "scripts/ferry/words"}, ports...), []string{"github.com/dustin/go-humanize", "github.com/vbauerster/mpb/v8", "golang.org/x/sys"}, []string{"shared/ledger/timeline"}},
	{"scripts/ferry/metrics", append([]string{"shared/overview", "shared/pipeline/watch", "shared/worker", "scripts/ferry/words"}, ports...), []string{"github.com/VictoriaMetrics/metrics"}, nil},
	{"scripts/ferry/standins", append([]string{"shared/app", "shared/emulator/...", "scripts/ferry/life"}, ports...), nil, nil},
	{"scripts/ferry/emulation", []string{"shared/app", "shared/emulator/...", "scripts/ferry/bench", "scripts/ferry/life", "scripts/ferry/standins"}, nil, []string{"shared/job"}},
	{"scripts/ferry/outcome", append([]string{"shared/report/...", "scripts/ferry/life", "scripts/ferry/show"}, ports...), nil, nil},
	{"scripts/ferry/cli", append([]string{"shared/app", "shared/console/language", "shared/control", "scripts/ferry/show", "scripts/ferry/words"}, ports...), []string{"github.com/spf13/cobra", "github.com/spf13/pflag"}, nil},
	{"scripts/ferry/jobs", append([]string{"shared/job/keylist", "shared/control", "shared/limit", "shared/registry", "shared/report", "scripts/ferry/cli", "scripts/ferry/show", "scripts/ferry/words"}, ports...), []string{"github.com/spf13/cobra", "github.com/spf13/pflag"}, nil},
	{"scripts/ferry/checks", append([]string{"shared/app", "shared/check", "shared/check/contract", "scripts/ferry/cli", "scripts/ferry/jobs", "scripts/ferry/show", "scripts/ferry/words"}, ports...), []string{"github.com/spf13/cobra", "github.com/spf13/pflag"}, nil},
	{"scripts/ferry/events", append([]string{"shared/app", "shared/control", "scripts/ferry/cli", "scripts/ferry/show", "scripts/ferry/words"}, ports...), []string{"github.com/spf13/cobra"}, nil},
	{"scripts/ferry/reports", append([]string{"shared/app", "shared/pipeline/reproof", "shared/report", "shared/report/release", "shared/report/table", "scripts/ferry/cli", "scripts/ferry/outcome", "scripts/ferry/show", "scripts/ferry/words"}, ports...), []string{"github.com/spf13/cobra", "github.com/dustin/go-humanize"}, nil},
	{"scripts/ferry/status", append([]string{"shared/app", "shared/overview", "shared/pipeline/reproof", "shared/plan/forecast", "scripts/ferry/cli", "scripts/ferry/metrics", "scripts/ferry/show"}, ports...), []string{"github.com/spf13/cobra"}, nil}, // it only looks
	{"scripts/ferry/steering", append([]string{"shared/app", "shared/control", "shared/limit", "shared/pipeline/remains", "shared/report", "scripts/ferry/cli", "scripts/ferry/show", "scripts/ferry/words"}, ports...), []string{"github.com/dustin/go-humanize", "github.com/spf13/cobra"}, nil},
	{"scripts/ferry/bench", append([]string{"shared/app", "shared/agent", "shared/pipeline/watch", "shared/pipeline/reproof", "shared/pipeline/listing", "shared/pipeline/memory", "shared/report", "shared/worker", "scripts/ferry/words"}, ports...), []string{"golang.org/x/sync", "github.com/dustin/go-humanize"}, nil}, // the stand-ins are another process
	{"scripts/ferry/...", append([]string{"shared/app", "shared/agent", "shared/check/...", "shared/columns", "shared/console/...", "shared/control", "shared/limit", "shared/limit/capacity", "shared/overview", "shared/pipeline", "shared/pipeline/watch", "shared/pipeline/reproof", "shared/pipeline/remains", "shared/plan/...", "shared/registry", "shared/report/...", "shared/rights", "shared/worker", "shared/emulator/...", "scripts/ferry/..."}, ports...), anyModule, nil},
}

// stand are the stand-ins and suites that tests may import, too.
var stand = []string{"shared/console/language/sourcetest", "shared/fault/faulttest", "shared/ledger/formats", "shared/store/storetest", "shared/ledger/files/filestest", "shared/ledger/ledgertest", "shared/store/wiretest", "shared/queue/queuetest", "shared/queue/remote/remotetest", "shared/queue/remote/remotetest", "shared/store/mem", "shared/queue/mem", "shared/emulator/..."}

func matches(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		if under, ok := strings.CutSuffix(p, "/..."); ok && (name == under || strings.HasPrefix(name, under+"/")) {
			return true
		}
		ok, _ := path.Match(p, name)
		return ok
	})
}

// refusal says why pkg, or its tests, may not import imp; "" if they may.
func refusal(pkg, imp string, test bool) string {
	i := slices.IndexFunc(rooms, func(r room) bool { return matches([]string{r.pattern}, pkg) })
	if i < 0 {
		return fmt.Sprintf("%s has no room: give it a line in rooms, and one in the table of shared/README.md", pkg)
	}
	r := rooms[i]
	first, _, _ := strings.Cut(imp, "/")
	name, own := strings.CutPrefix(imp, module+"/")
	switch {
	case own:
		if matches(r.ferry, name) || test && (name == pkg || matches(stand, name) || matches(r.tests, name)) {
			return ""
		}
		return fmt.Sprintf("%s imports %s: its room allows %v", pkg, name, r.ferry)
	case !strings.Contains(first, "."): // the standard library
		return ""
	}
	if slices.Equal(r.outside, anyModule) || slices.ContainsFunc(r.outside, func(m string) bool { return imp == m || strings.HasPrefix(imp, m+"/") }) {
		return ""
	}
	return fmt.Sprintf("%s imports %s: its room allows of modules from outside %v", pkg, imp, r.outside)
}

func TestRoomsAreKept(t *testing.T) {
	root := os.DirFS("..")
	seen := 0
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := path.Base(name)
		if d.IsDir() && name != "." && (base == "testdata" || strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_")) {
			return fs.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(name, ".go") || path.Dir(name) == "shared" {
			return nil
		}
		seen++
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", filepath.FromSlash(name)), nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range file.Imports {
			imp, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			if why := refusal(path.Dir(name), imp, strings.HasSuffix(name, "_test.go")); why != "" {
				t.Errorf("%s: %s", name, why)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen == 0 {
		t.Error("no Go file was found, want all of the module's")
	}
}

func TestForbiddenArrowsAreSeen(t *testing.T) {
	for name, tc := range map[string]struct {
		pkg, imp string
		test, ok bool
	}{
		"a driver imports its port":                {"shared/store/oss", "kodoferry/shared/store", false, true},
		"a driver imports its SDK":                 {"shared/store/oss", "github.com/aliyun/aliyun-oss-go-sdk/oss", false, true},
		"a driver imports another driver":          {"shared/store/oss", "kodoferry/shared/store/kodo", false, false},
		"a driver's test imports its suite":        {"shared/store/oss", "kodoferry/shared/store/storetest", true, true},
		"a driver's test imports an emulator":      {"shared/store/oss", "kodoferry/shared/emulator/oss", true, true},
		"a driver imports an emulator":             {"shared/store/oss", "kodoferry/shared/emulator/oss", false, false},
		"a driver imports the job":                 {"shared/queue/mns", "kodoferry/shared/job", false, false},
		"the pipeline imports a driver":            {"shared/pipeline", "kodoferry/shared/store/oss", false, false},
		"the pipeline's test imports a driver":     {"shared/pipeline", "kodoferry/shared/store/oss", true, false},
		"the pipeline's test imports the memory":   {"shared/pipeline", "kodoferry/shared/store/mem", true, true},
		"the pipeline imports errgroup":            {"shared/pipeline", "golang.org/x/sync/errgroup", false, true},
		"the pipeline imports an SDK":              {"shared/pipeline", "github.com/qiniu/go-sdk/v7/auth", false, false},
		"the pipeline's test imports the worker":   {"shared/pipeline", "kodoferry/shared/worker", true, true},
		"the pipeline imports the worker":          {"shared/pipeline", "kodoferry/shared/worker", false, false},
		"a room of the pipeline imports it":        {"shared/pipeline/verdict", "kodoferry/shared/pipeline", false, false},
		"what proves knows no tasks":               {"shared/pipeline/proof", "kodoferry/shared/task", false, false},
		"what copies knows no run":                 {"shared/pipeline/transfer", "kodoferry/shared/pipeline/runs", false, false},
		"what copies knows no tasks":               {"shared/pipeline/transfer", "kodoferry/shared/task", false, false},
		"what removes knows no tasks":              {"shared/pipeline/mirror", "kodoferry/shared/task", false, false},
		"a plan imports the pipeline":              {"shared/plan", "kodoferry/shared/pipeline", false, false},
		"a report imports the pipeline":            {"shared/report", "kodoferry/shared/pipeline", false, false},
		"the ledger imports the pipeline":          {"shared/ledger", "kodoferry/shared/pipeline", false, false},
		"the ledger imports what is told live":     {"shared/ledger", "kodoferry/shared/ledger/live", false, false},
		"the ledger's files know its records":      {"shared/ledger/files", "kodoferry/shared/ledger", false, false},
		"a port imports a module from outside":     {"shared/store", "golang.org/x/sync/errgroup", false, false},
		"a port's test imports one":                {"shared/store", "golang.org/x/sync/errgroup", true, false},
		"a port imports the standard library":      {"shared/store", "encoding/json", false, true},
		"the app imports a driver":                 {"shared/app", "kodoferry/shared/store/oss", false, true},
		"the app imports the command":              {"shared/app", "kodoferry/scripts/ferry", false, false},
		"a function imports the app":               {"functions/copy", "kodoferry/shared/app", false, true},
		"a function imports the pipeline":          {"functions/copy", "kodoferry/shared/pipeline", false, false},
		"an emulator imports the port":             {"shared/emulator/oss", "kodoferry/shared/store", false, false},
		"an emulator imports chaos":                {"shared/emulator/oss", "kodoferry/shared/emulator/chaos", false, true},
		"the functions' emulator imports MNS's":    {"shared/emulator/fc", "kodoferry/shared/emulator/mns", false, true},
		"another emulator imports MNS's":           {"shared/emulator/oss", "kodoferry/shared/emulator/mns", false, false},
		"the command imports an emulator":          {"scripts/ferry", "kodoferry/shared/emulator/kodo", false, true},
		"the command imports a driver":             {"scripts/ferry", "kodoferry/shared/store/kodo", false, false},
		"the command imports the pipeline":         {"scripts/ferry", "kodoferry/shared/pipeline", false, true},
		"a bench imports an emulator":              {"scripts/ferry/bench", "kodoferry/shared/emulator/oss", false, false},
		"the bucket generator imports a port":      {"scripts/ferry/life", "kodoferry/shared/store", false, false},
		"a package that is in no room":             {"shared/util", "fmt", false, false},
		"a room below a function":                  {"functions/copy/inner", "fmt", false, false},
		"a driver imports the standard library":    {"shared/queue/mem", "container/heap", false, true},
		"the runtime seam knows nothing of tasks":  {"shared/faas", "kodoferry/shared/task", false, false},
		"the worker imports a queue's driver":      {"shared/worker", "kodoferry/shared/queue/mem", false, false},
		"the worker's test imports the memory":     {"shared/worker", "kodoferry/shared/queue/mem", true, true},
		"the contract runs a suite":                {"shared/check/contract", "kodoferry/shared/store/storetest", false, true},
		"the contract imports a driver":            {"shared/check/contract", "kodoferry/shared/store/oss", false, false},
		"the command imports a suite":              {"scripts/ferry", "kodoferry/shared/store/storetest", false, false},
		"a check imports a port":                   {"shared/check", "kodoferry/shared/queue", false, true},
		"a check imports a driver":                 {"shared/check", "kodoferry/shared/queue/mns", false, false},
		"a check imports the app":                  {"shared/check", "kodoferry/shared/app", false, false},
		"an agent imports a driver of a store":     {"shared/agent", "kodoferry/shared/store/oss", false, false},
		"an agent imports the app":                 {"shared/agent", "kodoferry/shared/app", false, false},
		"control imports an agent":                 {"shared/control", "kodoferry/shared/agent", false, false},
		"control imports the pipeline":             {"shared/control", "kodoferry/shared/pipeline", false, true},
		"control imports a driver":                 {"shared/control", "kodoferry/shared/store/kodo", false, false},
		"control imports the worker":               {"shared/control", "kodoferry/shared/worker", false, false},
		"an alert knows its job":                   {"shared/alert", "kodoferry/shared/job", false, true},
		"an alert imports the ledger":              {"shared/alert", "kodoferry/shared/ledger", false, false},
		"a module whose name only begins the same": {"shared/pipeline", "golang.org/x/synchronous", false, false},
	} {
		t.Run(name, func(t *testing.T) {
			if why := refusal(tc.pkg, tc.imp, tc.test); (why == "") != tc.ok {
				t.Errorf("refusal(%s, %s) = %q, want allowed: %v", tc.pkg, tc.imp, why, tc.ok)
			}
		})
	}
}

// requirement is a line of go.mod's require blocks.
var requirement = regexp.MustCompile(`^(?:require )?\s*([a-zA-Z0-9._~/-]+) v\S+(?:\s*//\s*(.*))?$`)

// required reads which modules go.mod requires, "direct name" or "indirect
// name" each, and the direct ones that say no reason.
func required(gomod string) (modules, unexplained []string) {
	for line := range strings.Lines(gomod) {
		m := requirement.FindStringSubmatch(strings.TrimSpace(line))
		switch {
		case m == nil:
		case m[2] == "indirect" || strings.HasPrefix(m[2], "indirect;"):
			modules = append(modules, "indirect "+m[1])
		default:
			modules = append(modules, "direct "+m[1])
			if m[2] == "" {
				unexplained = append(unexplained, m[1])
			}
		}
	}
	slices.Sort(modules)
	return modules, unexplained
}

func TestModulesAreKnownAndExplained(t *testing.T) {
	gomod, err := os.ReadFile("../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	golden, err := os.ReadFile("testdata/modules.golden")
	if err != nil {
		t.Fatal(err)
	}
	got, unexplained := required(string(gomod))
	want := strings.Split(strings.TrimSpace(string(golden)), "\n")
	for _, m := range got {
		if !slices.Contains(want, m) {
			t.Errorf("go.mod requires %q: if that is meant, add the line to shared/testdata/modules.golden", m)
		}
	}
	for _, m := range want {
		if !slices.Contains(got, m) {
			t.Errorf("go.mod no longer requires %q: take the line out of shared/testdata/modules.golden", m)
		}
	}
	for _, m := range unexplained {
		t.Errorf("go.mod requires %s without a reason: write one behind it, as // what it is needed for", m)
	}
}

func TestRequirementsAreRead(t *testing.T) {
	modules, unexplained := required("module x\n\ngo 1.26.0\n\nrequire example.com/one v1.0.0\nrequire (\n\texample.com/two/v2 v2.0.0+incompatible // for two\n\texample.com/three v0.0.0-2020 // indirect\n)\n")
	if want := []string{"direct example.com/one", "direct example.com/two/v2", "indirect example.com/three"}; !slices.Equal(modules, want) {
		t.Errorf("modules = %q, want %q", modules, want)
	}
	if want := []string{"example.com/one"}; !slices.Equal(unexplained, want) {
		t.Errorf("unexplained = %q, want %q", unexplained, want)
	}
}
