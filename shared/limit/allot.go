package limit

import "time"

const (
	// newShare is the part of its share that a new process takes, so that all
	// together stay within a tenth of their bounds while the others do not know of it.
	newShare = 0.1
	// leastStream is the least that a stream must get, in bytes a second: OSS
	// drops a connection that brings nothing for a minute.
	leastStream = 64 << 10
	// streamTime is how long the largest object of one PUT may take in a function.
	streamTime = 2 * time.Minute
)

// allot works out what this process may take, once a second at most unless
// peers or bounds were read just now: the bandwidth may change with the hour.
func (s *Share) allot(now time.Time, read bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !read && (!s.bounds.Any() || now.Sub(s.allottedAt) < time.Second) {
		return
	}
	s.allottedAt = now
	most, copying := s.maxCopying(now), max(1, len(s.peers.copying))
	if most == 0 {
		most = copying
	}
	s.place.denied = s.place.waits || !s.place.held && copying > most
	part := 1.0
	if !s.peers.known {
		part = newShare
	}
	s.rate = part * float64(s.bounds.Bandwidth.At(now)) / float64(min(most, copying))
	s.bytes.set(s.rate, 64<<10)
	s.requests.set(part*float64(s.bounds.Requests)/float64(max(1, len(s.peers.sharing))), 1)
	s.Streams.set(streamsOf(s.rate, s.minStream), s.place.denied)
}

// streamsOf is how many streams of at least minStream bytes a second a rate feeds;
// 0: any number. At a low rate fewer objects are in flight, not slower ones.
func streamsOf(rate float64, minStream int64) int {
	if rate == 0 {
		return 0
	}
	return max(1, int(rate/float64(minStream)))
}

// MinDuration is how long n bytes take at least, by this process's share.
func (s *Share) MinDuration(n int64) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rate == 0 {
		return 0
	}
	return time.Duration(float64(n) / s.rate * float64(time.Second))
}

// Parallel is how many streams of n bytes each this process's share feeds so
// that each ends within streamTime, at most most: parts may be larger than what
// Streams is worked out by.
func (s *Share) Parallel(n int64, most int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rate == 0 {
		return most
	}
	return min(most, max(1, int(s.rate*streamTime.Seconds()/float64(n))))
}
