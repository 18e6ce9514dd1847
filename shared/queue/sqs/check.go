package sqs

import (
	"context"
	"fmt"
	"time"

	"kodoferry/shared/queue/remote"
)

// Check asks for the queue's attributes and says in a sentence what is wrong
// and what to do about it: Denied for keys and permissions, NotFound for the
// queue, Temporary for the clock and for a host that cannot be reached.
func (q *Queue) Check(ctx context.Context) error {
	_, err := q.Depth(ctx)
	return q.link.Check(ctx, err, "check region=, endpoint=, network, firewall and proxy", q.cure)
}

// cure words a refusal to the one who set up the queue.
func (q *Queue) cure(r *remote.Refusal) string {
	switch r.Code {
	case "NonExistentQueue", "QueueDoesNotExist":
		return fmt.Sprintf("queue %q does not exist: create it, or check the account, region= and the prefix in FERRY_QUEUES", q.link.Name)
	case "InvalidClientTokenId", "UnrecognizedClientException":
		return "AWS does not know the access key id, or it is disabled: check AWS_ACCESS_KEY_ID, and that a temporary key comes with its AWS_SESSION_TOKEN"
	case "SignatureDoesNotMatch", "InvalidSignatureException", "RequestExpired":
		if r.Skewed {
			return fmt.Sprintf("AWS refuses the request's time: set this machine's clock, which says %s", time.Now().UTC().Format(time.RFC3339))
		}
		return "the secret access key does not belong to the access key id, or region= is not the queue's: copy both again, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, without spaces"
	case "AccessDenied", "AccessDeniedException":
		return fmt.Sprintf("the access key may not use queue %q: grant its user or role sqs:SendMessage, sqs:ReceiveMessage, sqs:DeleteMessage, sqs:ChangeMessageVisibility and sqs:GetQueueAttributes", q.link.Name)
	case "ExpiredToken", "ExpiredTokenException":
		return "the temporary keys have expired: get new ones, AWS_SESSION_TOKEN among them"
	}
	return ""
}
