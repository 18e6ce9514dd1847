package ledgertest

import (
	"encoding/json"
	"testing"

	"kodoferry/shared/job"
)

// Job is a job as a run's first record has it.
func Job(t testing.TB) json.RawMessage {
	t.Helper()
	j, err := job.New("kodo://photos/?region=z0", "oss://photos-new/?region=cn-hangzhou", "")
	if err != nil {
		t.Fatal(err)
	}
	data, err := job.Encode(j)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
