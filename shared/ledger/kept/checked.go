package kept

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"kodoferry/shared/ledger/files"
)

// Checked is what the last test of an address found: `checked/<hash>.json`, which the next
// test replaces.
type Checked struct {
	V        int       `json:"v"`
	Address  string    `json:"address"` // as a job names it
	Job      string    `json:"job"`     // by which it was tested
	At       time.Time `json:"at"`
	OK       bool      `json:"ok"`
	Findings []Finding `json:"findings"`
}

// Finding is the answer to one question about an address, as ferry check prints it.
type Finding struct {
	Place string `json:"place"` // source, target, ledger, queues or alerts
	What  string `json:"what"`  // the question in one word or two
	State string `json:"state"` // ok, fail or note
	Says  string `json:"says"`  // what was found; with fail also the cure
}

func checkedFile(address string) string {
	sum := sha256.Sum256([]byte(address))
	return "checked/" + hex.EncodeToString(sum[:12]) + ".json"
}

// WriteChecked keeps what a test of an address found, in place of the last one.
func WriteChecked(ctx context.Context, dir files.Folder, c Checked) error {
	c.V = files.Version
	return files.WriteRecord(ctx, dir, checkedFile(c.Address), c)
}

// ReadChecked reads what the last test of an address found. The error is NotFound for one
// that was not tested yet.
func ReadChecked(ctx context.Context, dir files.Folder, address string) (Checked, error) {
	return files.ReadRecord[Checked](ctx, dir, checkedFile(address))
}
