package s3

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"kodoferry/shared/store"
	"kodoferry/shared/store/wiretest"
)

// TestWeAskAsAWSsClientDoes holds every request against the one that AWS's own client
// sends: pages of a listing, downloads, ranges, heads, restoring. Which headers are signed
// differs; that the signature is right is what the stand-in holds every request to.
func TestWeAskAsAWSsClientDoes(t *testing.T) {
	server := wiretest.Record(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Has("restore") {
			w.WriteHeader(http.StatusAccepted)
			return
		}
		if r.URL.Query().Has("list-type") {
			_, _ = w.Write([]byte(`<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>`))
			return
		}
		w.Header().Set("ETag", `"etag"`)
		http.ServeContent(w, r, "", time.Unix(1_700_000_000, 0), strings.NewReader("0123456789"))
	})
	const noise = "of how often it tried, and what it is made of"
	table := wiretest.NewTable(t,
		wiretest.Difference{Part: "header User-Agent", Ours: wiretest.Any, Theirs: wiretest.Any, Why: "each names itself"},
		wiretest.Difference{Part: "header Amz-Sdk-Invocation-Id", Theirs: wiretest.Any, Why: noise},
		wiretest.Difference{Part: "header Amz-Sdk-Request", Theirs: wiretest.Any, Why: noise},
		wiretest.Difference{Part: "header X-Amz-Date", Ours: wiretest.Any, Theirs: wiretest.Any, Why: "the client takes no clock"},
		wiretest.Difference{Part: "header Authorization", Ours: wiretest.Any, Theirs: wiretest.Any, Why: "the client signs Accept-Encoding, Range and If-Match, too, which proxies rewrite"},
		wiretest.Difference{Kind: "download", Part: "query x-id", Theirs: wiretest.Any, Why: "it names the operation, to no effect"},
		wiretest.Difference{Kind: "range", Part: "query x-id", Theirs: wiretest.Any, Why: "it names the operation, to no effect"},
	)
	for _, token := range []string{"", "a session/token+with=signs"} {
		client := sdk.New(sdk.Options{
			BaseEndpoint: &server.URL, UsePathStyle: true, Region: "cn-east-1", HTTPClient: server.Client(), RetryMaxAttempts: 1,
			ResponseChecksumValidation: aws.ResponseChecksumValidationWhenRequired,
			Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
				return aws.Credentials{AccessKeyID: "id", SecretAccessKey: "secret", SessionToken: token}, nil
			}),
		})
		b, err := Open(Config{
			Bucket: "photos.old", Region: "cn-east-1", Endpoint: server.URL, Insecure: true,
			Credentials: func() Credentials { return Credentials{"id", "secret", token} },
			Now:         func() time.Time { return time.Unix(1_750_000_000, 0) },
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(b.CloseIdle)
		bucket := &b.cfg.Bucket
		for _, key := range wiretest.Keys {
			t.Run(fmt.Sprintf("%.20q, token %v", key, token != ""), func(t *testing.T) {
				compare := func(kind, method string, ours, theirs func() error) {
					t.Helper()
					ask := func(f func() error) wiretest.Request {
						return server.One(t, method, func() {
							if err := f(); err != nil {
								t.Error(err)
							}
						})
					}
					table.Compare(t, kind, ask(ours), ask(theirs))
				}
				for _, from := range []struct{ after, token string }{{key + " +", ""}, {"", "t+/= " + key}, {"", ""}} {
					in := sdk.ListObjectsV2Input{
						Bucket: bucket, Prefix: &key, EncodingType: "url", MaxKeys: aws.Int32(1000),
						OptionalObjectAttributes: []types.OptionalObjectAttributes{"RestoreStatus"},
					}
					if from.after != "" {
						in.StartAfter = &from.after
					}
					if from.token != "" {
						in.ContinuationToken = &from.token
					}
					compare("list", http.MethodGet, func() error {
						_, err := b.listPage(t.Context(), store.Query{Prefix: key, After: from.after}, from.token)
						return err
					}, func() error { _, err := client.ListObjectsV2(t.Context(), &in); return err })
				}
				open := func(o store.Object, off, n int64) func() error {
					return func() error {
						_, body, err := b.Open(t.Context(), o, off, n)
						if err == nil {
							err = body.Close()
						}
						return err
					}
				}
				object := func(r *string) func() error {
					return func() error {
						out, err := client.GetObject(t.Context(), &sdk.GetObjectInput{Bucket: bucket, Key: &key, IfMatch: aws.String(`"etag"`), Range: r})
						if err == nil {
							err = out.Body.Close()
						}
						return err
					}
				}
				o := store.Object{Key: key, Hash: "etag", Size: 10}
				compare("download", http.MethodGet, open(o, 0, -1), object(nil))
				compare("range", http.MethodGet, open(o, 2, 3), object(aws.String("bytes=2-4")))
				compare("range", http.MethodGet, open(o, 7, -1), object(aws.String("bytes=7-")))
				compare("head", http.MethodHead, func() error { _, err := b.Stat(t.Context(), key); return err }, func() error {
					_, err := client.HeadObject(t.Context(), &sdk.HeadObjectInput{Bucket: bucket, Key: &key})
					return err
				})
				compare("restore", http.MethodPost, func() error { return b.Thaw(t.Context(), key, 3) }, func() error {
					_, err := client.RestoreObject(t.Context(), &sdk.RestoreObjectInput{Bucket: bucket, Key: &key, RestoreRequest: &types.RestoreRequest{Days: aws.Int32(3)}})
					return err
				})
			})
		}
	}
}
