// Command custom is a function of a custom runtime: an HTTP server, by the standard library.
package main

import (
	"io"
	"log"
	"net/http"
	"os"

	"kodoferry/shared/emulator/fc/testdata/behave"
)

func main() {
	log.Fatal(http.ListenAndServe(os.Args[2], http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.Header.Get("X-Fc-Control-Path") == "/http-invoke" {
			w.Header().Set("X-Saw", r.Method+" "+r.URL.RequestURI()+" "+r.Host)
			w.WriteHeader(http.StatusTeapot)
			_, _ = w.Write(body)
			return
		}
		answer, err := behave.Do(r.Context(), body, func(report *behave.Report) {
			report.Keys = [3]string{r.Header.Get("X-Fc-Access-Key-Id"), r.Header.Get("X-Fc-Access-Key-Secret"), r.Header.Get("X-Fc-Security-Token")}
			report.RequestID = r.Header.Get("X-Fc-Request-Id")
		})
		if err != nil {
			w.Header().Set("X-Fc-Status", "404")
			w.WriteHeader(http.StatusNotFound)
			_, _ = w.Write([]byte(`{"errorMessage":"` + err.Error() + `","errorType":"boom"}`))
			return
		}
		w.Header().Set("X-Fc-Status", "200")
		_, _ = w.Write(answer)
	})))
}
