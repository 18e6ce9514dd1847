package fc_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"kodoferry/shared/emulator/fc"
	"kodoferry/shared/emulator/fc/testdata/behave"
)

const helperBinary = "FC_TEST_HELPER" // the function that a helper process runs

// helping makes this process a helper, if it was started as one: it has an
// instance, says its process id, and waits to be killed.
func helping() bool {
	binary := os.Getenv(helperBinary)
	if binary == "" {
		return false
	}
	c, err := fc.New(fc.Config{})
	if err == nil {
		err = c.Deploy(fc.Function{Name: "f", Binary: binary})
	}
	var body []byte
	if err == nil {
		body, err = c.Invoke(context.Background(), "f", command(behave.Command{Report: true}))
	}
	var r behave.Report
	if err == nil {
		err = json.Unmarshal(body, &r)
	}
	if err != nil {
		fmt.Println(err)
		return true
	}
	fmt.Println(r.PID)
	select {}
}

func TestInstancesDieWithAProcessThatIsKilled(t *testing.T) {
	t.Parallel()
	helper := exec.Command(os.Args[0])
	helper.Env = append(os.Environ(), helperBinary+"="+binaries+"/fc", "TMPDIR="+t.TempDir())
	out, err := helper.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := helper.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = helper.Process.Kill(), helper.Wait() }()
	var pid int
	if _, err := fmt.Fscan(out, &pid); err != nil {
		t.Fatalf("the helper did not say its instance's process: %v", err)
	}
	if !alive(pid) {
		t.Fatal("the instance is gone before the helper is")
	}
	if err := helper.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the instance is gone, too", func() bool { return !alive(pid) })
}
