package infra_test

import (
	"encoding/json"
	"slices"
	"strconv"
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

// alicloud is infra/alicloud for one target, with alarms.
func alicloud(t *testing.T) *terraform {
	t.Helper()
	return readTerraform(t, "alicloud", map[string]cty.Value{
		"region": cty.StringVal(region), "ledger_bucket": cty.StringVal("my-ledger"),
		"targets":        cty.TupleVal([]cty.Value{cty.ObjectVal(map[string]cty.Value{"bucket": cty.StringVal("photos-new"), "prefix": cty.StringVal("2019/")})}),
		"alarm_contacts": cty.TupleVal([]cty.Value{cty.StringVal("on call")}),
	}, map[string]cty.Value{
		"alicloud_account": cty.ObjectVal(map[string]cty.Value{"current": cty.ObjectVal(map[string]cty.Value{"id": cty.StringVal(account)})}),
	}, func(kind string, given map[string]cty.Value) map[string]cty.Value {
		if kind == "alicloud_ram_role" {
			return map[string]cty.Value{"arn": cty.StringVal("acs:ram::" + account + ":role/" + text(given["role_name"]))}
		}
		return nil
	})
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
		if text(i.get(t, "dlq_policy.dead_letter_target_queue")) != "ferry-dead" || text(i.get(t, "dlq_policy.enabled")) != "true" || err != nil || times < 10 {
			t.Errorf("%s: its dead letters go to %s after %d receives, want ferry-dead after 10 or more", name, text(i.get(t, "dlq_policy.dead_letter_target_queue")), times)
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

func TestTheRolesMayWhatFerryPolicyPrints(t *testing.T) {
	tf := alicloud(t)
	at := func(raw string) job.Location {
		l, err := job.ParseLocation(raw)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	grants, err := rights.Of(rights.Places{
		Target: at("oss://photos-new/2019/?region=" + region), Ledger: at("oss://my-ledger/.ferry/?region=" + region),
		Queues: at("mns://" + account + "/ferry-?region=" + region), Logs: text(tf.outputs["logs"]),
	})
	if err != nil {
		t.Fatal(err)
	}
	documents := map[string]string{}
	for _, i := range tf.resources["alicloud_ram_policy.ferry"] {
		documents[i.key] = text(i.get(t, "policy_document"))
	}
	if len(documents) != len(grants)-1 {
		t.Errorf("%d policies, want one for each role but the operator's: %d", len(documents), len(grants)-1)
	}
	for _, g := range grants {
		if g.Role == rights.Operator {
			continue // a person's, who has a key and no role
		}
		if _, err := ram.Parse([]byte(documents[string(g.Role)])); err != nil {
			t.Errorf("%s: %v", g.Role, err)
		}
		var p rights.Policy
		if err := json.Unmarshal([]byte(documents[string(g.Role)]), &p); err != nil {
			t.Fatalf("%s: %v", g.Role, err)
		}
		got, want := triples(p.Statement), triples(g.Policy.Statement)
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
		if role, policy := text(i.get(t, "role_name")), text(i.get(t, "policy_name")); role != "ferry-"+i.key || policy != role {
			t.Errorf("role %s has policy %s, want ferry-%s of both", role, policy, i.key)
		}
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
