package transport

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

// secureDialer makes connections of TLS.
type secureDialer struct {
	*dialer
	cfg  *tls.Config
	time time.Duration // for a handshake, or for a proxy to answer
}

// tunnels reports whether a proxy is one that is asked for a tunnel by CONNECT.
func tunnels(by *url.URL) bool { return by.Scheme == "http" || by.Scheme == "https" }

// shake makes a connection to addr secure. It closes c where that fails.
func (d *secureDialer) shake(ctx context.Context, c net.Conn, addr string) (net.Conn, error) {
	cfg := d.cfg.Clone()
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	cfg.ServerName = cmp.Or(cfg.ServerName, host)
	ctx, cancel := context.WithTimeout(ctx, d.time)
	defer cancel()
	secure := tls.Client(c, cfg)
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = c.Close()
		return nil, err
	}
	return secure, nil
}

// tunnel is a connection to addr through a proxy (RFC 9110, section 9.3.6).
func (d *secureDialer) tunnel(ctx context.Context, by *url.URL, addr string) (net.Conn, error) {
	at := by.Host
	if by.Port() == "" {
		at = net.JoinHostPort(by.Hostname(), map[string]string{"http": "80", "https": "443"}[by.Scheme])
	}
	c, err := d.DialContext(ctx, "tcp", at)
	if err == nil && by.Scheme == "https" {
		c, err = d.shake(ctx, c, at)
	}
	if err != nil {
		return nil, fmt.Errorf("the proxy %s: %w", by.Host, err)
	}
	stop := context.AfterFunc(ctx, func() { _ = c.Close() })
	defer stop()
	if err := d.connect(c, by, addr); err != nil {
		_ = c.Close()
		return nil, fmt.Errorf("the proxy %s: %w", by.Host, err)
	}
	return c, c.SetDeadline(time.Time{})
}

// connect asks for a tunnel to addr. Byte by byte, for what follows the answer's
// head is the tunnel's.
func (d *secureDialer) connect(c net.Conn, by *url.URL, addr string) error {
	if err := c.SetDeadline(time.Now().Add(d.time)); err != nil {
		return err
	}
	ask := "CONNECT " + addr + " HTTP/1.1\r\nHost: " + addr + "\r\n"
	if u := by.User; u != nil {
		password, _ := u.Password()
		ask += "Proxy-Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(u.Username()+":"+password)) + "\r\n"
	}
	if _, err := io.WriteString(c, ask+"\r\n"); err != nil {
		return err
	}
	var said []byte
	for one := make([]byte, 1); headEnd(said) < 0; said = append(said, one[0]) {
		if _, err := io.ReadFull(c, one); err != nil {
			return err
		}
		if len(said) > maxHead {
			return fmt.Errorf("an answer of more than %d bytes", maxHead)
		}
	}
	resp, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(said)), &http.Request{Method: http.MethodConnect})
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("it answers %d %s", resp.StatusCode, http.StatusText(resp.StatusCode)) // not in its own words
	}
	return nil
}
