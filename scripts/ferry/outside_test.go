package main

import (
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"kodoferry/scripts/ferry/cli"
	"kodoferry/scripts/ferry/standins"
	"kodoferry/shared/emulator/chaos"
	"kodoferry/shared/emulator/oss"
)

// TestTheWorldOutsideTheRunIsToldBySideAndCure lets the ledger, or a host, be other
// than it should be.
func TestTheWorldOutsideTheRunIsToldBySideAndCure(t *testing.T) {
	for name, tc := range map[string]struct {
		from  string // of the puts to the ledger on: the first, or one in mid-run
		spoil func(c *clouds)
		want  []string
	}{
		"a ledger that must not be written": {"start", func(c *clouds) { c.refusing(403) }, []string{"the ledger oss://led/.ferry/", "ferry policy"}},
		"one that no more":                  {"midway", func(c *clouds) { c.refusing(403) }, []string{"the ledger oss://led/.ferry/", "ferry policy"}},
		"a ledger that is full":             {"start", func(c *clouds) { c.refusing(507) }, []string{"the ledger oss://led/.ferry/", "has room"}},
		"one that becomes full":             {"midway", func(c *clouds) { c.refusing(507) }, []string{"the ledger oss://led/.ferry/", "has room"}},
		"one that comes to keep versions":   {"midway", func(c *clouds) { _ = c.oss.SetVersioning("led", "Enabled") }, []string{"the ledger oss://led/.ferry/", "keeps versions now", "--ledger"}},
		"one that kept some":                {"midway", func(c *clouds) { _ = c.oss.SetVersioning("led", "Suspended") }, []string{"the ledger oss://led/.ferry/", "keeps versions now", "--ledger"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newClouds(t)
			c.fill(t, 60)
			if err := c.oss.CreateBucket("led"); err != nil {
				t.Fatal(err)
			}
			done := make(chan struct{})
			if tc.from == "start" {
				tc.spoil(c)
				close(done)
			} else {
				c.oss.Desk().Inject(chaos.Rule{Op: "put", Kind: chaos.Latency, Rate: 1, Delay: 5 * time.Millisecond})
				once := false
				c.oss.OnStored(func(bucket string, o oss.Object) {
					if bucket == "led" && strings.Contains(o.Key, "/copied/") && !once {
						once = true
						go func() { tc.spoil(c); close(done) }()
					}
				})
			}
			began := time.Now()
			out, said, code := execute(t, c.env, "copy", c.src, c.dst, "--ledger", strings.Replace(c.ledger, standins.Target, "led", 1), "--batch-objects", "5", "--parallel", "2", "--quiet")
			<-done
			if code != cli.ExitOther && code != cli.ExitUsage || strings.Contains(out, "VERIFIED") {
				t.Errorf("exit code %d\n%s", code, out)
			}
			for _, want := range tc.want {
				if !strings.Contains(said, want) {
					t.Errorf("it does not say %q: %s", want, said)
				}
			}
			if took := time.Since(began); took > 40*time.Second {
				t.Errorf("it took %s", took)
			}
		})
	}
}

// refusing has the target's service refuse to store records.
func (c *clouds) refusing(status int) {
	c.oss.Desk().Inject(chaos.Rule{Op: "put", Kind: chaos.Status, Rate: 1, Status: status})
}

// TestAHostOfTheOtherSchemeIsNamed asks for plain http where TLS is spoken, and the
// other way round, and for a host that ends connections.
func TestAHostOfTheOtherSchemeIsNamed(t *testing.T) {
	tls := httptest.NewTLSServer(nil)
	t.Cleanup(tls.Close)
	tlsAt := strings.TrimPrefix(tls.URL, "https://")
	for name, tc := range map[string]struct {
		change func(c *clouds) (src, dst string)
		want   []string
	}{
		"the source, http to a TLS port": {func(c *clouds) (string, string) {
			return "kodo://" + standins.Source + "/?region=z0&insecure=true&endpoint=http://" + tlsAt, c.dst
		}, []string{"source", tlsAt}},
		"the S3 source, http to a TLS port": {func(c *clouds) (string, string) {
			return "s3://" + standins.Source + "/?region=us-east-1&insecure=true&endpoint=http://" + tlsAt, c.dst
		}, []string{"source", tlsAt}},
		"the target, http to a TLS port": {func(c *clouds) (string, string) {
			return c.src, "oss://" + standins.Target + "/?region=cn-hangzhou&insecure=true&endpoint=http://" + tlsAt
		}, []string{"target", tlsAt}},
		"the source, TLS to a plain port": {func(c *clouds) (string, string) {
			return "kodo://" + standins.Source + "/?region=z0&endpoint=https://" + host(c.kodo.Endpoint()), c.dst
		}, []string{"source", "127.0.0.1:"}},
		"the target, TLS to a plain port": {func(c *clouds) (string, string) {
			return c.src, "oss://" + standins.Target + "/?region=cn-hangzhou&endpoint=https://" + host(c.oss.Endpoint())
		}, []string{"target", "127.0.0.1:"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newClouds(t)
			c.fill(t, 1)
			src, dst := tc.change(c)
			out, said, code := execute(t, c.env, "copy", src, dst, "--quiet")
			if code != cli.ExitOther && code != cli.ExitUsage {
				t.Errorf("exit code %d\n%s", code, out)
			}
			for _, want := range tc.want {
				if !strings.Contains(said, want) {
					t.Errorf("it does not say %q: %s", want, said)
				}
			}
		})
	}
}

func host(endpoint string) string {
	u, err := url.Parse(endpoint)
	if err != nil {
		return ""
	}
	return u.Host
}
