package metrics

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"kodoferry/shared/ledger"
	"kodoferry/shared/overview"
)

var sample = regexp.MustCompile(`^[a-z_]+\{run="[^"]+"(,[a-z]+="[^"]*")?\} -?[0-9.]+$`)

func TestHowARunStandsIsServedAsPrometheusReadsIt(t *testing.T) {
	var text strings.Builder
	err := WriteRun(&text, overview.Overview{
		Run: "photos/20260301T120000Z", State: overview.Copying, Newest: time.Unix(1_772_366_400, 0), Counts: overview.Counts{Listed: ledger.Tally{Objects: 7, Bytes: 70}, Throttled: 3},
		Rate: overview.Rate{Objects: 1.5}, Left: overview.Left{Known: true, Time: time.Minute}, Money: &overview.Money{Sum: 0.25, Currency: "CNY"}, Books: overview.Books{Balanced: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`ferry_run_objects{run="photos/20260301T120000Z",is="listed"} 7`, `ferry_run_bytes{run="photos/20260301T120000Z",is="listed"} 70`,
		`ferry_run_throttles_total{run="photos/20260301T120000Z"} 3`, `ferry_run_objects_per_second{run="photos/20260301T120000Z"} 1.5`,
		`ferry_run_left_seconds{run="photos/20260301T120000Z"} 60`, `ferry_run_cost{run="photos/20260301T120000Z",currency="CNY"} 0.25`,
		`ferry_run_over{run="photos/20260301T120000Z"} 0`, `ferry_run_newest_record_timestamp_seconds{run="photos/20260301T120000Z"} 1772366400`,
		"# TYPE ferry_run_throttles_total counter", "# HELP ferry_run_objects Objects of the run",
	} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("it does not say %s:\n%s", want, text.String())
		}
	}
	for line := range strings.Lines(text.String()) {
		if line = strings.TrimSuffix(line, "\n"); !strings.HasPrefix(line, "#") && !sample.MatchString(line) {
			t.Errorf("no sample: %q", line)
		}
	}
}
