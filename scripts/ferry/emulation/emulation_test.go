package emulation

import (
	"log/slog"
	"maps"
	"strings"
	"testing"

	"kodoferry/shared/app"
	"kodoferry/shared/job"
)

// TestADeploymentFindsItsQueuesAtEitherService opens a deployment with what
// `ferry emulate` says, word for word.
func TestADeploymentFindsItsQueuesAtEitherService(t *testing.T) {
	o := Options{KodoAddr: "127.0.0.1:0", S3Addr: "127.0.0.1:0", OSSAddr: "127.0.0.1:0", MNSAddr: "127.0.0.1:0", SQSAddr: "127.0.0.1:0", S3Name: S3Name, Objects: 3}
	e, err := Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	said := e.Describe()
	for name, queues := range map[string]string{"MNS": said.Env["FERRY_QUEUES"], "SQS": said.SQS.Location} {
		t.Run(name, func(t *testing.T) {
			if !strings.HasPrefix(queues, strings.ToLower(name)+"://") || !strings.Contains(e.Explain(""), "FERRY_QUEUES='"+queues+"'") {
				t.Errorf("FERRY_QUEUES is to be %q, want it at %s, and told to people, too", queues, name)
			}
			env := maps.Clone(said.Env)
			env["FERRY_QUEUES"] = queues
			d, err := app.Load(func(key string) string { return env[key] }).Deploy(slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			j, err := job.New(env["FERRY_SOURCE"], env["FERRY_TARGET"], env["FERRY_LEDGER"])
			if err != nil {
				t.Fatal(err)
			}
			if err := d.Check(t.Context(), j); err != nil {
				t.Errorf("Check = %v, want everything reachable", err)
			}
		})
	}
	if n := e.sqs.Desk().Counts()["attributes"]; n != int64(len(app.QueueNames)) {
		t.Errorf("SQS was asked %d times, want once for each queue", n)
	}
}
