package cast

import (
	"bytes"
	"context"
	"time"

	"kodoferry/shared/pipeline/storm/world"
	"kodoferry/shared/store/mem"
)

// strays are parts that are still on their way when whoever sent them was told that
// they failed. They come later, whatever has become of the upload meanwhile, and
// nobody sees what they are answered.
type strays struct {
	nobody
	w      *world.World
	coming []stray
}

type stray struct {
	at   time.Time // when it comes, unless the seed has it come before
	come func()
}

// Offers implements world.Actor.
func (s *strays) Offers() []world.Offer {
	if len(s.coming) == 0 {
		return nil
	}
	return []world.Offer{{Weight: 1, What: "", Do: s.come}}
}

// Due implements world.Actor.
func (s *strays) Due() (time.Time, func()) {
	if len(s.coming) == 0 {
		return time.Time{}, nil
	}
	return s.coming[0].at, s.come
}

// sent takes in a part that goes astray; half of them are damaged on their way.
func (s *strays) sent(b *mem.Bucket, key, upload string, n int, data []byte) {
	if len(data) > 0 && s.w.Dice.Chance(50, "stray damaged", s.w.Step) {
		world.DamagePart(data)
	}
	at := time.Now().Add(time.Second << s.w.Dice.Draw(10, "stray for", s.w.Step))
	s.coming = append(s.coming, stray{at, func() {
		_, err := b.PutPart(context.Background(), key, upload, n, bytes.NewReader(data), int64(len(data)))
		s.w.Log.Note("part %d of %s, which failed, comes: %v", n, key, err)
	}})
}

// come lets the one arrive that was sent first.
func (s *strays) come() {
	first := s.coming[0]
	s.coming = s.coming[1:]
	first.come()
}
