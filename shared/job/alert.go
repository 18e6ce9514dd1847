package job

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// The kinds of webhook, or other address, that a run can tell what becomes of it.
const (
	DingTalk = "dingtalk"
	Feishu   = "feishu"
	WeCom    = "wecom"
	Slack    = "slack"
	Mail     = "mail" // by a mail server
	JSON     = "json" // a program of the user's own
)

// Alert is a webhook that is told what becomes of a run. Its URL holds a secret,
// so a job names only the environment variable that has it, where the run is done.
type Alert struct {
	To       string `json:"to"`                 // the variable with the URL: FERRY_ALERT_…
	Kind     string `json:"kind"`               // DingTalk, Feishu, WeCom, Slack, Mail or JSON
	Sign     string `json:"sign,omitempty"`     // the variable with the robot's signing secret, where it asks for signatures: FERRY_ALERT_…
	Insecure bool   `json:"insecure,omitempty"` // plain http is wanted
}

// maxAlerts bounds how many webhooks one job tells.
const maxAlerts = 10

// alertVariable begins with words of its own, so that a job cannot have what
// else is in the environment of the functions sent somewhere.
var alertVariable = regexp.MustCompile(`^FERRY_ALERT_[A-Z0-9_]{1,60}$`)

// checkAlerts returns what is wrong with the alerts of a job. It repeats no
// value of to or sign: it may be the secret itself.
func checkAlerts(alerts []Alert) problems {
	var bad problems
	if len(alerts) > maxAlerts {
		bad.at("alerts", "alerts has %d webhooks: keep up to %d", len(alerts), maxAlerts)
	}
	for i, a := range alerts {
		name := at("alerts", i)
		oneOf(&bad, name+".kind", a.Kind, DingTalk, Feishu, WeCom, Slack, Mail, JSON)
		switch {
		case a.To == "":
			bad.at(name+".to", "%s.to is missing: put the webhook's URL into an environment variable, and name that, as to: FERRY_ALERT_OPS", name)
		case !alertVariable.MatchString(a.To):
			bad.at(name+".to", "%s.to names no variable: the webhook's URL holds a secret, so put it into an environment variable whose name begins with FERRY_ALERT_, and name that, as to: FERRY_ALERT_OPS", name)
		}
		switch {
		case a.Sign == "":
		case a.Kind != DingTalk && a.Kind != Feishu:
			bad.at(name+".sign", "%s.sign does not go with %s, which checks no signature: leave it out", name, a.Kind)
		case !alertVariable.MatchString(a.Sign):
			bad.at(name+".sign", "%s.sign names no variable: put the signing secret into an environment variable whose name begins with FERRY_ALERT_, and name that, as sign: FERRY_ALERT_OPS_SIGN", name)
		}
	}
	return bad
}

// alerts takes a list of mappings, or one alone.
func alerts(to *[]Alert) setter {
	return func(r *jobNode, path string, n ast.Node) {
		items := r.items(path, n)
		*to = make([]Alert, len(items))
		for i, n := range items {
			a := &(*to)[i]
			r.group(at(path, i), "an alert", n, map[string]setter{
				"to": scalar(&a.To, variable), "kind": scalar(&a.Kind, word), "sign": scalar(&a.Sign, variable), "insecure": scalar(&a.Insecure, truth),
				"url": func(r *jobNode, path string, _ ast.Node) {
					r.bad[strings.TrimSuffix(path, "url")+"to"] = true
					r.fail(path, r.line[path], "%s: a webhook's URL holds a secret, which does not belong in a job: put it into an environment variable, export FERRY_ALERT_OPS='https://…', and write to: FERRY_ALERT_OPS", path)
				},
			})
		}
	}
}

// variable reads the name of a variable, also as a shell writes it: ${NAME}.
func variable(s string) (string, error) {
	if inner, ok := strings.CutPrefix(s, "${"); ok {
		if name, ok := strings.CutSuffix(inner, "}"); ok {
			return name, nil
		}
	}
	return s, nil
}

// String says which webhook, without anything secret.
func (a Alert) String() string { return fmt.Sprintf("%s (%s)", a.To, a.Kind) }
