package sqs_test

import (
	"cmp"
	"testing"
	"time"

	"kodoferry/shared/emulator/opentest"
	"kodoferry/shared/emulator/pile"
	stand "kodoferry/shared/emulator/sqs"
	"kodoferry/shared/queue"
	"kodoferry/shared/queue/remote/remotetest"
	"kodoferry/shared/queue/sqs"
)

func start(t testing.TB, now func() time.Time) *stand.Server {
	t.Helper()
	return opentest.Start(t, stand.Start, stand.Config{AccessKeyID: "id", SecretAccessKey: "secret", Seed: 1, Now: now, SignedBy: time.Now})
}

func open(t testing.TB, s *stand.Server, name string, a stand.Attributes, set ...func(*sqs.Config)) *sqs.Queue {
	t.Helper()
	if err := s.CreateQueue(name, a); err != nil {
		t.Fatal(err)
	}
	return reopen(t, s, name, set...)
}

func reopen(t testing.TB, s *stand.Server, name string, set ...func(*sqs.Config)) *sqs.Queue {
	t.Helper()
	return opentest.Open(t, sqs.Open, sqs.Config{
		Queue: name, Account: s.Account(), Region: s.Region(), Endpoint: s.Endpoint(), Insecure: true,
		Credentials: func() sqs.Credentials { return sqs.Credentials{AccessKeyID: "id", SecretAccessKey: "secret"} },
	}, set...)
}

// on makes q go by c's time, as its queue does.
func on(c *pile.Clock, q *sqs.Queue) *sqs.Queue {
	q.SetClock(c.Now)
	return q
}

// timed opens the queue "jobs" of a stand-in; both go by the clock.
func timed(t testing.TB, a stand.Attributes) (*pile.Clock, *stand.Server, *sqs.Queue) {
	t.Helper()
	c := &pile.Clock{}
	s := start(t, c.Now)
	c.Tick = s.Tick
	return c, s, on(c, open(t, s, "jobs", a))
}

// distant is the driver and the stand-in of its service.
var distant = remotetest.Suite{
	Start: func(t testing.TB, c *pile.Clock) remotetest.World {
		s := start(t, c.Now)
		return remotetest.World{
			Server: s,
			Open: func(t testing.TB, how remotetest.Way) remotetest.Driver {
				set := func(c *sqs.Config) {
					c.Endpoint, c.Log = cmp.Or(how.Endpoint, c.Endpoint), how.Log
					if how.Keys != nil {
						c.Credentials = func() sqs.Credentials {
							k := how.Keys()
							return sqs.Credentials{AccessKeyID: k.ID, SecretAccessKey: k.Secret, SessionToken: k.Token}
						}
					}
				}
				name := cmp.Or(how.Queue, "jobs")
				return on(c, reopen(t, s, name, set))
			},
			AddKeys: func(k remotetest.Keys, expire time.Time) {
				s.AddCredential(stand.Credential{ID: k.ID, Secret: k.Secret, Token: k.Token, Expires: expire})
			},
		}
	},
	Batch: 10, Longest: 20 * time.Second, Status: 500,
	Odd: `{"__type":"Odd","message":"odd"}`,
	Says: map[string]string{
		"no key":        "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
		"a forbidden":   "sqs:ChangeMessageVisibility",
		"unknown key":   "AWS_ACCESS_KEY_ID",
		"wrong secret":  "AWS_SECRET_ACCESS_KEY",
		"expired token": "AWS_SESSION_TOKEN",
		"nobody there":  "check region=",
	},
	Texts: map[string]remotetest.Text{"base64 of a document": {Body: "eyJ2IjoxfQ==", Text: "eyJ2IjoxfQ=="}},
}

func TestContract(t *testing.T) { distant.Contract(t) }

func TestContractUnderFaults(t *testing.T) { distant.ContractUnderFaults(t) }

func TestADriverOfADistantQueue(t *testing.T) { distant.Run(t) }

func BenchmarkSend(b *testing.B) { distant.BenchmarkSend(b) }

func FuzzABodyArrivesAsItWas(f *testing.F) { distant.FuzzBody(f, queue.MaxBody) }
