package pipeline

import (
	"encoding/json"
	"unicode/utf8"
)

// maxBorder is the most bytes, as JSON, of a key at which a listing is cut: a task
// names two borders, and of a chain mostBefore more, and a message has 64 KiB.
const maxBorder = 6 << 10

// isBorder reports whether a listing may be cut behind key. "" as a border means
// that there is none; a longer one no message carries, and what is not UTF-8 no
// JSON. What has such a key lies within its shard, and stops nothing.
func isBorder(key string) bool {
	if key == "" || len(key) > maxBorder || !utf8.ValidString(key) {
		return false
	}
	text, err := json.Marshal(key)
	return err == nil && len(text) <= maxBorder
}

// maxNamed is the most bytes of a key that a task names for logs alone.
const maxNamed = 256
