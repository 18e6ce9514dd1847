package main

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// drawing reads an SVG and returns the text in it.
func drawing(t *testing.T, svg string) string {
	t.Helper()
	var text strings.Builder
	d := xml.NewDecoder(strings.NewReader(svg))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return text.String()
		}
		if err != nil {
			t.Fatalf("no XML: %v", err)
		}
		if c, ok := token.(xml.CharData); ok {
			text.Write(c)
		}
	}
}

func python(t *testing.T, args ...string) string {
	t.Helper()
	interpreter, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("there is no python3 here")
	}
	c := exec.CommandContext(t.Context(), interpreter, args...)
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %v\n%s", args, err, out)
	}
	return string(out)
}

func TestPicturesAreWhatTheirScriptDraws(t *testing.T) {
	dir := t.TempDir()
	python(t, "../pictures.py", dir)
	drawn, err := filepath.Glob(filepath.Join(dir, "*.svg"))
	if err != nil || len(drawn) != 4 {
		t.Fatalf("it draws %v (%v), want four", drawn, err)
	}
	for _, path := range drawn {
		name := "infra/" + filepath.Base(path)
		fresh, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if page(t, name) != string(fresh) {
			t.Errorf("%s is not what scripts/pictures.py draws: run it", name)
		}
		drawing(t, string(fresh))
	}
}

func TestTheRecordingIsOfTheDemoAndSmall(t *testing.T) {
	svg := page(t, "infra/demo.svg")
	text := drawing(t, svg)
	for _, want := range []string{"$ go run ./scripts/ferry demo", "Every object ended exactly as it must."} {
		if !strings.Contains(text, want) {
			t.Errorf("it does not show %q", want)
		}
	}
	if len(svg) >= 1<<20 {
		t.Errorf("it has %d bytes, want less than 1 MiB", len(svg))
	}
}

// TestARecordingShowsWhatATerminalWould: a redraw replaces what it was drawn over, and colours
// and wide characters keep their columns.
func TestARecordingShowsWhatATerminalWould(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out.svg")
	python(t, "../record.py", "--rows", "6", "--out", out, "--", "sh", "-c", `printf 'old\nold\n\033[2A\033[Jnew\n\033[32m照片\033[0m done\n'`)
	data, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	drawing(t, string(data))
	for _, want := range []string{`>new</text>`, `class="t g" x="0.0" y="14" textLength="33.6" lengthAdjust="spacingAndGlyphs">照片</text>`, `x="42.0" y="14" textLength="33.6" lengthAdjust="spacingAndGlyphs">done</text>`} {
		if !strings.Contains(string(data), want) {
			t.Errorf("it lacks %s:\n%s", want, data)
		}
	}
	frames := strings.Split(string(data), "<use ")
	for _, use := range frames[len(frames)-2:] {
		if strings.Contains(use, "old") {
			t.Errorf("the last screen still shows what was drawn over: %s", use)
		}
	}
}
