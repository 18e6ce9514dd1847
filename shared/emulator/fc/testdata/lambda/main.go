// Command lambda is a function of AWS Lambda, by its own SDK.
package main

import (
	"context"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"kodoferry/shared/emulator/fc/testdata/behave"
)

type handler struct{}

func (handler) Invoke(ctx context.Context, event []byte) ([]byte, error) {
	return behave.Do(ctx, event, func(r *behave.Report) {
		c, _ := lambdacontext.FromContext(ctx)
		r.RequestID = c.AwsRequestID
		r.Keys = [3]string{os.Getenv("AWS_ACCESS_KEY_ID"), os.Getenv("AWS_SECRET_ACCESS_KEY"), os.Getenv("AWS_SESSION_TOKEN")}
	})
}

func main() { lambda.Start(handler{}) }
