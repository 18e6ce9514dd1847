package remote

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"kodoferry/shared/transport"
)

// Base is the scheme and host of endpoint, which is http(s)://host or host. Plain http must be
// meant (insecure), and is what a host that is named without a scheme is reached by then. Write says what else an endpoint may be.
func Base(endpoint string, insecure bool, write string) (string, error) {
	if !strings.Contains(endpoint, "://") {
		scheme := "https://"
		if insecure {
			scheme = "http://"
		}
		endpoint = scheme + endpoint
	}
	u, err := url.Parse(endpoint)
	switch {
	case err != nil || u.Host == "" || u.User != nil || strings.Trim(u.Path, "/") != "" || u.Scheme != "http" && u.Scheme != "https":
		return "", errors.New("the endpoint is no host: write " + write)
	case u.Scheme == "http" && !insecure:
		return "", fmt.Errorf("the endpoint is plain http (%s): write https, or add insecure=true if you mean it", u.Host)
	}
	return u.Scheme + "://" + u.Host, nil
}

// NewClient returns the way of every queue of a service: they are few hosts, often the same one.
func NewClient() *http.Client {
	return &http.Client{
		// A poll may be silent for half a minute, amid its answer, too; contexts bound
		// all requests besides.
		Transport: transport.New(0, 90*time.Second, 45*time.Second, transport.Rate{}),
		// No queue redirects anybody, and a signature is good for one host.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// ReadAnswer reads a body of at most so many bytes; a longer one is an error.
func ReadAnswer(body io.Reader, most int64) ([]byte, error) {
	answer, err := io.ReadAll(io.LimitReader(body, most+1))
	if err == nil && int64(len(answer)) > most {
		err = fmt.Errorf("an answer of more than %d bytes", most)
	}
	return answer, err
}
