package pipeline_test

import (
	"os"
	"testing"

	"kodoferry/shared/emulator/testmain"
)

func TestMain(m *testing.M) {
	testmain.Roomy()
	os.Exit(m.Run())
}
