package contract

import "time"

// Result is what Run found, as it is written to a file.
type Result struct {
	V       int       `json:"v"`
	Ferry   string    `json:"ferry"` // which version of it asked
	Date    time.Time `json:"date"`
	Seconds float64   `json:"seconds"`
	Passed  int       `json:"passed"`
	Failed  int       `json:"failed"`
	Skipped int       `json:"skipped"`
	Rows    []Row     `json:"rows"`
}

// NewResult counts rows.
func NewResult(version string, began time.Time, took time.Duration, rows []Row) Result {
	res := Result{V: 1, Ferry: version, Date: began.UTC().Truncate(time.Second), Seconds: took.Round(time.Second).Seconds(), Rows: rows}
	for _, r := range rows {
		switch r.Verdict {
		case Pass:
			res.Passed++
		case Fail:
			res.Failed++
		default:
			res.Skipped++
		}
	}
	return res
}
