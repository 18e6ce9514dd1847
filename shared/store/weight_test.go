package store

import (
	"strings"
	"testing"
	"unsafe"
)

func TestAnObjectTakesWhatItRefersToBesideItself(t *testing.T) {
	if size := unsafe.Sizeof(Object{}); size > objectBytes {
		t.Errorf("an object takes %d bytes, and is said to take %d", size, objectBytes)
	}
	long := strings.Repeat("x", 1000)
	for name, o := range map[string]Object{
		"a key":        {Key: long},
		"a hash":       {Hash: long},
		"metadata":     {Meta: map[string]string{"a": long}},
		"a header":     {Header: map[string]string{"Cache-Control": long}},
		"a warning":    {Warnings: []string{long}},
		"parts":        {Parts: make([]int64, 125)},
		"its own type": {Type: long},
	} {
		if n := o.Held(); n < 1000+objectBytes || n > 2000 {
			t.Errorf("an object with 1,000 bytes of %s is said to take %d", name, n)
		}
	}
}
