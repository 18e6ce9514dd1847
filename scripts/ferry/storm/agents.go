package storm

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"

	"kodoferry/scripts/ferry/standins"
)

// Of an agent in a storm.
const (
	agentKeys  = 6 * time.Second // its keys last, about, in a storm that is long enough
	heldFor    = 5 * time.Second // a message of a task under way
	agentStale = 2 * time.Second // how long it works on with keys that have expired
)

// agents starts the agents of a storm, each of which is killed and started again, now and
// then for its keys' sake. end stops them.
func (s *storm) agents(ctx context.Context) (end func(), err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("this program cannot find itself: %w", err)
	}
	ctx, stop := context.WithCancel(ctx)
	var all sync.WaitGroup
	for n := range agentCount {
		all.Go(func() {
			dice, keys := s.dice(20+uint64(n)), min(agentKeys, s.options.Length/2)
			for life := 0; ctx.Err() == nil; life++ {
				lives, killed := keys/2+time.Duration(dice.Int64N(int64(keys))), (life+n+dice.IntN(2)*life)%2 == 0
				if err := s.agent(ctx, self, fmt.Sprintf("agent-%d", n+1), lives, killed); err != nil {
					s.found("an agent does not start: %v", err)
					return
				}
			}
		})
	}
	return func() { stop(); all.Wait() }, nil
}

// agent runs one until it is killed, or its keys expire and it is asked to end, at the time
// drawn; in the calm to the end of ctx.
func (s *storm) agent(ctx context.Context, self, name string, lives time.Duration, killed bool) error {
	id := fmt.Sprintf("STS.agent%d", s.keys.Add(1))
	last := standins.KeysLast
	if !killed && !s.calm.Load() {
		last = lives
		lives += agentStale
	}
	token := s.clouds.Issue(id, last)
	cmd := exec.Command(self, "agent", "--drain", "1s", "--hold", heldFor.String(), "--sweep", (sweepEvery / 6).String(), "--until-eof")
	cmd.Stdout, cmd.Stderr = s.log.of(name), s.log.of(name)
	cmd.Env = s.agentEnv(id, token)
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	over := make(chan struct{})
	go func() {
		_ = cmd.Wait() // how it ends does not matter
		close(over)
	}()
	stopped := func(kill bool) {
		if kill {
			s.faults.kills.Add(1)
			s.log.note("%s is killed", name)
			_ = cmd.Process.Kill() // it may have ended by itself
		}
		_ = in.Close()
		<-over
	}
	for began := time.Now(); ; {
		select {
		case <-over:
			s.log.note("%s ended by itself: %v", name, cmd.ProcessState)
			_ = in.Close()
			select { // what a supervisor waits before it starts it again
			case <-time.After(100 * time.Millisecond):
			case <-ctx.Done():
			}
			return nil
		case <-ctx.Done():
			stopped(false)
			return nil
		case <-time.After(50 * time.Millisecond):
		}
		calm := s.calm.Load()
		if time.Since(began) >= lives && (!calm || last != standins.KeysLast) {
			stopped(killed && !calm)
			return nil
		}
	}
}

// agentEnv is this process's environment with what the storm sets, and keys that signs by id.
func (s *storm) agentEnv(id, token string) []string {
	env := slices.DeleteFunc(os.Environ(), func(v string) bool {
		for _, prefix := range []string{"QINIU_", "AWS_", "ALIBABA_CLOUD_", "FERRY_"} {
			if strings.HasPrefix(v, prefix) {
				return true
			}
		}
		return false
	})
	set := s.env()
	set["ALIBABA_CLOUD_ACCESS_KEY_ID"], set["ALIBABA_CLOUD_ACCESS_KEY_SECRET"], set["ALIBABA_CLOUD_SECURITY_TOKEN"] = id, standins.SecretKey, token
	for _, name := range slices.Sorted(maps.Keys(set)) {
		env = append(env, name+"="+set[name])
	}
	return env
}
