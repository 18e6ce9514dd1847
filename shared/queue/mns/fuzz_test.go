package mns_test

import (
	"strings"
	"testing"

	"kodoferry/shared/emulator/opentest"
	"kodoferry/shared/queue"
	"kodoferry/shared/queue/mns"
	"kodoferry/shared/queue/remote/remotetest"
)

func FuzzAnswers(f *testing.F) {
	remotetest.FuzzAnswers(f, func(f *testing.F, at string) queue.Queue {
		return opentest.Queue(f, mns.Open, mns.Config{
			Queue: "jobs", Account: "1", Region: "r", Endpoint: at, Insecure: true,
			Credentials: func() mns.Credentials {
				return mns.Credentials{AccessKeyID: "id", AccessKeySecret: remotetest.FuzzedSecret}
			},
		})
	}, []string{
		"<Messages><Message><MessageId>1</MessageId><MessageBodyMD5>99914B932BD37A50B983C5E7C90AE93B</MessageBodyMD5><MessageBody>{}</MessageBody><ReceiptHandle>r</ReceiptHandle><DequeueCount>1</DequeueCount></Message></Messages>",
		"<Message><MessageId>1</MessageId><MessageBodyMD5>99914B932BD37A50B983C5E7C90AE93B</MessageBodyMD5></Message>", "<Queue><VisibilityTimeout>30</VisibilityTimeout><ActiveMessages>1</ActiveMessages></Queue>",
		"<ChangeVisibility><ReceiptHandle>s</ReceiptHandle><NextVisibleTime>1</NextVisibleTime></ChangeVisibility>", "<Error><Code>AccessDenied</Code><Message>no\n\x1b[2J" + strings.Repeat("x", 9000) + "</Message><RequestId>r</RequestId></Error>",
		"<Messages><Message><ErrorCode>InternalError</ErrorCode><ErrorMessage>busy</ErrorMessage></Message><Message><MessageId>2</MessageId></Message></Messages>", "<Errors><Error><ErrorCode>X</ErrorCode></Error></Errors>", "<html>", "",
	})
}
