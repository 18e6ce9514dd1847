package fc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"kodoferry/shared/fault"
)

// TimerConfig is a timer trigger of Function Compute, or a rule of EventBridge
// with a schedule on AWS. Every or At says when; with neither it ticks only
// when Fire is called.
type TimerConfig struct {
	Name     string // of the trigger, or of the rule
	Function string
	Payload  string        // on Lambda the whole event (a rule's constant input, JSON); "" is EventBridge's own event
	Every    time.Duration // first after this time
	At       time.Time     // once
}

// Timer calls a function by the clock. The calls are asynchronous ones, as the
// platforms make them.
type Timer struct {
	TimerConfig
	c    *Cloud
	f    *function
	stop context.CancelFunc
}

// Timer starts a timer, until Stop or Close. A configuration that no platform takes is Invalid.
func (c *Cloud) Timer(cfg TimerConfig) (*Timer, error) {
	c.mu.Lock()
	f, err := c.find("fc.Timer", cfg.Function)
	c.mu.Unlock()
	if err != nil {
		return nil, err
	}
	switch {
	case cfg.Name == "":
		err = errors.New("a timer without a name: give it one")
	case cfg.Every < 0 || cfg.Every > 0 && !cfg.At.IsZero():
		err = fmt.Errorf("every %v, at %v: give one of the two", cfg.Every, cfg.At)
	case f.Platform == Lambda && cfg.Payload != "" && !json.Valid([]byte(cfg.Payload)):
		err = errors.New("the payload is not JSON: on AWS it is the constant input of a rule, which has to be")
	}
	if err != nil {
		return nil, fault.New(fault.Invalid, "fc.Timer", cfg.Name, err)
	}
	ctx, stop := context.WithCancel(c.ctx)
	t := &Timer{TimerConfig: cfg, c: c, f: f, stop: stop}
	if err := c.background(func() { t.run(ctx) }); err != nil {
		stop()
		return nil, err
	}
	return t, nil
}

// Stop ends the timer. A call that it made goes on.
func (t *Timer) Stop() { t.stop() }

func (t *Timer) run(ctx context.Context) {
	if !t.At.IsZero() {
		if pause(ctx, time.Until(t.At)) {
			_, _ = t.Fire() // fails only when the cloud is closed
		}
		return
	}
	if t.Every == 0 {
		return
	}
	tick := time.NewTicker(t.Every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			_, _ = t.Fire()
		case <-ctx.Done():
			return
		}
	}
}

// Fire makes the timer tick now and returns the request's id.
func (t *Timer) Fire() (id string, err error) {
	return t.c.Async(t.Function, t.event(time.Now()))
}

// event is a tick's: of a timer trigger (fc-runtime-go-sdk,
// events/README_TIMER.md), or of a schedule (EventBridge, scheduled events).
func (t *Timer) event(now time.Time) []byte {
	when := now.UTC().Format("2006-01-02T15:04:05Z")
	if t.f.Platform != Lambda {
		return encode(struct {
			Time    string `json:"triggerTime"`
			Name    string `json:"triggerName"`
			Payload string `json:"payload"`
		}{when, t.Name, t.Payload})
	}
	if t.Payload != "" {
		return []byte(t.Payload)
	}
	return encode(map[string]any{
		"version": "0", "id": newID(), "detail-type": "Scheduled Event", "source": "aws.events", "account": t.f.Account, "time": when,
		"region": t.f.Region, "resources": []string{"arn:aws:events:" + t.f.Region + ":" + t.f.Account + ":rule/" + t.Name}, "detail": struct{}{},
	})
}
