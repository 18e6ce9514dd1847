package control

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
)

// EventRule is the rule on a job's source by which Kodo notifies a deployment.
type EventRule struct {
	Name      string   // unique in the bucket: letters, digits and underscores, 1 to 49
	Prefix    string   // of the keys that count; "" is all
	Suffix    string   // of the keys that count; "" is all
	Events    []string // put, mkfile, append, copy, move, delete, disable, enable, restore:completed, …
	URLs      []string // to which notifications are posted
	AccessKey string   // of the account whose keys sign them; "": they are not signed
	Host      string   // the Host they are sent with; "" is the URL's
}

// RuleName names a job's rule: what Kodo takes are letters, digits and
// underscores, fewer than 50.
func RuleName(jobName string) string {
	h := sha256.Sum256([]byte(jobName))
	return "ferry_" + hex.EncodeToString(h[:8])
}

// WantedRule is the rule that j needs to be notified at address, an https URL
// (or http, where the source says insecure). host is the Host that
// notifications are sent with, "" for that of the URL; accessKey names the keys that
// sign them. The error is Invalid.
func WantedRule(j job.Job, address, host, accessKey string) (EventRule, error) {
	bad := func(format string, args ...any) (EventRule, error) {
		return EventRule{}, fault.New(fault.Invalid, "control.WantedRule", j.Name, fmt.Errorf(format, args...))
	}
	if !j.Events.Follow() {
		return bad("the job %s follows no events: write events: {} into it, and ferry jobs apply %s", j.Name, j.Name)
	}
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "" || u.User != nil:
		return bad("--url is no address: write that of the function notify, as https://….fcapp.run/")
	case u.Scheme != "https" && !(u.Scheme == "http" && j.Source.Insecure):
		return bad("--url is not https, and notifications would come in the clear: write https://%s%s", u.Host, u.Path)
	case u.RawQuery != "" || u.Fragment != "":
		return bad("--url has parameters, which the function cannot verify: leave out what follows the path")
	}
	if u.Path == "" {
		u.Path = "/"
	}
	r := EventRule{Name: RuleName(j.Name), Prefix: j.Source.Prefix, URLs: []string{u.String()}, AccessKey: accessKey, Host: host, Events: wantedEvents(j)}
	if len(j.Filter.Suffix) == 1 { // a rule takes one
		r.Suffix = j.Filter.Suffix[0]
	}
	return r, nil
}

// wantedEvents are those after which an object is another, or can be read
// (developer.qiniu.com/kodo/8610/dev-event-notification).
func wantedEvents(j job.Job) []string {
	events := []string{"put", "mkfile", "append", "copy", "move", "enable", "restore:completed"}
	if j.Delete {
		events = append(events, "delete", "deleteMarkerCreate")
	}
	return events
}

// Unfit says in sentences why a rule does not notify of all that j follows, or
// not signed by the keys that accessKey names, which the function requires; none if it
// does.
func Unfit(j job.Job, r EventRule, accessKey string) (why []string) {
	if !j.Events.Follow() {
		why = append(why, "the job follows no events: the function answers 202 and does nothing")
	}
	if !strings.HasPrefix(j.Source.Prefix, r.Prefix) {
		why = append(why, fmt.Sprintf("the rule is about keys that begin with %q, the job about those that begin with %q", r.Prefix, j.Source.Prefix))
	}
	if r.Suffix != "" && (len(j.Filter.Suffix) != 1 || !strings.HasSuffix(j.Filter.Suffix[0], r.Suffix)) {
		why = append(why, fmt.Sprintf("the rule is about keys that end in %q alone", r.Suffix))
	}
	if missing := slices.DeleteFunc(wantedEvents(j), func(e string) bool { return slices.Contains(r.Events, e) }); len(missing) > 0 {
		why = append(why, "the rule does not name the events "+strings.Join(missing, ", "))
	}
	if r.AccessKey != accessKey {
		why = append(why, "the rule does not name the key in QINIU_ACCESS_KEY, so the function refuses what comes by it")
	}
	return why
}
