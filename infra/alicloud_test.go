package infra_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"kodoferry/shared/app"
	"kodoferry/shared/emulator/ram"
	"kodoferry/shared/job"
	"kodoferry/shared/rights"
	"kodoferry/shared/store/oss"
)

const (
	account = "1234567890123456"
	region  = "cn-hangzhou"
)

// alicloud is infra/alicloud for one target, with alarms, unless set says otherwise.
func alicloud(t *testing.T, set ...map[string]cty.Value) *terraform {
	t.Helper()
	vars := map[string]cty.Value{
		"region": cty.StringVal(region), "ledger_bucket": cty.StringVal("my-ledger"),
		"targets":        cty.TupleVal([]cty.Value{target("photos-new", "2019/")}),
		"alarm_contacts": cty.TupleVal([]cty.Value{cty.StringVal("on call")}),
	}
	for _, more := range set {
		maps.Copy(vars, more)
	}
	return readTerraform(t, "alicloud", vars, map[string]cty.Value{
		"alicloud_account": cty.ObjectVal(map[string]cty.Value{"current": cty.ObjectVal(map[string]cty.Value{"id": cty.StringVal(account)})}),
	}, func(kind string, given map[string]cty.Value) map[string]cty.Value {
		if kind == "alicloud_ram_role" {
			return map[string]cty.Value{"arn": cty.StringVal("acs:ram::" + account + ":role/" + text(given["role_name"]))}
		}
		return nil
	})
}

func target(bucket, prefix string) cty.Value {
	return cty.ObjectVal(map[string]cty.Value{"bucket": cty.StringVal(bucket), "prefix": cty.StringVal(prefix)})
}

// statements are what the policies of each role say together.
func statements(t *testing.T, tf *terraform) map[string][]rights.Statement {
	t.Helper()
	all := map[string][]rights.Statement{}
	for _, i := range tf.resources["alicloud_ram_policy.ferry"] {
		document := []byte(text(i.get(t, "policy_document")))
		if _, err := ram.Parse(document); err != nil {
			t.Errorf("%s: %v", i.key, err)
		}
		var p rights.Policy
		if err := json.Unmarshal(document, &p); err != nil {
			t.Fatalf("%s: %v", i.key, err)
		}
		role, _, _ := strings.Cut(i.key, "-")
		all[role] = append(all[role], p.Statement...)
	}
	return all
}

func TestTheQueuesAreThoseThatTheCodeReads(t *testing.T) {
	tf := alicloud(t)
	var got, want []string
	for _, i := range slices.Concat(tf.resources["alicloud_message_service_queue.stage"], tf.resources["alicloud_message_service_queue.dead"]) {
		name := text(i.get(t, "queue_name"))
		got = append(got, name)
		for argument, want := range map[string]string{"visibility_timeout": "1800", "message_retention_period": "604800", "polling_wait_seconds": "30"} {
			if v := text(i.get(t, argument)); v != want {
				t.Errorf("%s: %s is %s, want %s", name, argument, v, want)
			}
		}
		if name == "ferry-dead" {
			continue
		}
		times, err := strconv.Atoi(text(i.get(t, "dlq_policy.max_receive_count")))
		if text(i.get(t, "dlq_policy.dead_letter_target_queue")) != "ferry-dead" || text(i.get(t, "dlq_policy.enabled")) != "true" || err != nil || times < 60 {
			t.Errorf("%s: its dead letters go to %s after %d receives, want ferry-dead after 60 or more: so often an agent receives what waits for a ledger for a day", name, text(i.get(t, "dlq_policy.dead_letter_target_queue")), times)
		}
	}
	for _, name := range app.QueueNames {
		want = append(want, "ferry-"+name)
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("queues %q, want %q", got, want)
	}
}

func TestTheLedgersBucketDropsWhatIsBriefAndNothingElse(t *testing.T) {
	ledger := alicloud(t).resources["alicloud_oss_bucket.ledger"][0]
	var rules []string
	for _, b := range ledger.body.Blocks {
		switch b.Type {
		case "versioning":
			t.Error("it keeps versions, want none: conditional PUTs are ignored there")
		case "lifecycle_rule":
			rule := ledger.inner(b)
			for _, inner := range b.Body.Blocks {
				days, err := strconv.Atoi(text(rule.inner(inner).get(t, "days")))
				if err != nil || days < 21 {
					t.Errorf("%s after %d days, want later than any message, dead letter and thaw", text(rule.get(t, "id")), days)
				}
				tags := ""
				if v := rule.get(t, "tags"); !v.IsNull() {
					for k, v := range v.AsValueMap() {
						tags += " " + k + "=" + v.AsString()
					}
				}
				rules = append(rules, inner.Type+" "+text(rule.get(t, "prefix"))+tags)
			}
		}
	}
	want := []string{"expiration .ferry/ " + oss.BriefTag, "expiration .ferry/pull/", "abort_multipart_upload "}
	if !slices.Equal(rules, want) {
		t.Errorf("rules %q, want %q", rules, want)
	}
}

// triples are all that policies grant, each effect, action and resource apart.
func triples(statements []rights.Statement) (all []string) {
	for _, s := range statements {
		for _, action := range s.Action {
			for _, resource := range s.Resource {
				all = append(all, s.Effect+" "+action+" on "+resource)
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// grantsOf is what ferry policy prints for the places of the test, and a log where that is not "".
func grantsOf(t *testing.T, logs string) []rights.Grant {
	t.Helper()
	at := func(raw string) job.Location {
		l, err := job.ParseLocation(raw)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	grants, err := rights.Of(rights.Places{
		Target: at("oss://photos-new/2019/?region=" + region), Ledger: at("oss://my-ledger/.ferry/?region=" + region),
		Queues: at("mns://" + account + "/ferry-?region=" + region), Logs: logs,
	})
	if err != nil {
		t.Fatal(err)
	}
	return grants
}

func TestTheRolesMayWhatFerryPolicyPrints(t *testing.T) {
	tf := alicloud(t)
	grants := grantsOf(t, text(tf.outputs["logs"]))
	granted := statements(t, tf)
	if len(granted) != len(grants)-1 {
		t.Errorf("policies of %d roles, want one for each role but the operator's: %d", len(granted), len(grants)-1)
	}
	for _, g := range grants {
		if g.Role == rights.Operator {
			continue // a person's, who has a key and no role
		}
		got, want := triples(granted[string(g.Role)]), triples(g.Policy.Statement)
		for _, line := range got {
			if !slices.Contains(want, line) {
				t.Errorf("%s: infra/alicloud grants more: %s", g.Role, line)
			}
		}
		for _, line := range want {
			if !slices.Contains(got, line) {
				t.Errorf("%s: infra/alicloud lacks: %s", g.Role, line)
			}
		}
	}
	for _, i := range tf.resources["alicloud_ram_role_policy_attachment.ferry"] {
		of, _, _ := strings.Cut(i.key, "-")
		if role, policy := text(i.get(t, "role_name")), text(i.get(t, "policy_name")); role != "ferry-"+of || policy != "ferry-"+i.key {
			t.Errorf("role %s has policy %s, want ferry-%s and ferry-%s", role, policy, of, i.key)
		}
	}
}

// TestAConsoleThatChangesThingsMayWhatAPersonMay, and writes its log.
func TestAConsoleThatChangesThingsMayWhatAPersonMay(t *testing.T) {
	tf := alicloud(t, map[string]cty.Value{"console_changes": cty.True})
	grants := grantsOf(t, "")
	i := slices.IndexFunc(grants, func(g rights.Grant) bool { return g.Role == rights.Operator })
	got := slices.DeleteFunc(triples(statements(t, tf)["console"]), func(line string) bool { return strings.HasPrefix(line, "Allow log:") })
	if want := triples(grants[i].Policy.Statement); !slices.Equal(slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want))) {
		t.Errorf("it may\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestAlarmsWatchEveryQueueAndFunction(t *testing.T) {
	names := map[string]bool{}
	for _, i := range alicloud(t).resources["alicloud_cms_alarm.ferry"] {
		var dimensions []map[string]string
		if err := json.Unmarshal([]byte(text(i.get(t, "metric_dimensions"))), &dimensions); err != nil || len(dimensions) != 1 {
			t.Fatalf("%s: dimensions %v (%v), want one set", i.key, dimensions, err)
		}
		names[dimensions[0]["queue"]+dimensions[0]["functionName"]] = true
	}
	for _, name := range app.QueueNames {
		if !names["ferry-"+name] {
			t.Errorf("no alarm watches queue ferry-%s", name)
		}
	}
	for name, r := range deployed(t).Resources {
		if !names[at(r.Props, "functionName")] {
			t.Errorf("no alarm watches function %s", name)
		}
	}
}

// TestEveryPolicyHoldsWhatRAMTakes is about RAM's limits ("Limits"): 6,144 bytes a
// policy, 20 policies a role.
func TestEveryPolicyHoldsWhatRAMTakes(t *testing.T) {
	for name, bucket := range map[string]string{"short names": "b%d", "names of 63 letters": strings.Repeat("b", 60) + "%03d"} {
		t.Run(name, func(t *testing.T) {
			var targets []cty.Value
			for i := range 200 {
				targets = append(targets, target(fmt.Sprintf(bucket, i), fmt.Sprintf("archive/of/the/year/%d/", 2000+i)))
			}
			tf := alicloud(t, map[string]cty.Value{"targets": cty.TupleVal(targets)})
			attached := map[string]int{}
			for _, i := range tf.resources["alicloud_ram_role_policy_attachment.ferry"] {
				attached[text(i.get(t, "role_name"))]++
			}
			for _, i := range tf.resources["alicloud_ram_policy.ferry"] {
				if n := len(text(i.get(t, "policy_document"))); n > 6144 {
					t.Errorf("policy %s has %d bytes, want at most 6,144", i.key, n)
				}
			}
			for role, n := range attached {
				if n > 20 {
					t.Errorf("role %s has %d policies, want at most 20", role, n)
				}
			}
			for _, role := range []string{"list", "copy", "verify", "delete", "pull"} {
				reached := map[string]bool{}
				for _, line := range triples(statements(t, tf)[role]) {
					if resource, ok := strings.CutPrefix(line, "Allow oss:GetObject on "); ok && strings.Contains(resource, "/archive/") {
						reached[resource] = true
					}
				}
				if len(reached) != len(targets) {
					t.Errorf("%s reads the keys of %d targets, want all %d", role, len(reached), len(targets))
				}
			}
		})
	}
}

func TestEveryNameBeginsWithThePrefix(t *testing.T) {
	tf := alicloud(t, map[string]cty.Value{"prefix": cty.StringVal("ferry-eu-")})
	named := 0
	for address, all := range tf.resources {
		for _, argument := range []string{"queue_name", "role_name", "policy_name", "project_name", "name"} {
			for _, i := range all {
				if name := text(i.get(t, argument)); name != "<nil>" {
					if named++; !strings.HasPrefix(name, "ferry-eu-") {
						t.Errorf("%s[%s]: %s is %s, want it to begin with ferry-eu-", address, i.key, argument, name)
					}
				}
			}
		}
	}
	if named < 30 {
		t.Errorf("%d names, want those of queues, roles, policies, logs and alarms", named)
	}
	for role, all := range statements(t, tf) {
		for _, line := range triples(all) {
			if _, queue, ok := strings.Cut(line, ":/queues/"); ok && !strings.HasPrefix(queue, "ferry-eu-") {
				t.Errorf("%s: %s, want queues of ferry-eu- alone", role, line)
			}
		}
	}
}

// TestTheServicesAreActivated is about accounts that have used none of them yet.
func TestTheServicesAreActivated(t *testing.T) {
	tf := alicloud(t)
	for _, service := range []string{"oss", "fc", "mns", "log", "event_bridge"} {
		b := tf.sources["alicloud_"+service+"_service.active"]
		if b == nil || b.Body.Attributes["enable"] == nil {
			t.Errorf("no data source activates %s", service)
			continue
		}
		if v, diags := b.Body.Attributes["enable"].Expr.Value(nil); diags.HasErrors() || text(v) != "On" {
			t.Errorf("%s: enable is %s, want On", service, text(v))
		}
	}
}

// TestEventStreamsHaveEventBridgesOwnRoles: an EventBridge trigger has no role of
// ours (devsapp/fc3, src/base.ts).
func TestEventStreamsHaveEventBridgesOwnRoles(t *testing.T) {
	var made []string
	for _, i := range alicloud(t).resources["alicloud_event_bridge_service_linked_role.stream"] {
		made = append(made, text(i.get(t, "product_name")))
	}
	slices.Sort(made)
	want := []string{"AliyunServiceRoleForEventBridgeSendToFC", "AliyunServiceRoleForEventBridgeSendToMNS", "AliyunServiceRoleForEventBridgeSourceMNS"}
	if !slices.Equal(made, want) {
		t.Errorf("service-linked roles %q, want %q", made, want)
	}
}
