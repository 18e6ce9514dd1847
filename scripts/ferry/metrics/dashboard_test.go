package metrics

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/overview"
	"kodoferry/shared/pipeline/watch"
	"kodoferry/shared/store"
	"kodoferry/shared/task"
)

// everything is what an agent and a run serve once everything has happened to them.
func everything(t *testing.T) string {
	t.Helper()
	m := New()
	if _, err := m.Count(doing(func() error { return nil })).Do(t.Context(), task.Task{Kind: task.Copy}); err != nil {
		t.Fatal(err)
	}
	m.Answered("ferry-copy", nil)
	m.Answered("ferry-copy", os.ErrDeadlineExceeded)
	for _, e := range []watch.Progress{
		{Kind: watch.Settled, Row: ledger.Row{State: ledger.Copied, Src: store.Object{Size: 5}}},
		{Kind: watch.Slowed}, {Kind: watch.Caught, Err: fault.New(fault.Corrupt, "op", "k", nil)},
	} {
		m.Watch(e)
	}
	var text strings.Builder
	m.Write(&text)
	err := WriteRun(&text, overview.Overview{
		Run: "photos/20260301T120000Z", Newest: time.Unix(1, 0), Left: overview.Left{Known: true, Time: time.Minute}, Money: &overview.Money{Sum: 1, Currency: "CNY"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return text.String()
}

var served = regexp.MustCompile(`(?m)^([a-z_]+)(?:\{(.*)\})? [0-9.e+-]+$`)

// names are the names of metrics that are served, each with its labels.
func names(text string) map[string]map[string]bool {
	all := map[string]map[string]bool{}
	for _, m := range served.FindAllStringSubmatch(text, -1) {
		if all[m[1]] == nil {
			all[m[1]] = map[string]bool{"job": true, "instance": true} // which Prometheus adds
		}
		for _, l := range regexp.MustCompile(`([a-z_]+)="`).FindAllStringSubmatch(m[2], -1) {
			all[m[1]][l[1]] = true
		}
	}
	return all
}

// TestEveryMetricSaysWhatItIs and of what type, and its unit is in its name.
func TestEveryMetricSaysWhatItIs(t *testing.T) {
	text := everything(t)
	kinds := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^# TYPE (\S+) (\S+)$`).FindAllStringSubmatch(text, -1) {
		kinds[m[1]] = m[2]
	}
	for name := range names(text) {
		family := name
		for _, part := range []string{"_bucket", "_sum", "_count"} {
			if whole := strings.TrimSuffix(name, part); kinds[whole] == "histogram" || kinds[whole] == "summary" {
				family = whole
			}
		}
		help := regexp.MustCompile(`(?m)^# HELP ` + family + ` \S.{10,}$`)
		if kinds[family] == "" || !help.MatchString(text) {
			t.Errorf("%s has the type %q and no text, or none that says something", name, kinds[family])
		}
		if own := strings.HasPrefix(family, "ferry_"); own && (kinds[family] == "counter") != strings.HasSuffix(family, "_total") {
			t.Errorf("%s is a %s: counters, and they alone, end in _total", family, kinds[family])
		}
	}
	for _, want := range []string{"go_goroutines", "go_memstats_heap_alloc_bytes", "process_start_time_seconds", "process_cpu_seconds_total"} {
		if kinds[want] == "" {
			t.Errorf("%s is not served", want)
		}
	}
}

// TestTheDashboardAsksForMetricsThatThereAre with labels that they have, and shows no label
// that the query does not keep.
func TestTheDashboardAsksForMetricsThatThereAre(t *testing.T) {
	raw, err := os.ReadFile("../../../infra/grafana.json")
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		Panels []struct {
			Type, Title string
			FieldConfig struct{ Defaults struct{ Unit string } }
			Targets     []struct{ Expr, LegendFormat string }
		}
		Templating struct {
			List []struct{ Name, Type, Definition string }
		}
	}
	if err := json.Unmarshal(raw, &board); err != nil {
		t.Fatal(err)
	}
	there, queries := names(everything(t)), map[string]string{} // by query: its legend
	for _, p := range board.Panels {
		if p.Type != "row" && (p.FieldConfig.Defaults.Unit == "" || len(p.Targets) == 0) {
			t.Errorf("%s has no unit, or asks for nothing", p.Title)
		}
		for _, q := range p.Targets {
			queries[q.Expr] = q.LegendFormat
		}
	}
	for _, v := range board.Templating.List {
		if v.Type == "query" {
			queries[v.Definition] = ""
		}
	}
	metric := regexp.MustCompile(`\b((?:ferry|go|process)_[a-z_]+)(?:\{([^}]*)\})?`)
	label := regexp.MustCompile(`([a-z_]+)\s*=`)
	by := regexp.MustCompile(`by \(([a-z_, ]+)\)`)
	asked := map[string]bool{}
	for query, legend := range queries {
		found := metric.FindAllStringSubmatch(query, -1)
		if len(found) == 0 {
			t.Errorf("%s asks for no metric", query)
		}
		for _, m := range found {
			asked[m[1]] = true
			labels := there[m[1]]
			if labels == nil {
				t.Errorf("%s: nothing serves %s", query, m[1])
				continue
			}
			var used []string
			for _, l := range label.FindAllStringSubmatch(m[2], -1) {
				used = append(used, l[1])
			}
			for _, groups := range by.FindAllStringSubmatch(query, -1) {
				used = append(used, strings.Split(groups[1], ", ")...)
			}
			for _, l := range used {
				if !labels[l] {
					t.Errorf("%s: %s has no label %s", query, m[1], l)
				}
			}
		}
		kept := by.FindStringSubmatch(query)
		for _, shown := range regexp.MustCompile(`\{\{([a-z_]+)\}\}`).FindAllStringSubmatch(legend, -1) {
			if kept != nil && !strings.Contains(", "+kept[1]+",", ", "+shown[1]+",") {
				t.Errorf("%s shows %s, which its query does not keep", legend, shown[1])
			}
		}
	}
	for name := range there {
		own := strings.HasPrefix(name, "ferry_") && !strings.HasSuffix(name, "_sum") && !strings.HasSuffix(name, "_count")
		if own && !asked[name] && name != "ferry_run_bytes" && name != "ferry_run_over" && name != "ferry_run_balanced" && name != "ferry_run_exact" {
			t.Errorf("no panel shows %s", name)
		}
	}
}
