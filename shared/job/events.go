package job

import (
	"fmt"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// Events says how a job follows the source's event notifications. The zero
// Events follows none.
type Events struct {
	// Window is how long events of one key are gathered before it is looked at,
	// 1 s to 10 min: an object that is written ten times within it moves once.
	Window Span `json:"window,omitempty"`
}

const (
	leastWindow   = Span(time.Second)
	mostWindow    = Span(10 * time.Minute) // SQS delays a message by 15 minutes at most
	defaultWindow = Span(10 * time.Second)
)

// Follow reports whether the job follows events.
func (e Events) Follow() bool { return e.Window > 0 }

// Follows reports whether j follows the events of a key of a bucket at Kodo, as
// far as the key alone tells; its filter may not choose it all the same.
func (j Job) Follows(bucket, key string) bool {
	return j.Events.Follow() && j.Source.Scheme == Kodo && j.Source.Bucket == bucket && strings.HasPrefix(key, j.Source.Prefix)
}

// Bucket returns the end of the time bucket that now lies in: the window's
// multiple after it. Events of one key and one bucket are one task.
func (e Events) Bucket(now time.Time) time.Time {
	w := time.Duration(e.Window)
	return now.UTC().Truncate(w).Add(w)
}

// Span is a time.Duration that JSON holds as text, "10s".
type Span time.Duration

func (s Span) String() string { return time.Duration(s).String() }

// MarshalText implements encoding.TextMarshaler.
func (s Span) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Span) UnmarshalText(text []byte) error {
	v, err := parseSpan(string(text))
	if err == nil {
		*s = v
	}
	return err
}

func parseSpan(text string) (Span, error) {
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("%.40q is no duration: write one such as 10s or 2m", text)
	}
	return Span(d), nil
}

// events takes a mapping; an empty one follows events with the default window.
func events(to *Events) setter {
	return func(r *jobNode, path string, n ast.Node) {
		to.Window = defaultWindow
		r.group(path, "events", n, map[string]setter{"window": scalar(&to.Window, parseSpan)})
	}
}

// checkEvents returns what is wrong with how j follows events.
func (j Job) checkEvents() problems {
	var bad problems
	w := j.Events.Window
	if w != 0 && (w < leastWindow || w > mostWindow || time.Duration(w)%time.Second != 0) {
		bad.at("events.window", "events.window is %s: write whole seconds from %s to %s, or leave it out", w, leastWindow, mostWindow)
	}
	if j.Events.Follow() && j.KeyList != "" {
		bad.at("events", "events do not go with a list of keys: leave one of them out")
	}
	return bad
}
