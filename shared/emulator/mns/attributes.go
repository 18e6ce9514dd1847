package mns

import "time"

// Attributes are what a queue is made with. Zero fields mean the service's
// defaults (MNS, CreateQueue).
type Attributes struct {
	Delay      time.Duration // of messages that name none: 0 to 7 days
	MaxSize    int           // bytes of a body: 1,024 to 65,536 (65,536)
	Retention  time.Duration // 60 s to 7 days; the SDK allows 15 (4 days)
	Visibility time.Duration // 1 s to 12 h (30 s)
	Poll       time.Duration // what a receive without waitseconds waits: 0 to 30 s
	Logging    bool          // told, and nothing else: there is no log to send to
	DeadLetter string        // name of the queue for what was received too often; "" is none
	MaxReceive int           // how often that is (10)
}

func (a Attributes) withDefaults() Attributes {
	if a.MaxSize == 0 {
		a.MaxSize = 65536
	}
	if a.Retention == 0 {
		a.Retention = 345_600 * time.Second
	}
	if a.Visibility == 0 {
		a.Visibility = 30 * time.Second
	}
	if a.DeadLetter != "" && a.MaxReceive == 0 {
		a.MaxReceive = 10
	}
	return a
}
