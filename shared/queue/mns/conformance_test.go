package mns_test

import (
	"cmp"
	"testing"
	"time"

	stand "kodoferry/shared/emulator/mns"
	"kodoferry/shared/emulator/pile"
	"kodoferry/shared/queue/mns"
	"kodoferry/shared/queue/remote/remotetest"
)

func start(t testing.TB, now func() time.Time) *stand.Server {
	t.Helper()
	s, err := stand.Start(stand.Config{AccessKeyID: "id", AccessKeySecret: "secret", Seed: 1, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
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
	c := mns.Config{
		Queue: name, Account: s.Account(), Region: s.Region(), Endpoint: s.Endpoint(), Insecure: true,
		Credentials: func() mns.Credentials { return mns.Credentials{AccessKeyID: "id", AccessKeySecret: "secret"} },
	}
	for _, f := range set {
		f(&c)
	}
	q, err := mns.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	return q
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
			Get: func(t testing.TB) string {
				got, err := s.Receive(t.Context(), "jobs", 16, 0)
				if err != nil || len(got) != 1 {
					t.Fatalf("received %d messages, %v, want 1", len(got), err)
				}
				if err := s.Delete("jobs", got[0].Receipt); err != nil {
					t.Fatal(err)
				}
				return string(got[0].Body)
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
