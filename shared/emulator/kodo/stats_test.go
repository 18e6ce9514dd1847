package kodo_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/qiniu/go-sdk/v7/auth"

	"kodoferry/shared/emulator/kodo"
)

func TestStatisticsCountByTypeAndAreSigned(t *testing.T) {
	w := newWorld(t, kodo.Config{})
	if err := w.Synthesize("b", kodo.Synthetic{Count: 1000, MinSize: 7}); err != nil {
		t.Fatal(err)
	}
	for i, key := range []string{"a", "b", "c"} {
		if _, err := w.Put("b", kodo.Object{Key: key, Body: make([]byte, 10), Type: i}); err != nil {
			t.Fatal(err)
		}
	}
	days := "?bucket=b&begin=20261122000000&end=20261123150000&g=day"
	for name, tc := range map[string]struct {
		path   string
		status int
		want   int64
	}{
		"standard objects":    {"/v6/count" + days, 200, 1001},
		"standard bytes":      {"/v6/space" + days, 200, 7010},
		"infrequent objects":  {"/v6/count_line" + days, 200, 1},
		"archived bytes":      {"/v6/space_archive" + days, 200, 10},
		"none":                {"/v6/count_deep_archive" + days, 200, 0},
		"an unknown type":     {"/v6/count_gold" + days, 404, 0},
		"no time":             {"/v6/count?bucket=b&g=day", 400, 0},
		"an unknown interval": {"/v6/count?bucket=b&begin=20261122000000&end=20261123000000&g=week", 400, 0},
	} {
		t.Run(name, func(t *testing.T) {
			for _, signed := range []bool{true, false} {
				req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.Endpoint()+tc.path, nil)
				if err != nil {
					t.Fatal(err)
				}
				want := http.StatusUnauthorized
				if signed {
					want = tc.status
					if err := w.mac.AddToken(auth.TokenQiniu, req); err != nil {
						t.Fatal(err)
					}
				}
				resp, err := http.DefaultClient.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				var got struct{ Times, Datas []int64 }
				err = json.NewDecoder(resp.Body).Decode(&got)
				_ = resp.Body.Close()
				if resp.StatusCode != want || err != nil {
					t.Errorf("signed %v: status %d (%v), want %d", signed, resp.StatusCode, err, want)
				}
				if want == 200 && (len(got.Times) != 2 || len(got.Datas) != 2 || got.Datas[1] != tc.want) {
					t.Errorf("%+v, want two days of %d", got, tc.want)
				}
			}
		})
	}
}
