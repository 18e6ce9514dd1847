package app

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"kodoferry/shared/alert"
	"kodoferry/shared/job"
	"kodoferry/shared/queue"
	"kodoferry/shared/queue/mns"
)

// hides is what an examination asks of a queue besides the port.
type hides interface {
	Visibility(ctx context.Context) (time.Duration, error)
}

// leastHidden is the least visibility of a queue whose tasks take as long as an
// invocation: a message that appears again while its task is at work is done twice.
const leastHidden = 10 * time.Minute

// queues asks of a deployment's queues. No message is sent: functions would
// take it for a task.
func (x *Examination) queues(ctx context.Context) {
	at, err := x.Config.location("FERRY_QUEUES", x.Config.QueuesAt, job.MNS, job.SQS)
	if err != nil {
		x.ask(ctx, "FERRY_QUEUES", func(context.Context) (State, string) { return Failed, plain(err) })
		return
	}
	for i, name := range QueueNames {
		q, err := x.Config.openQueue(at, name, nil)
		if err != nil {
			x.ask(ctx, at.Prefix+name, func(context.Context) (State, string) { return Failed, plain(err) })
			continue
		}
		if m, ok := any(q).(*mns.Queue); ok && i == 0 && len(m.Ways()) > 0 && !x.ways(ctx, m) {
			return
		}
		if p, ok := any(q).(placed); ok && i == 0 && !x.reachable(ctx, p, skewOSS) {
			return
		}
		x.ask(ctx, at.Prefix+name, func(ctx context.Context) (State, string) { return x.queue(ctx, q) })
	}
}

// wayTime is how long an address may take to answer: from outside of a region its
// internal name may lead nowhere, without a word.
const wayTime = 5 * time.Second

// ways asks which addresses of MNS answer here, inside the region or not, and says
// what to write. It reports whether the one that q asks does.
func (x *Examination) ways(ctx context.Context, q *mns.Queue) bool {
	return x.ask(ctx, "endpoints", func(ctx context.Context) (State, string) {
		hosts, err := q.Hosts(ctx)
		if err != nil {
			return Failed, plain(err)
		}
		answers, text := answering(ctx, q.Ways())
		text += ": " + wayToWrite(answers)
		meant := slices.IndexFunc(q.Ways(), func(w mns.Way) bool { return w.Base == hosts[0] })
		if !answers[meant] {
			return Failed, fmt.Sprintf("FERRY_QUEUES means %s (%s), which does not answer here; %s", q.Ways()[meant].Name, bareHost(hosts[0]), text)
		}
		return Fine, text
	}) != Failed
}

// answering asks all ways at the same time whether anybody answers, and says so of each.
func answering(ctx context.Context, ways []mns.Way) (answers []bool, says string) {
	ctx, cancel := context.WithTimeout(ctx, wayTime)
	defer cancel()
	answers = make([]bool, len(ways))
	var all sync.WaitGroup
	for i, w := range ways {
		all.Go(func() {
			_, _, _, err := knock(ctx, w.Base)
			answers[i] = err == nil
		})
	}
	all.Wait()
	words := make([]string, len(ways))
	for i, w := range ways {
		words[i] = w.Name + map[bool]string{true: " answers", false: " does not answer"}[answers[i]]
	}
	return answers, strings.Join(words, ", ")
}

// wayToWrite says what FERRY_QUEUES should have, by which addresses answer: public
// https, internal https, internal http.
func wayToWrite(answers []bool) string {
	switch {
	case answers[1]:
		return "inside this region's network endpoint=internal speaks https, which MNS does not document: &endpoint=internal in FERRY_QUEUES, for s.yaml, too, spares the way over the Internet"
	case answers[2]:
		return "inside this region's network internal names speak plain http alone, as documented: leave endpoint= out of FERRY_QUEUES, for s.yaml, too, which is https under the public name; &endpoint=internal&insecure=true takes plain http"
	case answers[0]:
		return "this machine is outside the region's network, or internal names are not for it: leave endpoint= out of FERRY_QUEUES, for s.yaml, too, which is https under the public name; what internal names speak, a check inside the region tells"
	}
	return "check the account, region=, network, firewall and proxy"
}

func (x *Examination) queue(ctx context.Context, q interface {
	queue.Queue
	Check(ctx context.Context) error
}) (State, string) {
	if err := patiently(ctx, q.Check); err != nil {
		return Failed, plain(err)
	}
	d, err := q.Depth(ctx)
	if err != nil {
		return Failed, plain(err)
	}
	holds := fmt.Sprintf("holds %d ready, %d at work, %d waiting", d.Ready, d.InFlight, d.Delayed)
	if d.Unknown {
		holds = "holds an unknown number of messages: its service tells none of any kind, which may mean that it does not count"
	}
	h, ok := q.(hides)
	if !ok {
		return Fine, holds
	}
	hidden, err := h.Visibility(ctx)
	switch {
	case err != nil:
		return Failed, plain(err)
	case hidden < leastHidden:
		return Failed, fmt.Sprintf("it hides a received message for %s, less than a task may take, so tasks are done twice: set its visibility timeout to 30 minutes", hidden)
	}
	return Fine, fmt.Sprintf("%s; hides a message for %s", holds, hidden)
}

// alerts asks whether the webhooks of the job can be told, and tells them if Ring says so.
func (x *Examination) alerts(ctx context.Context) {
	for _, a := range x.Job.Alerts {
		x.ask(ctx, a.To, func(ctx context.Context) (State, string) {
			h, err := x.Config.hook(a)
			if err != nil {
				return Failed, plain(err)
			}
			if !x.Ring {
				return Fine, fmt.Sprintf("is set, for %s; nothing was posted (--ring posts a test message); functions need it in their own environment", a.Kind)
			}
			m := alert.Message{Event: "test", Run: x.Job.Name, Text: "this is a test: ferry check --ring", Next: "ferry check " + x.Job.Name, At: time.Now()}
			if err := post(ctx, h, m); err != nil {
				return Failed, plain(err)
			}
			return Fine, fmt.Sprintf("the %s webhook took a test message; functions need the variable in their own environment", a.Kind)
		})
	}
}
