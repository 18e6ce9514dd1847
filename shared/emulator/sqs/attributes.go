package sqs

import "time"

// Limits of a queue (SQS, CreateQueue).
const (
	maxSize       = 1 << 20
	maxDelay      = 900 * time.Second
	maxVisibility = 43_200 * time.Second
	maxPoll       = 20 * time.Second
)
