package s3

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
)

// caught keeps the requests that AWS's client makes, and answers none.
type caught struct{ requests []*http.Request }

func (c *caught) Do(r *http.Request) (*http.Response, error) {
	c.requests = append(c.requests, r)
	return &http.Response{StatusCode: 200, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
}

func TestWeAddressAndSignAsAWSsClientDoes(t *testing.T) {
	for _, token := range []string{"", "a session/token+with=signs"} {
		for _, key := range []string{"plain", "a b+c%d&e=f?g#h", "照片/😀.jpg", "a//b/../c", "quote\"'<>|\\~!*()", "/lead", "tail/"} {
			t.Run(fmt.Sprintf("%q, token %v", key, token != ""), func(t *testing.T) {
				c := &caught{}
				client := sdk.New(sdk.Options{
					BaseEndpoint: aws.String("https://s3-cn-east-1.qiniucs.com"), UsePathStyle: true, Region: "cn-east-1", HTTPClient: c, RetryMaxAttempts: 1,
					ResponseChecksumValidation: aws.ResponseChecksumValidationWhenRequired,
					Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
						return aws.Credentials{AccessKeyID: "id", SecretAccessKey: "secret", SessionToken: token}, nil
					}),
				})
				bucket := aws.String("photos.old")
				// What comes of these is not looked at: nobody answers.
				_, _ = client.GetObject(t.Context(), &sdk.GetObjectInput{Bucket: bucket, Key: &key, Range: aws.String("bytes=1-5"), IfMatch: aws.String(`"etag"`)})
				_, _ = client.HeadObject(t.Context(), &sdk.HeadObjectInput{Bucket: bucket, Key: &key})
				_, _ = client.ListObjectsV2(t.Context(), &sdk.ListObjectsV2Input{Bucket: bucket, Prefix: &key, StartAfter: aws.String(key + " +"), EncodingType: "url"})
				if len(c.requests) != 3 {
					t.Fatalf("the client made %d requests, want 3", len(c.requests))
				}
				b, err := Open(Config{Bucket: *bucket, Region: "cn-east-1", Endpoint: "s3-cn-east-1.qiniucs.com", Credentials: func() Credentials { return Credentials{"id", "secret", token} }})
				if err != nil {
					t.Fatal(err)
				}
				for _, r := range c.requests {
					want := r.Header.Get("Authorization")
					_, rest, _ := strings.Cut(want, "SignedHeaders=")
					names, _, _ := strings.Cut(rest, ",")
					ours := b.signed(request{method: r.Method, key: key, params: params(r)}, b.cfg.Credentials())
					object := ours.URL.EscapedPath()
					if r.URL.Query().Has("list-type") {
						object = "/" + *bucket
					}
					if got := r.URL.EscapedPath(); got != object {
						t.Errorf("we ask for %s, the client for %s", object, got)
					}
					if got := authorization(r.Header, strings.Split(names, ";"), r.Method, r.URL.Host, object, queryOf(params(r)), "cn-east-1", b.cfg.Credentials()); got != want {
						t.Errorf("%s %s\nwe sign     %s\nthe client  %s", r.Method, r.URL, got, want)
					}
				}
			})
		}
	}
}

func params(r *http.Request) map[string]string {
	p := map[string]string{}
	for name := range r.URL.Query() {
		p[name] = r.URL.Query().Get(name)
	}
	return p
}
