package ledger

import (
	"context"
	"fmt"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger/files"
)

// KeySegment names a stretch of the keys that a job names: `keys/<number>`.
type KeySegment struct {
	Name  string `json:"name"`
	First string `json:"first"`
	Last  string `json:"last"`
	Count int    `json:"count"`
}

// keysPerSegment bounds what one reader of the list holds in memory.
const keysPerSegment = 20_000

// WriteKeys writes the keys that a run or a job names to dir, sorted and each once, and returns where
// they are. Twice the same keys are twice the same files.
func WriteKeys(ctx context.Context, dir files.Folder, keys []string) ([]KeySegment, error) {
	var out []KeySegment
	for i := 0; i < len(keys); i += keysPerSegment {
		part := keys[i:min(i+keysPerSegment, len(keys))]
		s := KeySegment{Name: fmt.Sprintf("keys/%06d", len(out)), First: part[0], Last: part[len(part)-1], Count: len(part)}
		rows := make([]Row, len(part))
		for k := range part {
			rows[k].Src.Key = part[k]
		}
		data, err := encodeSegment(segmentHead{}, rows)
		if err != nil {
			return nil, fault.New(fault.Invalid, "ledger.WriteKeys", s.Name, err)
		}
		if err := dir.Write(ctx, s.Name, data); err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

// ReadKeys reads one stretch of them.
func ReadKeys(ctx context.Context, dir files.Folder, s KeySegment) ([]string, error) {
	data, err := dir.Read(ctx, s.Name)
	if err != nil {
		return nil, err
	}
	_, rows, err := decodeSegment(data, s.Name)
	keys := make([]string, len(rows))
	for i := range rows {
		keys[i] = rows[i].Src.Key
	}
	return keys, err
}
