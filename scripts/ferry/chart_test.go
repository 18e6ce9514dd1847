package main

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// drawn runs scripts/chart.py over results.
func drawn(t *testing.T, results string) (svg string, code int) {
	t.Helper()
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("there is no python3 here, which scripts/chart.py is run by")
	}
	c := exec.CommandContext(t.Context(), python, filepath.Join("..", "chart.py"))
	c.Stdin = strings.NewReader(results)
	out, err := c.Output()
	if _, failed := err.(*exec.ExitError); err != nil && !failed {
		t.Fatal(err)
	}
	return string(out), c.ProcessState.ExitCode()
}

func measured(delay, ferry, bare float64) string {
	return fmt.Sprintf(`[{"scenario":"first"},{"scenario":"far-small","delays":{"kodo_ms":%v,"oss_ms":%v},"ferry":{"objects_per_s":%v},"bare":{"objects_per_s":%v},"bare_at":1024}]`+"\n", delay, delay, ferry, bare)
}

// TestTheChartHasAPointForEveryMeasurement in the order of distances, higher where more
// objects were copied.
func TestTheChartHasAPointForEveryMeasurement(t *testing.T) {
	svg, code := drawn(t, measured(50, 3000, 4000)+measured(0, 9000, 11000)+measured(100, 1500, 2000))
	if code != 0 {
		t.Fatalf("exit code %d, want 0", code)
	}
	var xs, ys []float64
	d := xml.NewDecoder(strings.NewReader(svg))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("no XML: %v", err)
		}
		if e, ok := token.(xml.StartElement); ok && e.Name.Local == "circle" {
			for _, a := range e.Attr {
				v, _ := strconv.ParseFloat(a.Value, 64) // colors are no numbers
				switch a.Name.Local {
				case "cx":
					xs = append(xs, v)
				case "cy":
					ys = append(ys, v)
				}
			}
		}
	}
	if len(xs) != 6 || !slices.IsSorted(xs[:3]) || !slices.IsSorted(ys[:3]) || !slices.Equal(xs[:3], xs[3:]) || !slices.IsSorted(ys[3:]) || ys[0] >= ys[3] {
		t.Errorf("points at %v, %v: want bare's above Ferry's, three each, falling from left to right", xs, ys)
	}
	for _, want := range []string{"Ferry, 50 ms: 3,000 objects/s", "bare, 0 ms: 11,000 objects/s", "which was 1,024."} {
		if !strings.Contains(svg, want) {
			t.Errorf("the chart lacks %q", want)
		}
	}
}

func TestTheChartRefusesWhatItCannotDraw(t *testing.T) {
	for name, results := range map[string]string{
		"nothing": "", "one distance": measured(50, 1, 2), "no JSON": "far-small: 3", "other JSON": "[1]",
		"two delays in one": `[{"scenario":"far-small","delays":{"kodo_ms":40,"oss_ms":20},"ferry":{"objects_per_s":1},"bare":{"objects_per_s":1},"bare_at":64}]`,
	} {
		if svg, code := drawn(t, results); code != 2 || svg != "" {
			t.Errorf("%s: exit code %d with %q, want 2 and no chart", name, code, svg)
		}
	}
}
