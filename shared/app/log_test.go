package app_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"testing"
	"unicode"

	"kodoferry/shared/app"
)

func TestALogHoldsNothingThatATerminalObeys(t *testing.T) {
	for name, key := range map[string]string{
		"letters":                   "照片/é.jpg",
		"C0, which JSON escapes":    "a\x00\x1b[2Jb",
		"delete":                    "a\x7fb",
		"C1, next line and CSI":     "a\u0085\u009bb",
		"right to left override":    "a\u202egpj.exe",
		"isolates":                  "\u2066a\u2069",
		"a line separator":          "a\u2028b",
		"a byte order mark inside":  "a\ufeffb",
		"a tag beyond the 16 bits":  "a\U000e0001b",
		"a quote and a backslash":   `a"\b`,
		"what is no character":      "a\U0010ffffb",
		"an emoji is a character":   "😀",
		"a soft hyphen":             "a\u00adb",
		"spaces that are no spaces": "a\u00a0\u3000b",
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			slog.New(app.LogHandler(&out, slog.LevelInfo, nil)).Info("copied", "key", key)
			var line struct{ Key string }
			if err := json.Unmarshal(out.Bytes(), &line); err != nil || line.Key != key {
				t.Errorf("the line says %q (%v), want %q", line.Key, err, key)
			}
			for _, r := range bytes.TrimSuffix(out.Bytes(), []byte("\n")) {
				if r < 0x20 || r == 0x7f {
					t.Errorf("the line holds the byte %#x: %q", r, out.String())
				}
			}
			for _, r := range out.String() {
				if r != '\n' && !unicode.IsPrint(r) {
					t.Errorf("the line holds %U: %q", r, out.String())
				}
			}
		})
	}
}

type full struct{ writes int }

func (f *full) Write([]byte) (int, error) {
	f.writes++
	return 0, errors.New("no space left on device")
}

func TestALogThatCannotBeWrittenIsToldOnce(t *testing.T) {
	var told []error
	w := &full{}
	log := slog.New(app.LogHandler(w, slog.LevelInfo, func(err error) { told = append(told, err) }))
	log.Info("one")
	log.With("run", "j/1").Info("two")
	if len(told) != 1 || w.writes != 2 {
		t.Errorf("told %d times of %d failed writes, want once of 2: there may be room again", len(told), w.writes)
	}
}
