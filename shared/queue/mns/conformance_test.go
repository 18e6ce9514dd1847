package mns_test

import (
	"cmp"
	"testing"
	"time"

	stand "kodoferry/shared/emulator/mns"
	"kodoferry/shared/emulator/opentest"
	"kodoferry/shared/emulator/pile"
	"kodoferry/shared/queue/mns"
	"kodoferry/shared/queue/remote/remotetest"
)

func start(t testing.TB, now func() time.Time) *stand.Server {
	t.Helper()
	return opentest.Start(t, stand.Start, stand.Config{AccessKeyID: "id", AccessKeySecret: "secret", Seed: 1, Now: now})
}

func open(t testing.TB, s *stand.Server, name string, a stand.Attributes, set ...func(*mns.Config)) *mns.Queue {
	t.Helper()
	if err := s.CreateQueue(name, a); err != nil {
		t.Fatal(err)
	}
	return reopen(t, s, name, set...)
}

func reopen(t testing.TB, s *stand.Server, name string, set ...func(*mns.Config)) *mns.Queue {
	t.Helper()
	return opentest.Open(t, mns.Open, mns.Config{
		Queue: name, Account: s.Account(), Region: s.Region(), Endpoint: s.Endpoint(), Insecure: true,
		Credentials: func() mns.Credentials { return mns.Credentials{AccessKeyID: "id", AccessKeySecret: "secret"} },
	}, set...)
}

// distant is the driver and the stand-in of its service.
var distant = remotetest.Suite{
	Start: func(t testing.TB, c *pile.Clock) remotetest.World {
		s := start(t, c.Now)
		return remotetest.World{
			Server: s,
			Open: func(t testing.TB, how remotetest.Way) remotetest.Driver {
				set := func(c *mns.Config) {
					c.Endpoint, c.Log = cmp.Or(how.Endpoint, c.Endpoint), how.Log
					if how.Keys != nil {
						c.Credentials = func() mns.Credentials {
							k := how.Keys()
							return mns.Credentials{AccessKeyID: k.ID, AccessKeySecret: k.Secret, SecurityToken: k.Token}
						}
					}
				}
				name := cmp.Or(how.Queue, "jobs")
				return reopen(t, s, name, set)
			},
			AddKeys: func(k remotetest.Keys, expire time.Time) {
				s.AddCredential(stand.Credential{ID: k.ID, Secret: k.Secret, Token: k.Token, Expires: expire})
			},
		}
	},
	Batch: 16, Least: time.Second, Longest: 30 * time.Second, Status: 503,
	Odd: "<Error><Code>Odd</Code><Message>odd</Message></Error>",
	Says: map[string]string{
		"no key":        "set ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET",
		"a forbidden":   "mns:BatchSendMessage",
		"unknown key":   "ALIBABA_CLOUD_ACCESS_KEY_ID",
		"wrong secret":  "ALIBABA_CLOUD_ACCESS_KEY_SECRET",
		"expired token": "ALIBABA_CLOUD_SECURITY_TOKEN",
		"nobody there":  "check endpoint=",
	},
	Texts: map[string]remotetest.Text{
		"letters that could be coded": {Body: "test1234", Text: "test1234"},
		"base64 of a document":        {Body: "eyJ2IjoxfQ==", Text: "base64:ZXlKMklqb3hmUT09"},
	},
}

func TestContract(t *testing.T) { distant.Contract(t) }

func TestContractUnderFaults(t *testing.T) { distant.ContractUnderFaults(t) }

func TestADriverOfADistantQueue(t *testing.T) { distant.Run(t) }

func BenchmarkSend(b *testing.B) { distant.BenchmarkSend(b) }

func FuzzABodyArrivesAsItWas(f *testing.F) { distant.FuzzBody(f, 40_000, "ZXlKMklqb3hmUT09") }
