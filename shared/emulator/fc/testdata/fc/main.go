// Command fc is a function of Function Compute, by its own SDK.
package main

import (
	"context"
	"encoding/json"

	"github.com/aliyun/fc-runtime-go-sdk/fc"
	"github.com/aliyun/fc-runtime-go-sdk/fccontext"

	"kodoferry/shared/emulator/fc/testdata/behave"
)

// handle returns its answer as raw JSON: the SDK would encode []byte once more,
// into a string of base64. And it is a func: v0.3.1 takes nothing else, not
// even in StartHandler.
func handle(ctx context.Context, event []byte) (json.RawMessage, error) {
	return behave.Do(ctx, event, func(r *behave.Report) {
		c, _ := fccontext.FromContext(ctx)
		r.Keys = [3]string{c.Credentials.AccessKeyId, c.Credentials.AccessKeySecret, c.Credentials.SecurityToken}
		r.RequestID, r.Retries = c.RequestID, c.RetryCount
	})
}

func main() { fc.Start(handle) }
