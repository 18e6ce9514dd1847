package bench

import (
	"context"
	"errors"
	"time"
)

// Spec is the task of a measured program, which is started again and again in a process
// of its own.
type Spec struct {
	Stage    stage    `json:"stage"`
	Objects  int64    `json:"objects"`
	Bytes    int64    `json:"bytes"`
	Parallel int      `json:"parallel"`        // objects at a time; 0: Ferry's default
	Ranges   int      `json:"ranges,omitzero"` // of a listing that the floor has under way at a time; 0 is 1
	Both     bool     `json:"both,omitempty"`  // the floor lists both sides
	Source   string   `json:"source"`
	Target   string   `json:"target"`
	Ledger   string   `json:"ledger"`
	Job      string   `json:"job,omitempty"`
	Download string   `json:"download,omitempty"` // URL in front of a key, for floors that copy
	Upload   string   `json:"upload,omitempty"`   // the same
	Keys     []string `json:"keys,omitempty"`     // the same

	Delays    [2]time.Duration `json:"delays,omitzero"`    // before each answer of Kodo, and of OSS, where a program has stand-ins of its own
	Functions string           `json:"functions,omitzero"` // directory of the functions' executables
}

// Measure runs a program, ferry, bare or hashed, and measures this process meanwhile.
func (spec Spec) Measure(ctx context.Context, name string) (Measurement, error) {
	p := program(name)
	r := Measurement{Objects: spec.Objects, Bytes: spec.Bytes}
	m, err := newMeter()
	if err != nil {
		return r, err
	}
	switch {
	case p == programFerry && spec.Stage == stageReread:
		err = rereadFerry(ctx, spec)
	case p == programFerry:
		err = runFerry(ctx, spec, m, &r)
	case spec.Stage.moves():
		err = newFloor(spec, p == programHashed).copyAll(ctx)
	default:
		r.Objects, err = listFloor(ctx, spec)
	}
	if err != nil {
		return r, err
	}
	if r.Measured == (span{}) {
		r.Measured = m.since(reading{})
	}
	r.RSS, err = peakMemory()
	return r, errors.Join(err, m.err)
}

// meter measures wall clock and processor time of this process.
type meter struct {
	begun reading
	err   error
}

// reading is wall clock and processor time at a moment.
type reading struct {
	at  time.Time
	cpu time.Duration
}

// newMeter returns a meter that begins now.
func newMeter() (*meter, error) {
	m := &meter{}
	m.begun = m.read()
	return m, m.err
}

// read returns the reading of now. Where it fails, m.err is set.
func (m *meter) read() reading {
	cpu, err := processorTime()
	m.err = errors.Join(m.err, err)
	return reading{time.Now(), cpu}
}

// since returns the stretch from a reading until now; a zero reading is m's beginning.
func (m *meter) since(from reading) span {
	if from.at.IsZero() {
		from = m.begun
	}
	now := m.read()
	return span{Seconds: now.at.Sub(from.at).Seconds(), CPU: (now.cpu - from.cpu).Seconds()}
}
