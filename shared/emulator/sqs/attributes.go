package sqs

import "time"

// Attributes are what a queue is made with. Zero fields mean the service's
// defaults (SQS, CreateQueue).
type Attributes struct {
	Delay      time.Duration // of messages that name none: 0 to 15 min
	MaxSize    int           // bytes of a message: 1,024 to 1,048,576 (1,048,576)
	Retention  time.Duration // 60 s to 14 days (4 days)
	Visibility time.Duration // 1 s to 12 h here (30 s); the service takes 0, too
	Poll       time.Duration // what a receive that names no wait waits: 0 to 20 s
	DeadLetter string        // name of the queue for what was received too often; "" is none
	MaxReceive int           // how often that is: 1 to 1,000 (10)
}

const (
	maxSize       = 1 << 20
	maxDelay      = 900 * time.Second
	maxVisibility = 43_200 * time.Second
	maxPoll       = 20 * time.Second
)

func (a Attributes) withDefaults() Attributes {
	if a.MaxSize == 0 {
		a.MaxSize = maxSize
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
