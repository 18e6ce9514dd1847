package cli

import (
	"fmt"
	"os"

	"github.com/spf13/pflag"

	"kodoferry/shared/fault"
)

// QueuesFlag adds --queues to f.
func QueuesFlag(f *pflag.FlagSet, to *string) {
	f.StringVar(to, "queues", os.Getenv("FERRY_QUEUES"), "the deployment's queues: mns:// or sqs://account/prefix?region=… (default: FERRY_QUEUES)")
}

// Read parses text, the value of a flag, into to; "" leaves to as it is. Mistakes are
// appended to errs.
func Read[T any](errs *[]error, name, text string, to *T, parse func(string) (T, error)) {
	if text == "" {
		return
	}
	value, err := parse(text)
	for _, e := range Apart(err) {
		*errs = append(*errs, fmt.Errorf("--%s: %s", name, fault.Sentence(e)))
	}
	if err == nil {
		*to = value
	}
}
