package sqs

import "kodoferry/shared/queue/remote"

// unwrap is the body that text stands for. Nothing else that sends to SQS
// encodes a body unasked, so anything without the mark is as it came.
func unwrap(text string) []byte {
	if body, ok := remote.Unmark(text); ok {
		return body
	}
	return []byte(text)
}
