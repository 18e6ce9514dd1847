package fc

import (
	"bufio"
	"io"
	"sync"
)

// lines writes whole lines of several instances to one writer. Its writer may be nil.
type lines struct {
	mu sync.Mutex
	to io.Writer
}

// maxLine is how much of a line is kept together.
const maxLine = 64 << 10

// copy passes on what r holds until it ends.
func (l *lines) copy(r io.Reader) {
	in := bufio.NewReaderSize(r, maxLine)
	for {
		line, err := in.ReadSlice('\n')
		l.write(line)
		if err != nil && err != bufio.ErrBufferFull {
			return
		}
	}
}

func (l *lines) write(line []byte) {
	if l.to == nil || len(line) == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	_, _ = l.to.Write(line) // a log that cannot be written must not stop the function
}
