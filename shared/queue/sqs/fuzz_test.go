package sqs_test

import (
	"strings"
	"testing"

	"kodoferry/shared/emulator/opentest"
	"kodoferry/shared/queue"
	"kodoferry/shared/queue/remote/remotetest"
	"kodoferry/shared/queue/sqs"
)

func FuzzAnswers(f *testing.F) {
	remotetest.FuzzAnswers(f, func(f *testing.F, at string) queue.Queue {
		return opentest.Queue(f, sqs.Open, sqs.Config{
			Queue: "jobs", Account: "123456789012", Region: "eu-central-1", Endpoint: at, Insecure: true,
			Credentials: func() sqs.Credentials {
				return sqs.Credentials{AccessKeyID: "id", SecretAccessKey: remotetest.FuzzedSecret}
			},
		})
	}, []string{
		`{"Messages":[{"MessageId":"1","ReceiptHandle":"r","Body":"{}","MD5OfBody":"99914b932bd37a50b983c5e7c90ae93b","Attributes":{"ApproximateReceiveCount":"1","SentTimestamp":"1700000000000"}}]}`,
		`{"MessageId":"1","MD5OfMessageBody":"99914b932bd37a50b983c5e7c90ae93b"}`, `{"Attributes":{"ApproximateNumberOfMessages":"1","ApproximateNumberOfMessagesNotVisible":"x"}}`,
		`{"__type":"com.amazonaws.sqs#AccessDenied","message":"no\n\u001b[2J` + strings.Repeat("x", 9000) + `"}`, `{"Successful":[{"Id":"0","MessageId":"1","MD5OfMessageBody":"99914b932bd37a50b983c5e7c90ae93b"}],"Failed":[{"Id":"1","Code":"X","SenderFault":true}]}`,
		`{}`, "<html>", "", "null",
	})
}
