package shell

import (
	"os/exec"
	"strings"
	"testing"
)

// TestAShellReadsWhatWasQuoted has bash print the words of lines made of awkward ones.
func TestAShellReadsWhatWasQuoted(t *testing.T) {
	words := []string{
		"plain", "", "two words", "it's", `"quoted"`, "$HOME", "`id`", "$(id)", "a;b", "a\nb", "\t", "--flag=x", "*", "~", `back\slash`, "!event", "#no", "é王", "\u202egpj.exe", "\xff\xfe", "\x01'\\",
		"oss://b/?region=cn-hangzhou&endpoint=x", "{a,b}", "a'\n$(id)'", "=", "-n",
	}
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("there is no bash here")
	}
	out, err := exec.CommandContext(t.Context(), bash, "-c", `printf '%s\0' `+Quote(words...)).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	got := strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
	if Quote("=ls") == "=ls" {
		t.Error("zsh reads =ls as the path of a command")
	}
	for i, want := range words {
		if i >= len(got) || got[i] != want {
			t.Errorf("%q is read as %q", want, got[min(i, len(got)-1)])
		}
	}
}
