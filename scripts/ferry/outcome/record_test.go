package outcome

import (
	"os"
	"path/filepath"
	"testing"
)

func TestTheFilesOfARunStayBelowTheirDirectory(t *testing.T) {
	for name, ok := range map[string]bool{
		"report.json": true, "objects/0-abc.csv.gz": true, "objects/..a": true, "objects/<b> \"'.csv.gz": true,
		"../report.json": false, "objects/../../x": false, "/etc/x": false, "": false, "link/x": false,
	} {
		out := filepath.Join(t.TempDir(), "a", "proof")
		if err := os.MkdirAll(out, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(t.TempDir(), filepath.Join(out, "link")); err != nil {
			t.Fatal(err)
		}
		r := Record{Files: map[string][]byte{name: []byte("x")}}
		if err := r.Keep(out); ok != (err == nil) {
			t.Errorf("%q: %v, want it written: %v", name, err, ok)
		}
		got, err := os.ReadFile(filepath.Join(out, name))
		if ok && string(got) != "x" {
			t.Errorf("%q holds %q, %v", name, got, err)
		}
	}
}

func TestAReportIsKeptHere(t *testing.T) {
	t.Chdir(t.TempDir())
	r := Record{Files: map[string][]byte{"objects/0.csv.gz": []byte("x")}}
	if err := r.Keep("."); err != nil {
		t.Fatalf("into the directory that is the current one: %v", err)
	}
	if _, err := os.Stat("objects/0.csv.gz"); err != nil {
		t.Error(err)
	}
}
