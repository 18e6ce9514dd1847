package show

import (
	"io"
	"os"
	"strconv"
	"strings"
	"sync"

	"kodoferry/shared/columns"
)

// Screen shows lines that are redrawn in place at the end of a terminal, below whatever is
// printed. Each redraw is one write, and the cursor rests in the first column below the
// lines: what the terminal echoes there, as ^C, tears none of them, and is wiped. Its methods
// may be called from many goroutines.
type Screen struct {
	w io.Writer

	mu    sync.Mutex
	drawn []string // the lines that stand there
}

// NewScreen returns a Screen of w. ok is false where w is no terminal that can redraw.
func NewScreen(w io.Writer) (s *Screen, ok bool) {
	f, isFile := w.(*os.File)
	if !isFile || !IsTerminal(f) {
		return nil, false
	}
	return &Screen{w: w}, true
}

// Style is that of the terminal now: it may have been resized.
func (s *Screen) Style() Style { return StyleOf(s.w) }

// Draw shows lines in place of those that stand there, as many as the terminal has rows for.
func (s *Screen) Draw(lines []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.draw("", lines)
}

// Println prints a line above those that stand there.
func (s *Screen) Println(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.draw(text+"\n", s.drawn)
}

// Clear removes the lines.
func (s *Screen) Clear() { s.Draw(nil) }

// Wipe draws the lines once more: what the terminal echoed below them is gone.
func (s *Screen) Wipe() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.draw("", s.drawn)
}

// draw wipes what stands there, prints above, and draws lines. The caller holds mu.
func (s *Screen) draw(above string, lines []string) {
	style := StyleOf(s.w)
	var out strings.Builder
	out.WriteString("\r")
	if rows := s.rows(style.Width); rows > 0 {
		out.WriteString("\x1b[" + strconv.Itoa(rows) + "A")
	}
	out.WriteString("\x1b[J")
	out.WriteString(above)
	if most := style.Height - 1; style.Height > 1 && len(lines) > most {
		lines = lines[:most]
	}
	s.drawn = nil
	for _, line := range lines {
		line = cut(line, style.Width-1)
		s.drawn = append(s.drawn, line)
		out.WriteString(line + "\n")
	}
	_, _ = io.WriteString(s.w, out.String()) // a failed write stops nothing
}

// rows is how many rows the lines take in a terminal of that width: one that was made
// narrower since has broken them.
func (s *Screen) rows(width int) (n int) {
	for _, line := range s.drawn {
		n++
		if w := columns.Width(line); width > 0 && w > width {
			n += (w - 1) / width
		}
	}
	return n
}
