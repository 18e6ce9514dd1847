package mns

import (
	"bytes"
	"strings"

	"kodoferry/shared/emulator/ram"
)

// rights are the RAM actions that an operation takes, those on messages as each
// operation's own page says (MNS, "SendMessage" to "ChangeMessageVisibility"):
// a batch is an action of its own there.
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
	action, resource := rights[op], "acs:mns:"+c.s.cfg.Region+":"+c.s.cfg.Account+":/queues"
	if c.name != "" {
		resource += "/" + c.name
	}
	switch op {
	case "send", "receive", "peek", "delete", "visibility":
		resource += "/messages"
	}
	switch batch := c.query.Has(numOfMessages); {
	case op == "send" && bytes.Contains(c.body, []byte("<Messages")), (op == "receive" || op == "peek") && batch, op == "delete" && !c.query.Has(receiptHandle):
		action = strings.Replace(action, ":", ":Batch", 1)
	}
	if policy.Allows(ram.Request{Action: action, Resource: resource}) {
		return nil
	}
	return refuse(403, "AccessDenied", "The OwnerId that your Access Key Id associated to is forbidden for this operation.")
}
