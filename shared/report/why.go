package report

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/progress"
	"kodoferry/shared/report/table"
)

// Story is all that the records of a run tell of one object, in the order in which it
// happened.
type Story struct {
	Run       string `json:"run"`
	Key       string `json:"key"`
	TargetKey string `json:"target_key"`
	Steps     []Step `json:"steps"`
}

// Step is one record about the object.
type Step struct {
	At    time.Time   `json:"at,omitzero"`
	Stage string      `json:"stage"` // listed, copied, verified, report
	Text  string      `json:"text"`
	File  string      `json:"file,omitempty"` // the record, below the run's prefix
	Row   *ledger.Row `json:"row,omitempty"`
}

// Why reads the story of key, a source key. The error is NotFound for a key that no
// batch holds, and says why none does.
func Why(ctx context.Context, run *ledger.Run, key string) (Story, error) {
	s := Story{Run: run.Name, Key: key}
	j, started, err := JobOf(ctx, run)
	if err != nil {
		return s, err
	}
	if !strings.HasPrefix(key, j.Source.Prefix) {
		return s, fault.New(fault.NotFound, "why", key, fmt.Errorf("the run covers keys that begin with %q", j.Source.Prefix))
	}
	s.TargetKey = j.TargetKey(key)
	var walk progress.Run
	if started.Events {
		err = s.events(ctx, run)
		walk.Started = started
		if err == nil {
			walk.Reported, err = run.Over(ctx)
		}
	} else {
		walk, err = progress.Walk(ctx, run)
	}
	if err != nil {
		return s, err
	}
	for _, shard := range walk.Shards {
		if err := s.shard(ctx, run, shard); err != nil {
			return s, err
		}
	}
	if len(s.Steps) == 0 {
		return s, fault.New(fault.NotFound, "why", key, errors.New(unlisted(walk, j, key)))
	}
	if walk.Reported {
		s.Steps = append(s.Steps, Step{Stage: "report", Text: "the run is over", File: "report.json"})
	}
	return s, nil
}

// unlisted is why no batch holds a key of the run's job.
func unlisted(walk progress.Run, j job.Job, key string) string {
	if walk.Started.Events {
		return "no event of it has been looked at in this run; one that has just come waits for its time bucket to end"
	}
	for _, shard := range walk.Shards {
		in := shard.Ref.Range // of one that a damaged record names alone, all keys
		switch {
		case key <= in.After || in.UpTo != "" && key > in.UpTo:
		case shard.Closed == nil && walk.Reported:
			return "it was not listed before the run ended"
		case shard.Closed == nil:
			return "it was not listed yet; the listing goes on"
		case shard.Closed.Failed != "":
			return fmt.Sprintf("its stretch of the source was not listed to its end, and what that held is not known: %s", shard.Closed.Failed)
		}
	}
	chosen, err := j.Filter.Compile(j.Source.Prefix)
	switch {
	case len(walk.Started.Keys) > 0:
		return "the run looks up the keys of a list, and this is none of them"
	case err == nil && !chosen.MatchKey(key):
		return "the job's filter does not choose it"
	case err == nil && !chosen.KeyDecides():
		return "the listing did not show it, or the job's filter did not choose it: by its size, its time or its class"
	}
	return "the listing did not show it: it was not in the source then"
}

// shard adds what the records of one shard say of the key.
func (s *Story) shard(ctx context.Context, run *ledger.Run, shard progress.Shard) error {
	if shard.Closed == nil {
		return nil
	}
	before := len(s.Steps)
	for _, b := range shard.Closed.Batches {
		if s.Key < b.First || b.Last < s.Key {
			continue
		}
		rows, err := run.Batches().ReadRows(ctx, b.ID)
		if err != nil {
			return err
		}
		row := find(rows, s.Key)
		if row == nil {
			continue
		}
		text := fmt.Sprintf("listed in shard %s, batch %s: %s", shard.Ref.Shard, b.ID, row.State)
		if shard.Closed.Round > 0 {
			text = fmt.Sprintf("verification found it changed and sealed it again, round %d, batch %s: %s", shard.Closed.Round, b.ID, row.State)
		}
		s.step(row.At, "listed", text, run.Path("closed/"+shard.Ref.Shard), row)
		if b.Pending > 0 {
			if err := s.copies(ctx, run, b); err != nil {
				return err
			}
		}
	}
	if len(s.Steps) == before || shard.Proved == nil || shard.Proved.Objects.Name == "" {
		return nil
	}
	return s.verdict(ctx, run, *shard.Proved)
}

// copies adds a step for each write-off of a batch and its retries.
func (s *Story) copies(ctx context.Context, run *ledger.Run, b ledger.BatchRef) error {
next:
	for {
		file := run.Path("copied/" + b.ID)
		w, err := run.Batches().ReadWriteOff(ctx, b.ID)
		switch {
		case ledger.Missing(err):
			s.step(time.Time{}, "copied", fmt.Sprintf("batch %s is not written off yet", b.ID), "", nil)
			return nil
		case err != nil:
			return err
		case w.Lost != "":
			s.step(time.Time{}, "copied", "its batch was given up: "+w.Lost, file, nil)
			return nil
		}
		if row := find(w.Rows, s.Key); row != nil {
			s.step(row.At, "copied", fmt.Sprintf("%s after %d failed tries", row.State, row.Tries), file, row)
			return nil
		}
		for _, rest := range w.Rest {
			if s.Key < rest.First || rest.Last < s.Key {
				continue
			}
			rows, err := run.Batches().ReadRows(ctx, rest.ID)
			if err != nil {
				return err
			}
			if row := find(rows, s.Key); row != nil {
				s.step(row.At, "copied", fmt.Sprintf("handed to batch %s after %d failed tries", rest.ID, row.Tries), file, row)
				b = rest
				continue next
			}
		}
		return nil
	}
}

// verdict adds the line of the key in the file of a verified shard.
func (s *Story) verdict(ctx context.Context, run *ledger.Run, p ledger.Proved) error {
	data, err := run.Read(ctx, p.Objects.Name)
	if err != nil {
		return err
	}
	for line, err := range table.Read(data, p.Objects.Name) {
		if err != nil {
			return err
		}
		if line[table.Key] != s.Key {
			continue
		}
		text := line[table.State]
		if line[table.Verdict] != "" {
			text += ", " + line[table.Verdict]
		}
		if line[table.Proof] != "" {
			text += ", proved by " + line[table.Proof]
		}
		if line[table.Reason] != "" {
			text += ": " + line[table.Reason]
		}
		s.step(p.At, "verified", text, run.Path(p.Objects.Name), nil)
		return nil
	}
	return nil
}

func (s *Story) step(at time.Time, stage, text, file string, row *ledger.Row) {
	s.Steps = append(s.Steps, Step{At: at, Stage: stage, Text: text, File: file, Row: row})
}

// find returns the row of key, nil where there is none.
func find(rows []ledger.Row, key string) *ledger.Row {
	for i := range rows {
		if rows[i].Key() == key {
			return &rows[i]
		}
	}
	return nil
}

// events adds what a run of events says of the key.
func (s *Story) events(ctx context.Context, run *ledger.Run) error {
	events, err := progress.EventsOf(ctx, run, s.Key)
	if err != nil {
		return err
	}
	for _, b := range events {
		s.step(time.Time{}, "event", fmt.Sprintf("an event, looked at after %s:%s:%s UTC, batch %s", b.ID[1:3], b.ID[3:5], b.ID[5:7], b.ID), run.Path("copied/"+b.ID), nil)
		b.First, b.Last = s.Key, s.Key
		before := len(s.Steps)
		if err := s.copies(ctx, run, b); err != nil {
			return err
		}
		if len(s.Steps) == before {
			s.step(time.Time{}, "copied", "the job's filter does not choose it", "", nil)
		}
	}
	return nil
}
