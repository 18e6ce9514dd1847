package contract

import "time"

// Result is the rows of Run with their totals, as written to a file.
type Result struct {
	V       int       `json:"v"`
	Ferry   string    `json:"ferry"` // the version that ran
	Date    time.Time `json:"date"`
	Seconds float64   `json:"seconds"`
	Passed  int       `json:"passed"`
	Failed  int       `json:"failed"`
	Skipped int       `json:"skipped"`
	Rows    []Row     `json:"rows"`
}

// NewResult returns the Result of rows.
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
