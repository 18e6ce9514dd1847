package check

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"kodoferry/shared/queue"
)

// Queue is one of a deployment's queues.
type Queue struct {
	Name  string // with its prefix; or that of the variable that is wrong
	Err   error  // why Queue could not be opened; nil if it was
	Queue interface {
		queue.Queue
		Checker
	}
	Endpoints []Endpoint // of the queue's service, where it has several; the same for all queues
}

// Endpoint is an address of a queue service in a region.
type Endpoint struct {
	Name string // for people: "internal https"
	Base string // scheme://host
}

// The order of Queue.Endpoints, where there are any.
const (
	PublicHTTPS = iota
	InternalHTTPS
	InternalHTTP
)

// hiding is a queue that tells for how long it hides a message that was received.
type hiding interface {
	Visibility(ctx context.Context) (time.Duration, error)
}

// minVisibility is the shortest visibility of a queue whose tasks take as long as an
// invocation: a message that appears again while its task is at work is done twice.
const minVisibility = 10 * time.Minute

// queues asks of each queue whether it can be used, and of the first one whether its
// service can be reached. No message is sent: functions would take it for a task.
func (c *checker) queues(ctx context.Context) {
	for i, q := range c.setup.Queues {
		if q.Err != nil {
			c.ask(ctx, q.Name, func(context.Context) (State, string) { return Fail, sentence(q.Err) })
			continue
		}
		h, ok := q.Queue.(hosted)
		if ok && i == 0 && len(q.Endpoints) > 0 && !c.endpoints(ctx, h, q.Endpoints) {
			return
		}
		if ok && i == 0 && !c.reachable(ctx, h) {
			return
		}
		c.ask(ctx, q.Name, func(ctx context.Context) (State, string) { return usable(ctx, q) })
	}
}

// endpointTime bounds how long an address is waited for: outside of a region, its
// internal name may lead to a host that drops every packet.
const endpointTime = 5 * time.Second

// endpoints asks which of all answer here, and says what to write in FERRY_QUEUES.
// It returns false where the one that q uses does not.
func (c *checker) endpoints(ctx context.Context, q hosted, all []Endpoint) bool {
	return c.ask(ctx, "endpoints", func(ctx context.Context) (State, string) {
		hosts, err := q.Hosts(ctx)
		if err != nil {
			return Fail, sentence(err)
		}
		answers, text := Answering(ctx, all)
		text += ": " + toWrite(answers)
		used := slices.IndexFunc(all, func(e Endpoint) bool { return e.Base == hosts[0] })
		if !answers[used] {
			return Fail, fmt.Sprintf("FERRY_QUEUES means %s (%s), which does not answer here; %s", all[used].Name, bareHost(hosts[0]), text)
		}
		return OK, text
	}) != Fail
}

// Answering sends a request to every endpoint at the same time. answers[i] is true
// where all[i] answers within endpointTime, with whatever it is; says is the same as a
// sentence.
func Answering(ctx context.Context, all []Endpoint) (answers []bool, says string) {
	ctx, cancel := context.WithTimeout(ctx, endpointTime)
	defer cancel()
	answers = make([]bool, len(all))
	var asked sync.WaitGroup
	for i, e := range all {
		asked.Go(func() {
			_, _, _, err := knock(ctx, e.Base)
			answers[i] = err == nil
		})
	}
	asked.Wait()
	words := make([]string, len(all))
	for i, e := range all {
		words[i] = e.Name + map[bool]string{true: " answers", false: " does not answer"}[answers[i]]
	}
	return answers, strings.Join(words, ", ")
}

// toWrite returns what FERRY_QUEUES should have, by which endpoints answer.
func toWrite(answers []bool) string {
	switch {
	case answers[InternalHTTPS]:
		return "inside this region's network endpoint=internal speaks https, which MNS does not document: &endpoint=internal in FERRY_QUEUES, for s.yaml, too, spares the way over the Internet"
	case answers[InternalHTTP]:
		return "inside this region's network internal names speak plain http alone, as documented: leave endpoint= out of FERRY_QUEUES, for s.yaml, too, which is https under the public name; &endpoint=internal&insecure=true takes plain http"
	case answers[PublicHTTPS]:
		return "this machine is outside the region's network, or internal names are not for it: leave endpoint= out of FERRY_QUEUES, for s.yaml, too, which is https under the public name; what internal names speak, a check inside the region tells"
	}
	return "check the account, region=, network, firewall and proxy"
}

// usable asks whether q can be used, how many messages it holds and for how long it
// hides one that was received.
func usable(ctx context.Context, q Queue) (State, string) {
	if err := WithRetry(ctx, q.Queue.Check); err != nil {
		return Fail, sentence(err)
	}
	d, err := q.Queue.Depth(ctx)
	if err != nil {
		return Fail, sentence(err)
	}
	holds := fmt.Sprintf("holds %d ready, %d at work, %d waiting", d.Ready, d.InFlight, d.Delayed)
	if d.Unknown {
		holds = "holds an unknown number of messages: its service tells none of any kind, which may mean that it does not count"
	}
	h, ok := q.Queue.(hiding)
	if !ok {
		return OK, holds
	}
	hidden, err := h.Visibility(ctx)
	switch {
	case err != nil:
		return Fail, sentence(err)
	case hidden < minVisibility:
		return Fail, fmt.Sprintf("it hides a received message for %s, less than a task may take, so tasks are done twice: set its visibility timeout to 30 minutes", hidden)
	}
	return OK, fmt.Sprintf("%s; hides a message for %s", holds, hidden)
}
