package charts_test

import (
	"reflect"
	"strings"
	"testing"

	"kodoferry/shared/console/charts"
	"kodoferry/shared/ledger"
	"kodoferry/shared/overview"
)

func stretch(p overview.Progress, objects int64) overview.Stretch {
	return overview.Stretch{Progress: p, Shards: 1, Listed: ledger.Tally{Objects: objects}}
}

func TestTheKeySpaceIsAsWideAsItsObjects(t *testing.T) {
	lost := stretch(overview.Listed, 25)
	lost.GivenUp = 1
	for name, tc := range map[string]struct {
		space []overview.Stretch
		want  []charts.Segment
	}{
		"nothing":                       {nil, nil},
		"neighbours that are as far":    {[]overview.Stretch{stretch(overview.Copied, 10), stretch(overview.Copied, 30)}, []charts.Segment{{Class: "copied", Wide: 1}}},
		"one that nobody counted":       {[]overview.Stretch{stretch(overview.Copied, 10), stretch(overview.Unlisted, 0)}, []charts.Segment{{Class: "copied", Wide: 0.5}, {Class: "unlisted", At: 0.5, Wide: 0.5}}},
		"none that anybody counted":     {[]overview.Stretch{stretch(overview.Unlisted, 0)}, []charts.Segment{{Class: "unlisted", Wide: 1}}},
		"one in which some is given up": {[]overview.Stretch{stretch(overview.VerifiedProof, 75), lost}, []charts.Segment{{Class: "verified", Wide: 0.75}, {Class: string(overview.GivenUp), At: 0.75, Wide: 0.25}}},
	} {
		if got := charts.Space(tc.space); !reflect.DeepEqual(got, tc.want) {
			t.Errorf("%s: %+v, want %+v", name, got, tc.want)
		}
	}
}

func TestACurveHasAPointForEachStretchOfTimeAndItsMost(t *testing.T) {
	for name, tc := range map[string]struct {
		series overview.Series
		want   charts.Plot
	}{
		"nothing":            {overview.Series{}, charts.Plot{}},
		"one stretch":        {overview.Series{Each: 2, Objects: []int64{8}}, charts.Plot{Points: "0.0,2.0", Most: 4}},
		"nothing happened":   {overview.Series{Each: 1, Objects: []int64{0, 0}}, charts.Plot{Points: "0.0,99.0 600.0,99.0"}},
		"it rises and falls": {overview.Series{Each: 1, Objects: []int64{0, 10, 5}}, charts.Plot{Points: "0.0,99.0 300.0,2.0 600.0,50.5", Most: 10}},
	} {
		if got := charts.Rates(tc.series, false); got != tc.want {
			t.Errorf("%s: %+v, want %+v", name, got, tc.want)
		}
	}
	long := overview.Series{Each: 1, Bytes: make([]int64, 1000)}
	long.Bytes[999] = 1000
	if got := charts.Rates(long, true); strings.Count(got.Points, ",") != 250 || got.Most != 250 {
		t.Errorf("1,000 seconds are %d points with %v at most, want 250 of four seconds each", strings.Count(got.Points, ","), got.Most)
	}
}
