package infra_test

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"
)

func TestEveryFunctionIsDeployedFromItsFolder(t *testing.T) {
	s := deployed(t)
	for _, name := range folders(t) {
		if _, ok := s.Resources[name]; !ok {
			t.Errorf("functions/%s is not in s.yaml", name)
		}
	}
	for name, r := range s.Resources {
		t.Run(name, func(t *testing.T) {
			if at(r.Props, "functionName") != "ferry-"+name || at(r.Props, "code") != "./.package/"+name+".zip" {
				t.Errorf("%s of %s, want ferry-%s of its own package", at(r.Props, "functionName"), at(r.Props, "code"), name)
			}
			if !written(name) {
				t.Skipf("functions/%s is not in this checkout", name)
			}
		})
	}
}

func TestEveryFunctionHasTheRoleAndTheLogsThatTerraformMakes(t *testing.T) {
	tf := alicloud(t)
	roles := tf.outputs["roles"].AsValueMap()
	seen := map[string]string{}
	for name, r := range deployed(t).Resources {
		role := at(r.Props, "role")
		if want := text(roles[name]); role != want {
			t.Errorf("%s has the role %s, want %s", name, role, want)
		}
		if other := seen[role]; other != "" {
			t.Errorf("%s and %s share the role %s", name, other, role)
		}
		seen[role] = name
		if logs := at(r.Props, "logConfig", "project") + "/" + at(r.Props, "logConfig", "logstore"); logs != text(tf.outputs["logs"]) {
			t.Errorf("%s logs to %s, want %s", name, logs, text(tf.outputs["logs"]))
		}
		triggers, _ := r.Props["triggers"].([]any)
		for _, trigger := range triggers {
			// With one, each deployment shows a change, and the component makes no service-linked roles.
			if role := at(trigger, "invocationRole"); role != "<nil>" {
				t.Errorf("%s is invoked under %s, want no role of ours", name, role)
			}
		}
	}
}

func TestPullingIsOnAndLastsLongerThanAnythingElse(t *testing.T) {
	pull := deployed(t).Resources["pull"].Props
	triggers, _ := pull["triggers"].([]any)
	if len(triggers) != 1 || at(triggers[0], "triggerType") != "timer" || at(triggers[0], "triggerConfig", "enable") != "true" || at(triggers[0], "triggerConfig", "payload") != "copy" {
		t.Errorf("triggers %v, want a timer for the copy stage that is on", triggers)
	}
	if at(pull, "timeout") != "3600" || at(pull, "asyncInvokeConfig", "maxAsyncRetryAttempts") != "0" {
		t.Errorf("timeout %s, %s retries, want an hour and none: the next tick does better", at(pull, "timeout"), at(pull, "asyncInvokeConfig", "maxAsyncRetryAttempts"))
	}
}

func TestNotificationsReachTheFunctionThatChecksThem(t *testing.T) {
	triggers, _ := deployed(t).Resources["notify"].Props["triggers"].([]any)
	if len(triggers) != 1 || at(triggers[0], "triggerType") != "http" || at(triggers[0], "triggerConfig", "authType") != "anonymous" || at(triggers[0], "triggerConfig", "methods") != "[POST]" {
		t.Errorf("triggers %v, want one that takes POST from anybody", triggers)
	}
}

// TestTimersStandBeforeStreams: the component returns at the first event stream
// that is as it was, and leaves out in silence what stands behind it (devsapp/fc3,
// deploy/impl/trigger.ts).
func TestTimersStandBeforeStreams(t *testing.T) {
	timers := 0
	for name, r := range deployed(t).Resources {
		triggers, _ := r.Props["triggers"].([]any)
		stream := ""
		for _, trigger := range triggers {
			switch at(trigger, "triggerType") {
			case "eventbridge":
				stream = at(trigger, "triggerName")
			default:
				if timers++; stream != "" {
					t.Errorf("%s: %s stands behind the stream %s, want it before", name, at(trigger, "triggerName"), stream)
				}
			}
		}
	}
	if timers < 3 {
		t.Errorf("%d triggers that are no streams, want sweep, notify and pull at least", timers)
	}
}

// TestAllInstancesTogetherAreLessThanAnAccountHas: 100 in a region, unless it asks
// for more (Function Compute, "Quotas").
func TestAllInstancesTogetherAreLessThanAnAccountHas(t *testing.T) {
	sum := 0
	for name, r := range deployed(t).Resources {
		triggers, _ := r.Props["triggers"].([]any)
		for _, trigger := range triggers {
			if at(trigger, "triggerType") != "eventbridge" {
				continue
			}
			n, err := strconv.Atoi(at(trigger, "triggerConfig", "runOptions", "maximumTasks"))
			if err != nil || n < 1 {
				t.Errorf("%s: %s has no bound on its tasks (%v)", name, at(trigger, "triggerName"), err)
			}
			sum += n
		}
		if pulls := at(r.Props, "environmentVariables", "FERRY_PULL_INSTANCES"); pulls != "<nil>" {
			n, err := strconv.Atoi(pulls)
			if err != nil {
				t.Errorf("%s: FERRY_PULL_INSTANCES is %s", name, pulls)
			}
			sum += n
		}
	}
	if sum < 50 || sum > 90 {
		t.Errorf("streams and pull take up to %d instances, want most of 100 and some left for notify", sum)
	}
}

// TestAFunctionEndsBeforeItsStreamGivesUp: an event stream waits 5 minutes for an
// invocation (EventBridge, "Function Compute").
func TestAFunctionEndsBeforeItsStreamGivesUp(t *testing.T) {
	for name, r := range deployed(t).Resources {
		triggers, _ := r.Props["triggers"].([]any)
		for _, trigger := range triggers {
			seconds, err := strconv.Atoi(at(r.Props, "timeout"))
			if at(trigger, "triggerType") == "eventbridge" && (err != nil || seconds > 290) {
				t.Errorf("%s may take %d s (%v), want at most 290", name, seconds, err)
			}
		}
	}
}

func TestTheComponentIsPinned(t *testing.T) {
	pinned := regexp.MustCompile(`^fc3@\d+\.\d+\.\d+$`)
	for name, r := range deployed(t).Resources {
		if !pinned.MatchString(r.Component) {
			t.Errorf("%s is deployed by %s, want a version of fc3", name, r.Component)
		}
	}
}

// TestAnotherPrefixReachesEveryName deploys beside a deployment that is there.
func TestAnotherPrefixReachesEveryName(t *testing.T) {
	for name, r := range deployed(t, map[string]cty.Value{"prefix": cty.StringVal("ferry-eu-")}).Resources {
		raw, err := json.Marshal(r.Props)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range regexp.MustCompile(`ferry-[a-z]+[a-z0-9-]*`).FindAllString(string(raw), -1) {
			if !strings.HasPrefix(found, "ferry-eu-") {
				t.Errorf("%s: %s, want names that begin with ferry-eu-", name, found)
			}
		}
	}
}
