package infra_test

import "testing"

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
			if role := at(trigger, "invocationRole"); at(trigger, "triggerType") == "eventbridge" && role != text(roles["stream"]) {
				t.Errorf("%s is invoked under %s, want %s", name, role, text(roles["stream"]))
			}
		}
	}
}

func TestPullingIsOffAndLastsLongerThanAnythingElse(t *testing.T) {
	pull := deployed(t).Resources["pull"].Props
	triggers, _ := pull["triggers"].([]any)
	if len(triggers) != 1 || at(triggers[0], "triggerType") != "timer" || at(triggers[0], "triggerConfig", "enable") != "false" || at(triggers[0], "triggerConfig", "payload") != "copy" {
		t.Errorf("triggers %v, want a timer for the copy stage that is off", triggers)
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
