package reproof

import (
	"context"
	"encoding/json"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/progress"
	"kodoferry/shared/store"
)

// Report is what a verification came to: its `report.json`.
type Report struct {
	V            int       `json:"v"`
	Verification string    `json:"verification"` // its name: its files are below it in the ledger
	Run          string    `json:"run"`          // whose rows were verified
	Verified     bool      `json:"verified"`     // every object that was looked at holds, or is gone at the source
	Reason       string    `json:"reason,omitempty"`
	Mode         Mode      `json:"mode"`
	Sample       string    `json:"sample"` // the share of the objects that was looked at
	Seed         string    `json:"seed"`   // which ones
	Prefix       string    `json:"prefix,omitempty"`
	Source       string    `json:"source"`
	Target       string    `json:"target"`
	Started      time.Time `json:"started"`
	Finished     time.Time `json:"finished"`
	ledger.Reproof
	Failures []ledger.Failure `json:"failures,omitempty"` // the first 1,000 objects that are not verified; the files have all
	Files    []ledger.File    `json:"files,omitempty"`    // the rows that are not verified
	Unknown  []Unknown        `json:"unknown,omitempty"`  // stretches of which nothing is known: the first 1,000
	Unknowns int              `json:"unknowns,omitempty"` // how many of these there are, where not all are named
}

// maxUnknown bounds Report.Unknown.
const maxUnknown = 1000

// Unknown is a stretch of keys that was not looked at.
type Unknown struct {
	Range  store.Range `json:"range"`
	Reason string      `json:"reason"`
}

// Fold returns the report of a verification whose pieces are all done.
func Fold(name string, j job.Job, w progress.Reproof, now time.Time) Report {
	asked := w.Started.Verifies
	r := Report{
		V: ledger.Version, Verification: name, Run: asked.Run, Mode: Mode(asked.Mode), Sample: ShareText(asked.Sample), Seed: asked.Seed, Prefix: asked.Prefix,
		Source: j.Source.String(), Target: j.Target.String(), Started: w.Started.At, Finished: now,
		Reproof: w.Counts, Failures: w.Failures, Files: w.Files,
	}
	if len(w.Unknown) > maxUnknown {
		r.Unknowns = len(w.Unknown)
	}
	for _, u := range w.Unknown[:min(len(w.Unknown), maxUnknown)] {
		r.Unknown = append(r.Unknown, Unknown{u.Range, u.Failed})
	}
	differ := int64(0)
	for _, f := range []ledger.Finding{ledger.Differs, ledger.Lost, ledger.SourceChanged} {
		differ += r.Findings[f].Objects
	}
	switch {
	case len(r.Unknown) > 0:
		r.Reason = "a stretch of keys was not looked at"
	case differ > 0:
		r.Reason = "objects are not as they were proved"
	case r.Findings[ledger.Unproved].Objects > 0:
		r.Reason = "objects could not be looked at"
	case r.Rows.Objects == 0:
		r.Reason = "the run proved no object there"
	case r.Sampled.Objects == 0:
		r.Reason = "the sample has no object: take a larger one"
	case r.Findings[ledger.Holds].Objects == 0:
		r.Reason = "the source has none of the objects any more"
	}
	r.Verified = r.Reason == ""
	return r
}

// Cancelled returns the report of a verification that was cancelled.
func Cancelled(name string, j job.Job, w progress.Reproof, now time.Time) Report {
	r := Fold(name, j, w, now)
	r.Verified, r.Reason = false, "it was cancelled"
	return r
}

// Create creates the report, unless there is one, which ends the verification. The error is
// Corrupt where the one that stands is damaged.
func (r Report) Create(ctx context.Context, in ledger.Results) error {
	data, err := json.Marshal(r)
	if err != nil {
		return fault.New(fault.Invalid, "reproof.Create", r.Verification, err)
	}
	if data, err = in.CreateReport(ctx, data); err != nil {
		return err
	}
	_, err = DecodeReport(data, r.Verification)
	return err
}

// ReadReport reads the report of a verification. NotFound while it goes on.
func ReadReport(ctx context.Context, run *ledger.Run) (Report, error) {
	data, err := run.Results().ReadReport(ctx)
	if err != nil {
		return Report{}, err
	}
	return DecodeReport(data, run.Name)
}

// DecodeReport reads the report of the verification of that name.
func DecodeReport(data []byte, name string) (Report, error) {
	var r Report
	if err := json.Unmarshal(data, &r); err != nil {
		return r, fault.New(fault.Corrupt, "reproof.ReadReport", name, err)
	}
	return r, nil
}
