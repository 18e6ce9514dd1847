package sqs_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"

	"kodoferry/shared/emulator/pile"
	"kodoferry/shared/emulator/sqs"
)

// start starts a stand-in that goes by c, or by the time of day where c is nil.
func start(t *testing.T, c *pile.Clock) *sqs.Server {
	t.Helper()
	cfg := sqs.Config{AccessKeyID: "id", SecretAccessKey: "secret", Region: "eu-central-1", Seed: 1, SignedBy: time.Now}
	if c != nil {
		cfg.Now = c.Now
	}
	s, err := sqs.Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	if c != nil {
		c.Tick = s.Tick
	}
	return s
}

// client is the vendor's, which checks every sum that it is told. It tries once.
func client(s *sqs.Server, id, secret, token string) *sdk.Client {
	return sdk.New(sdk.Options{
		Region: s.Region(), BaseEndpoint: aws.String(s.Endpoint()), Retryer: aws.NopRetryer{}, DisableClockSkewCorrection: true,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: id, SecretAccessKey: secret, SessionToken: token}, nil
		}),
	})
}

// create makes a queue through the SDK and returns its URL.
func create(t *testing.T, c *sdk.Client, name string, attributes map[string]string) *string {
	t.Helper()
	out, err := c.CreateQueue(t.Context(), &sdk.CreateQueueInput{QueueName: &name, Attributes: attributes})
	if err != nil {
		t.Fatal(err)
	}
	return out.QueueUrl
}

func receive(t *testing.T, c *sdk.Client, url *string) []types.Message {
	t.Helper()
	out, err := c.ReceiveMessage(t.Context(), &sdk.ReceiveMessageInput{
		QueueUrl: url, MaxNumberOfMessages: 10, MessageAttributeNames: []string{"All"},
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAll},
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.Messages
}

// code is what the SDK says that the service calls err.
func code(err error) string {
	if e, ok := errors.AsType[smithy.APIError](err); ok {
		return e.ErrorCode()
	}
	return fmt.Sprint(err)
}

func sendOne(t *testing.T, c *sdk.Client, url *string) error {
	t.Helper()
	_, err := c.SendMessage(t.Context(), &sdk.SendMessageInput{QueueUrl: url, MessageBody: aws.String("pay 1")})
	return err
}

// capture has the SDK sign a request that is not sent, and returns its body.
func capture(t *testing.T, c *sdk.Client, s *sqs.Server, seen **http.Request) (body []byte) {
	t.Helper()
	_, err := c.SendMessage(t.Context(), &sdk.SendMessageInput{QueueUrl: aws.String(s.Endpoint() + "/" + s.Account() + "/jobs"), MessageBody: aws.String("pay 1")}, func(o *sdk.Options) {
		o.HTTPClient = held(func(r *http.Request) {
			*seen = r
			body, _ = io.ReadAll(r.Body)
		})
	})
	if *seen == nil {
		t.Fatalf("no request was made: %v", err)
	}
	return body
}

// held is a client that keeps a request to itself.
type held func(*http.Request)

func (h held) Do(r *http.Request) (*http.Response, error) {
	h(r)
	return nil, errors.New("held back")
}
