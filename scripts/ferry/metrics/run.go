package metrics

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strconv"
	"time"

	"kodoferry/shared/ledger"
	"kodoferry/shared/overview"
)

// runMetric is a figure of how a run stands, for Prometheus.
type runMetric struct {
	name, help string
	kind       string             // gauge, counter
	values     map[string]float64 // by the value of its label; "" where it has none
	label      string
}

// runMetrics are the figures of an Overview. All are of the whole run, whichever process
// serves them: they are told once for a run, and not added up over processes.
func runMetrics(o overview.Overview) []runMetric {
	c := o.Counts
	of := func(pick func(ledger.Tally) int64) map[string]float64 {
		values := map[string]float64{}
		for name, t := range map[string]ledger.Tally{"listed": c.Listed, "to_copy": c.ToCopy, "ended": c.Ended, "open": c.Open, "verified": c.Verified, "failed": c.Failed} {
			values[name] = float64(pick(t))
		}
		return values
	}
	one := func(v float64) map[string]float64 { return map[string]float64{"": v} }
	all := []runMetric{
		{"ferry_run_objects", "Objects of the run, by how far they are.", "gauge", of(func(t ledger.Tally) int64 { return t.Objects }), "is"},
		{"ferry_run_bytes", "Bytes of these objects.", "gauge", of(func(t ledger.Tally) int64 { return t.Bytes }), "is"},
		{"ferry_run_shards", "Shards of the run, by how far they are.", "gauge", map[string]float64{"known": float64(o.Shards.Known), "listed": float64(o.Shards.Listed), "verified": float64(o.Shards.Verified), "given_up": float64(o.Shards.GivenUp)}, "is"},
		{"ferry_run_batches", "Batches of the run that hold something to copy.", "gauge", map[string]float64{"sealed": float64(o.Batches.Sealed), "ended": float64(o.Batches.Ended), "under_way": float64(o.Batches.UnderWay)}, "is"},
		{"ferry_run_throttles_total", "Answers of a service to slow down, as far as they were told.", "counter", one(float64(c.Throttled)), ""},
		{"ferry_run_objects_per_second", "Objects that ended each second of the last minute.", "gauge", one(o.Rate.Objects), ""},
		{"ferry_run_bytes_per_second", "Bytes that ended each second of the last minute.", "gauge", one(o.Rate.Bytes), ""},
		{"ferry_run_workers", "Processes that gave a sign of life of late.", "gauge", one(float64(o.Work.Alive)), ""},
		{"ferry_run_over", "1 once the report is written.", "gauge", one(truth(o.State == overview.Over)), ""},
		{"ferry_run_abandoned", "1 while the run is to go on and nobody works on it.", "gauge", one(truth(o.Work.Nobody)), ""},
		{"ferry_run_balanced", "1 while what was verified adds up to what was listed.", "gauge", one(truth(o.Books.Balanced)), ""},
		{"ferry_run_exact", "1 where every record was read, 0 where figures are scaled up.", "gauge", one(truth(o.Exact)), ""},
		{"ferry_run_newest_record_timestamp_seconds", "When the newest record was written, in Unix time.", "gauge", one(float64(o.Newest.Unix())), ""},
	}
	if o.Left.Known {
		all = append(all, runMetric{"ferry_run_left_seconds", "How long it takes yet, at the rate of the last minute.", "gauge", one(o.Left.Time.Seconds()), ""})
	}
	if o.Money != nil {
		all = append(all, runMetric{"ferry_run_cost", "What the run has cost so far, about, by the price file.", "gauge", map[string]float64{o.Money.Currency: o.Money.Sum}, "currency"})
	}
	return all
}

func truth(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

// WriteRun writes how a run stands as Prometheus reads it.
func WriteRun(w io.Writer, o overview.Overview) error {
	for _, m := range runMetrics(o) {
		if _, err := fmt.Fprintf(w, "# HELP %s %s\n# TYPE %s %s\n", m.name, m.help, m.name, m.kind); err != nil {
			return err
		}
		for _, by := range sorted(m.values) {
			labels := fmt.Sprintf("run=%q", o.Run)
			if m.label != "" {
				labels += fmt.Sprintf(",%s=%q", m.label, by)
			}
			if _, err := fmt.Fprintf(w, "%s{%s} %s\n", m.name, labels, strconv.FormatFloat(m.values[by], 'f', -1, 64)); err != nil {
				return err
			}
		}
	}
	return nil
}

// ServeRun answers /metrics at addr by how a run stands, until it is closed. Its error is of the
// flag --listen.
func ServeRun(addr string, look func(context.Context) (overview.Overview, error)) (*http.Server, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("--listen %s: %w; name a free port, as 127.0.0.1:9464", addr, err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, r *http.Request) {
		o, err := look(r.Context())
		if err != nil {
			http.Error(w, "the ledger cannot be read", http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		_ = WriteRun(w, o) // who asked has gone
		writeProcess(w)
	})
	s := &http.Server{Handler: mux, ReadHeaderTimeout: headerTime, WriteTimeout: longestAnswer}
	go func() { _ = s.Serve(l) }() // ends with Close
	return s, nil
}

// longestAnswer bounds an answer of ServeRun: the first figures of a large run take seconds.
const longestAnswer = 90 * time.Second

// sorted are the labels of values, in order.
func sorted(values map[string]float64) []string { return slices.Sorted(maps.Keys(values)) }
