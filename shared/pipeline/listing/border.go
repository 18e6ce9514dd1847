package listing

import (
	"encoding/json"
	"unicode/utf8"
)

// maxBorder is the most bytes, as JSON, of a key at which a listing is cut: a task
// names two borders, and of a chain maxLandmarks more, and a message has 64 KiB.
const maxBorder = 6 << 10

// IsBorder reports whether a listing may be cut behind key. "" as a border means that
// there is none; a key over 6 KiB as JSON has no room in a message, and one that is not
// UTF-8 none in JSON.
func IsBorder(key string) bool {
	if key == "" || len(key) > maxBorder || !utf8.ValidString(key) {
		return false
	}
	text, err := json.Marshal(key)
	return err == nil && len(text) <= maxBorder
}
