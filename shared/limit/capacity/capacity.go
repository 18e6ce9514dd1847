// Package capacity is how many objects a process can have in flight: as many as its memory
// and its descriptors hold.
package capacity

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

const (
	// Most is how many objects a process has in flight at most, whatever it has.
	Most = 1024
	// Copying is the memory that a process of a machine's own is to stay within, in bytes.
	Copying = 256 << 20

	// perObject is what an object in flight takes, in bytes: two connections with their
	// buffers and stacks, and a stack of its own. Of 1,000 over TLS each took 132 KiB through
	// net/http and 47 KiB through transport.Direct, a body of 8 KiB included. Bodies come on top.
	perObject = 112 << 10
	// bodies is what bodies take of it in all, in bytes for each object that may be in flight.
	// One alone may take 1 MiB.
	bodies = 64 << 10
	// otherwise is what else a process takes: the program, listings, rows.
	otherwise = 80 << 20
	// outside is what it takes that the collector does not know of, and what it overshoots by.
	outside = 48 << 20

	// perObjectFiles are an object's connections; otherFiles what else is open, connections
	// to the ledger and the queues among them.
	perObjectFiles = 2
	otherFiles     = 40
	// least is how many objects are in flight however little there is.
	least = 2
)

// For is the memory, in bytes, that so many objects in flight take; 0 for none.
func For(inFlight int) int64 {
	if inFlight <= 0 {
		return 0
	}
	return int64(inFlight)*(perObject+bodies) + otherwise
}

// Capacity is what a process has.
type Capacity struct {
	Memory int64  // bytes that it may take
	Of     string // whose memory that is, "" of a process of ferry's own
	Files  uint64 // descriptors that it may open; 0: unknown, or any number
}

// Process returns what this process of a machine has, of memory no more than so many bytes: less
// in a container that has less.
func Process(memory int64) Capacity {
	c := Capacity{Memory: memory, Files: files()}
	if m := container("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"); m > 0 && m < memory {
		c.Memory, c.Of = m, "the container"
	}
	return c
}

// Function returns what an instance of a function has: the platforms tell it its memory in
// the environment, in MB.
func Function(getenv func(string) string) Capacity {
	for _, name := range []string{"FC_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE"} {
		if mb, err := strconv.ParseInt(getenv(name), 10, 32); err == nil && mb > 0 {
			return Capacity{Memory: mb << 20, Of: "the instance", Files: files()}
		}
	}
	return Process(Copying)
}

// container reads the limit of the memory of the container that this process is in: 0 where
// there is none.
func container(names ...string) int64 {
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		if n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil {
			return n
		}
	}
	return 0
}

// InFlight is how many objects may be in flight, 2 to Most, and what bounds them; "" where
// that is Most.
func (c Capacity) InFlight() (most int, by string) {
	most = Most
	if n := (c.Memory - otherwise) / (perObject + bodies); n < int64(most) {
		most, by = int(n), fmt.Sprintf("%s has %d MiB of memory", or(c.Of, "the process"), c.Memory>>20)
	}
	if n := (int64(min(c.Files, 1<<30)) - otherFiles) / perObjectFiles; c.Files > 0 && n < int64(most) {
		most, by = int(n), fmt.Sprintf("the process may open %d files (ulimit -n)", c.Files)
	}
	return max(most, least), by
}

// Bodies is how many bytes of bodies may be in memory.
func (c Capacity) Bodies() int64 {
	most, _ := c.InFlight()
	return max(4<<20, int64(most)*bodies)
}

// Heap is what the collector is to keep the memory within, in bytes.
func (c Capacity) Heap() int64 { return max(c.Memory-outside, c.Memory/2) }

// Check returns an error that names the bound where more objects are asked for than may be in
// flight; 0 asks for as many as are best.
func (c Capacity) Check(parallel int) error {
	if most, by := c.InFlight(); parallel > most && by != "" {
		return fmt.Errorf("parallel is %d, and at most %d objects can be in flight here, because %s: write auto, or a number up to %d", parallel, most, by, most)
	}
	return nil
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
