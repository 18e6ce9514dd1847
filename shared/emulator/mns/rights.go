package mns

import (
	"bytes"
	"strings"

	"kodoferry/shared/emulator/ram"
)

// rights are the RAM actions that an operation takes. A batch of messages takes that of
// one message and that of a batch: MNS's table of rights names the first for both, the
// operation's own page (MNS, "BatchReceiveMessage") the second, and a policy must stand
// whichever is true.
var rights = map[string]string{
	"list": "mns:ListQueue", "create": "mns:CreateQueue", "delete-queue": "mns:DeleteQueue",
	"attributes": "mns:GetQueueAttributes", "set-attributes": "mns:SetQueueAttributes",
	"send": "mns:SendMessage", "receive": "mns:ReceiveMessage", "peek": "mns:PeekMessage",
	"delete": "mns:DeleteMessage", "visibility": "mns:ChangeMessageVisibility",
}

// permit holds the request against the policy of who signed it.
func (c *call) permit(op string) error {
	id, _, _ := strings.Cut(strings.TrimPrefix(c.r.Header.Get("Authorization"), "MNS "), ":")
	c.s.mu.Lock()
	policy := c.s.keys[id].Policy
	c.s.mu.Unlock()
	if policy == nil {
		return nil
	}
	actions, resource := []string{rights[op]}, "acs:mns:"+c.s.cfg.Region+":"+c.s.cfg.Account+":/queues"
	if c.name != "" {
		resource += "/" + c.name
	}
	switch op {
	case "send", "receive", "peek", "delete", "visibility":
		resource += "/messages"
	}
	switch batch := c.query.Has(numOfMessages); {
	case op == "send" && bytes.Contains(c.body, []byte("<Messages")), (op == "receive" || op == "peek") && batch, op == "delete" && !c.query.Has(receiptHandle):
		actions = append(actions, strings.Replace(rights[op], ":", ":Batch", 1))
	}
	may := true
	for _, action := range actions {
		may = policy.Allows(ram.Request{Action: action, Resource: resource}) && may // each is asked for, so that the policy knows all that are needed
	}
	if may {
		return nil
	}
	return refuse(403, "AccessDenied", "The OwnerId that your Access Key Id associated to is forbidden for this operation.")
}
