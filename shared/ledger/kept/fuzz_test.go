package kept

import (
	"encoding/json"
	"testing"

	"kodoferry/shared/ledger/files"
	"kodoferry/shared/ledger/files/filestest"
)

// FuzzRecord reads any bytes as a record of each kind.
func FuzzRecord(f *testing.F) {
	filestest.Fuzz(f,
		filestest.Of[Job]("jobs/j.json", Job{V: files.Version, Name: "j", Job: json.RawMessage(`{}`)}),
		filestest.Of[Skip]("skipped/j/1", Skip{V: files.Version, Job: "j", Why: "busy"}),
		filestest.Of[intent]("intents/1", intent{files.Version, []Place{{Job: "j", Bucket: "b"}}}),
	)
}
