package cli

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// TestWordsOfOtherToolsAreAnsweredWithOurs has what people type who come from another tool. What
// is only near to such a word gets no answer that is about another: mount is not count.
func TestWordsOfOtherToolsAreAnsweredWithOurs(t *testing.T) {
	root := &cobra.Command{Use: "ferry"}
	root.AddCommand(&cobra.Command{Use: "copy", Run: func(*cobra.Command, []string) {}}, &cobra.Command{Use: "jobs"}, &cobra.Command{Use: "init", Run: func(*cobra.Command, []string) {}})
	alone, _, err := root.Find([]string{"copy"})
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		of             *cobra.Command
		word           string
		says, saysnone string
	}{
		"show, as of all tools":     {root, "show", "ferry status RUN", "pause"},
		"describe":                  {root, "describe", "ferry status RUN", ""},
		"info":                      {root, "info", "ferry status RUN", "init"},
		"about, as of rclone":       {root, "about", "ferry plan SRC DST", "pause"},
		"mount, as of rclone":       {root, "mount", "see ferry --help", "plan"},
		"sign, as of ossutil":       {root, "sign", "see ferry --help", "plan"},
		"listbucket2, as of qshell": {root, "listbucket2", "ferry plan SRC DST", ""},
		"batchdelete, as of qshell": {root, "batchdelete", "deletes nothing at a source", ""},
		"aws s3 sync":               {root, "s3", "words of another tool", ""},
		"ossutil cp":                {root, "ossutil", "words of another tool", ""},
		"tail":                      {root, "tail", "ferry copy --log FILE", ""},
		"continue":                  {root, "continue", "same command line", ""},
		"restore, as of ossutil":    {root, "restore", "--thaw", ""},
		"validate":                  {root, "validate", "ferry check SRC DST", ""},
		"sync, misspelt":            {root, "sycn", "ferry copy SRC DST", ""},
		"a command misspelt":        {root, "cpoy", "did you mean copy?", ""},
		"below one that has none":   {alone, "extra", "ferry copy has no commands below it: see ferry copy --help", "are :"},
	} {
		t.Run(name, func(t *testing.T) {
			got := Unknown(tc.of, tc.word).Error()
			if !strings.Contains(got, tc.says) || tc.saysnone != "" && strings.Contains(got, tc.saysnone) {
				t.Errorf("%q is answered %q, want %q and not %q", tc.word, got, tc.says, tc.saysnone)
			}
		})
	}
	for flag, says := range map[string]string{"endpoint-url": "belongs to the place", "profile": "environment", "max-retries": "limits.attempts", "checkpoint-dir": "the ledger keeps", "acl": "sets no ACL", "exact-timestamps": "proves nothing"} {
		if got := flags.answer(flag); !strings.Contains(got, says) {
			t.Errorf("--%s is answered %q, want %q", flag, got, says)
		}
	}
}
