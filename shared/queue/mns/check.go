package mns

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
	return q.link.Check(ctx, err, "check endpoint=, network, firewall and proxy; an internal endpoint answers only inside its region's network", q.cure)
}

// unproved says what to write instead of an internal address by https that does not
// answer; "" for any other address.
func (q *Queue) unproved() string {
	if len(q.ways) == 0 || q.link.Base != q.ways[1].Base {
		return ""
	}
	return ", where MNS documents it for plain http alone: leave endpoint=internal out of FERRY_QUEUES, for https under the public name, or add insecure=true to it, for plain http"
}

// cure words a refusal to the one who set up the queue.
func (q *Queue) cure(r *remote.Refusal) string {
	switch r.Code {
	case "QueueNotExist":
		return fmt.Sprintf("queue %q does not exist: create it, or check the account, region= and the prefix in FERRY_QUEUES", q.link.Name)
	case "InvalidAccessKeyId":
		return "MNS does not know the access key id, or it is disabled: check ALIBABA_CLOUD_ACCESS_KEY_ID, and that a temporary key comes with its ALIBABA_CLOUD_SECURITY_TOKEN"
	case "SignatureDoesNotMatch":
		return "the access key secret does not belong to the access key id: copy both again, ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET, without spaces"
	case "AccessDenied":
		return fmt.Sprintf("the access key may not use queue %q: grant its user or role mns:SendMessage, mns:BatchSendMessage, mns:ReceiveMessage, mns:BatchReceiveMessage, mns:DeleteMessage, mns:ChangeMessageVisibility and mns:GetQueueAttributes, or, if ALIBABA_CLOUD_ACCESS_KEY_ID is a temporary key that has expired, get new ones, ALIBABA_CLOUD_SECURITY_TOKEN among them", q.link.Name)
	case "SecurityTokenExpired", "InvalidSecurityToken":
		return "the temporary keys have expired, or do not belong together: get new ones, ALIBABA_CLOUD_SECURITY_TOKEN among them"
	case "TimeExpired", "InvalidDateHeader":
		return fmt.Sprintf("MNS refuses the request's time: set this machine's clock, which says %s", time.Now().UTC().Format(time.RFC3339))
	}
	return ""
}
