package app_test

import (
	"strings"
	"testing"

	"kodoferry/shared/app"
	"kodoferry/shared/fault"
)

func TestADeploymentNamesWhatItsQueuesNeed(t *testing.T) {
	const ledger = "oss://my-ledger/.ferry/?region=cn-hangzhou"
	for name, tc := range map[string]struct {
		queues string
		aws    bool // its keys are set
		names  []string
		not    string
	}{
		"none":                   {"", true, []string{"FERRY_QUEUES is not set", "mns://", "sqs://"}, "AWS_"},
		"a bucket":               {"oss://my-queues/?region=cn-hangzhou", true, []string{"FERRY_QUEUES names no mns:// or sqs:// location"}, ""},
		"SQS without its keys":   {"sqs://123456789012/ferry-?region=eu-central-1", false, []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}, "ALIBABA"},
		"SQS with its keys":      {"sqs://123456789012/ferry-?region=eu-central-1", true, nil, ""},
		"MNS without AWS's keys": {"mns://1234567890123456/ferry-?region=cn-hangzhou", false, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := app.Load(func(key string) string {
				switch {
				case key == "FERRY_LEDGER":
					return ledger
				case key == "FERRY_QUEUES":
					return tc.queues
				case key == "FERRY_PAUSE", strings.HasPrefix(key, "AWS_") && !tc.aws:
					return ""
				}
				return "set"
			}).Deploy(nil)
			if (err == nil) != (len(tc.names) == 0) || err != nil && fault.KindOf(err) != fault.Invalid {
				t.Fatalf("Deploy = %v, want an error that names %q", err, tc.names)
			}
			for _, want := range tc.names {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("Deploy = %v, want it to say %q", err, want)
				}
			}
			if tc.not != "" && strings.Contains(err.Error(), tc.not) {
				t.Errorf("Deploy = %v, want nothing of %s in it", err, tc.not)
			}
		})
	}
}
