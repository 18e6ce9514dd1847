package oss

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
)

// endpoint is where requests go and how the address names the bucket.
type endpoint struct {
	url       string // scheme://host[:port], what the SDK takes
	host      string // host[:port], for messages
	pathStyle bool   // https://host/bucket/key
	cname     bool   // https://host/key; neither: https://bucket.host/key
}

// locate turns cfg's Endpoint, PathStyle and Insecure into an endpoint. The
// names of hosts are those of OSS's page on regions and endpoints.
func locate(cfg Config) (endpoint, error) {
	raw := strings.TrimSpace(cfg.Endpoint)
	switch raw {
	case "", "public":
		raw = "oss-" + cfg.Region + ".aliyuncs.com"
	case "internal":
		raw = "oss-" + cfg.Region + "-internal.aliyuncs.com"
	case "accelerate":
		raw = "oss-accelerate.aliyuncs.com"
	}
	if !strings.Contains(raw, "://") {
		raw = unnamedScheme(raw, cfg.Insecure) + raw
	}
	u, err := url.Parse(raw)
	if err != nil || u.Hostname() == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		// The text itself is not repeated: it may hold a password.
		return endpoint{}, errors.New("endpoint: want public, internal, accelerate, a host[:port] or https://host[:port], and nothing more")
	}
	host := strings.ToLower(u.Hostname())
	switch {
	case u.Scheme == "http" && !cfg.Insecure:
		return endpoint{}, fmt.Errorf("endpoint %s is not encrypted: write https://%s, or allow it with insecure: true", raw, u.Host)
	case u.Scheme != "http" && u.Scheme != "https":
		return endpoint{}, fmt.Errorf("endpoint %s: want https", raw)
	case official(host) && strings.HasPrefix(host, cfg.Bucket+".") && cfg.Bucket != "":
		return endpoint{}, fmt.Errorf("endpoint %s names the bucket, which is put before it anyway: write %s", u.Host, strings.TrimPrefix(host, cfg.Bucket+"."))
	}
	e := endpoint{url: u.Scheme + "://" + u.Host, host: u.Host}
	e.pathStyle = cfg.PathStyle || local(host)
	e.cname = !e.pathStyle && !official(host)
	return e, nil
}

// unnamedScheme is that of a host that is named without one: with insecure plain http, unless
// the host is OSS's own.
func unnamedScheme(host string, insecure bool) string {
	name, _, _ := strings.Cut(host, ":")
	if insecure && !official(strings.ToLower(strings.TrimSuffix(name, "/"))) {
		return "http://"
	}
	return "https://"
}

func official(host string) bool { return strings.HasSuffix(host, ".aliyuncs.com") }

func local(host string) bool {
	return net.ParseIP(host) != nil || host == "localhost" || strings.HasSuffix(host, ".localhost")
}
