package capacity

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAsManyObjectsAreInFlightAsThereIsRoomFor(t *testing.T) {
	const mib = 1 << 20
	for name, tc := range map[string]struct {
		Capacity
		most int
		by   string
	}{
		"what ferry copy has":            {Capacity{Memory: Copying, Files: 20_000}, Most, ""},
		"any number of files":            {Capacity{Memory: Copying}, Most, ""},
		"the usual soft limit":           {Capacity{Memory: Copying, Files: 1024}, 492, "1024 files (ulimit -n)"},
		"64 files":                       {Capacity{Memory: Copying, Files: 64}, 12, "64 files (ulimit -n)"},
		"too few files for anything":     {Capacity{Memory: Copying, Files: 10}, 2, "10 files"},
		"no end of files":                {Capacity{Memory: Copying, Files: 1<<64 - 1}, Most, ""},
		"an instance of 128 MB":          {Capacity{Memory: 128 * mib, Of: "the instance"}, 279, "the instance has 128 MiB of memory"},
		"too little memory":              {Capacity{Memory: 16 * mib}, 2, "the process has 16 MiB"},
		"a large instance":               {Capacity{Memory: 8 << 30}, Most, ""},
		"little memory, and fewer files": {Capacity{Memory: 128 * mib, Files: 256}, 108, "256 files"},
	} {
		most, by := tc.InFlight()
		if most != tc.most || !strings.Contains(by, tc.by) || (by == "") != (tc.by == "") {
			t.Errorf("%s: %d because %q, want %d, %q", name, most, by, tc.most, tc.by)
		}
		if need := int64(most)*perObject + tc.Bodies() + otherwise; most > least && need > tc.Memory {
			t.Errorf("%s: %d objects take %d bytes of %d", name, most, need, tc.Memory)
		}
		if h := tc.Heap(); h <= 0 || h >= tc.Memory {
			t.Errorf("%s: a heap of %d of %d", name, h, tc.Memory)
		}
	}
}

func TestMoreThanThereIsRoomForIsRefused(t *testing.T) {
	c := Capacity{Memory: Copying, Files: 64}
	for _, ok := range []int{0, 1, 12} {
		if err := c.Check(ok); err != nil {
			t.Errorf("%d: %v", ok, err)
		}
	}
	if err := c.Check(13); err == nil || !strings.Contains(err.Error(), "at most 12 objects") || !strings.Contains(err.Error(), "ulimit -n") {
		t.Errorf("%v", err)
	}
}

func TestAFunctionHasTheMemoryOfItsInstance(t *testing.T) {
	for name, tc := range map[string]struct {
		env  map[string]string
		want int64
	}{
		"Function Compute": {map[string]string{"FC_FUNCTION_MEMORY_SIZE": "512"}, 512 << 20},
		"Lambda":           {map[string]string{"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1769"}, 1769 << 20},
	} {
		if c := Function(func(s string) string { return tc.env[s] }); c.Memory != tc.want || c.Of == "" {
			t.Errorf("%s: %+v", name, c)
		}
	}
	for _, bad := range []string{"", "-1", "0", "x", "99999999999999999999"} {
		if c := Function(func(string) string { return bad }); c.Memory > Copying || c.Memory <= 0 {
			t.Errorf("%q: %+v", bad, c)
		}
	}
}

func TestAContainerHasTheMemoryThatItSays(t *testing.T) {
	dir := t.TempDir()
	for text, want := range map[string]int64{"max\n": 0, "134217728\n": 128 << 20, "": 0, "9223372036854771712\n": 9223372036854771712} {
		name := filepath.Join(dir, "memory.max")
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := container(filepath.Join(dir, "none"), name); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
}
