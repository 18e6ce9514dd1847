package chaos_test

import (
	"net"
	"testing"

	"kodoferry/shared/emulator/chaos"
)

func TestWhatListensEverywhereIsReachedByLoopback(t *testing.T) {
	for at, want := range map[string]string{
		"127.0.0.1:80": "http://127.0.0.1:80", "10.0.0.7:80": "http://10.0.0.7:80", "[2001:db8::1]:80": "http://[2001:db8::1]:80",
		"0.0.0.0:80": "http://127.0.0.1:80", "[::]:80": "http://127.0.0.1:80",
	} {
		addr, err := net.ResolveTCPAddr("tcp", at)
		if err != nil {
			t.Fatal(err)
		}
		if got := chaos.URL(addr); got != want {
			t.Errorf("URL(%s) = %s, want %s", at, got, want)
		}
	}
}
