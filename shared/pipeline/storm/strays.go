package storm

import (
	"bytes"
	"context"
	"time"

	"kodoferry/shared/store/mem"
)

// strays are parts that are still on their way when whoever sent them was told that
// they failed. They come later, whatever has become of the upload meanwhile, and
// nobody sees what they are answered.
type strays struct {
	nobody
	w      *world
	coming []stray
}

type stray struct {
	at   time.Time // when it comes, unless the seed has it come before
	come func()
}

func (s *strays) offers() []offer {
	if len(s.coming) == 0 {
		return nil
	}
	return []offer{{1, "", s.come}}
}

func (s *strays) due() (time.Time, func()) {
	if len(s.coming) == 0 {
		return time.Time{}, nil
	}
	return s.coming[0].at, s.come
}

// sent takes in a part that goes astray; half of them are damaged on their way.
func (s *strays) sent(b *mem.Bucket, key, upload string, n int, data []byte) {
	if len(data) > 0 && s.w.dice.chance(50, "stray damaged", s.w.step) {
		damagePart(data)
	}
	at := time.Now().Add(time.Second << s.w.dice.draw(10, "stray for", s.w.step))
	s.coming = append(s.coming, stray{at, func() {
		_, err := b.PutPart(context.Background(), key, upload, n, bytes.NewReader(data), int64(len(data)))
		s.w.note("part %d of %s, which failed, comes: %v", n, key, err)
	}})
}

// come lets the one arrive that was sent first.
func (s *strays) come() {
	first := s.coming[0]
	s.coming = s.coming[1:]
	first.come()
}
