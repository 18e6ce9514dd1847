package chaos

import "net"

// URL is where clients on this machine reach a stand-in: one that listens at all addresses
// (0.0.0.0 or [::], which are none to connect to) at that of the loopback interface.
func URL(at net.Addr) string {
	host, port, err := net.SplitHostPort(at.String())
	if err != nil {
		return "http://" + at.String()
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port)
}
