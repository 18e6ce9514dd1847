package app

import (
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// LogLevel is the level that FERRY_LOG names: debug, or info.
func LogLevel(name string) slog.Level {
	if strings.EqualFold(name, "debug") {
		return slog.LevelDebug
	}
	return slog.LevelInfo
}

// LogHandler writes lines of JSON to w. A character of a key that a terminal
// would obey or not show, as U+202E, which turns a line round, is written as
// \u202e: encoding/json leaves all but those below U+0020 as they are. failed is
// called with the first error of w, for slog drops it; it may be nil.
func LogHandler(w io.Writer, level slog.Leveler, failed func(error)) slog.Handler {
	return slog.NewJSONHandler(&logWriter{out: w, failed: failed}, &slog.HandlerOptions{Level: level})
}

type logWriter struct {
	out    io.Writer
	failed func(error)
	once   sync.Once
}

// Write writes a line. slog's handler calls it once a line, and one at a time.
func (l *logWriter) Write(line []byte) (int, error) {
	_, err := l.out.Write(visible(line))
	if err != nil && l.failed != nil {
		l.once.Do(func() { l.failed(err) })
	}
	return len(line), err
}

// visible escapes what is not to be printed in a line of JSON, where such a
// character can only stand in a string.
func visible(line []byte) []byte {
	var out []byte
	from := 0
	for i := 0; i < len(line); {
		if line[i] < 0x7f { // of these, encoding/json escapes what is not printable
			i++
			continue
		}
		r, n := utf8.DecodeRune(line[i:])
		if !unicode.IsPrint(r) {
			out = append(out, line[from:i]...)
			if r1, r2 := utf16.EncodeRune(r); r1 != unicode.ReplacementChar {
				out = fmt.Appendf(out, `\u%04x\u%04x`, r1, r2)
			} else {
				out = fmt.Appendf(out, `\u%04x`, r)
			}
			from = i + n
		}
		i += n
	}
	if from == 0 {
		return line
	}
	return append(out, line[from:]...)
}
