package s3

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"kodoferry/shared/fault"
)

// Thaw implements store.Thawer by RestoreObject at the service's standard speed, for 1 to
// 30 days. A class that can be read as it is, GLACIER_IR among them, is refused as Denied.
// To ask for what is restored already makes it readable for so many days from now.
func (b *Bucket) Thaw(ctx context.Context, key string, days int) error {
	const op = "s3.Thaw"
	if key == "" {
		return fault.New(fault.Invalid, op, key, errors.New("S3 has no empty keys"))
	}
	r := request{
		op: op, method: http.MethodPost, key: key, params: url.Values{"restore": {""}},
		header: map[string]string{"Content-Type": "application/xml"},
		body:   fmt.Appendf(nil, `<RestoreRequest xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Days>%d</Days></RestoreRequest>`, days),
	}
	_, err := retry(ctx, b, op, key, func() (struct{}, error) {
		resp, _, err := b.fetch(ctx, r)
		said, ok := errors.AsType[*refusal](err)
		switch {
		case ok && said.code == "RestoreAlreadyInProgress":
			return struct{}{}, nil
		case ok && said.code == "InvalidObjectState":
			return struct{}{}, fault.New(fault.Denied, op, key, fault.Errorf("the service restores nothing of its class: %w", said))
		case err == nil && resp.StatusCode != http.StatusAccepted && resp.StatusCode != http.StatusOK:
			return struct{}{}, fault.New(fault.Temporary, op, key, fault.Errorf("an answer of status %d", resp.StatusCode))
		}
		return struct{}{}, err
	})
	return err
}
