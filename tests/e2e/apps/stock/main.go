// net/http: /stock/ID answers itself, or asks NEXT/ID first.
package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
)

func main() {
	transport := &http.Transport{DisableKeepAlives: os.Getenv("KEEP_ALIVE") != "1", MaxIdleConnsPerHost: 128}
	client := &http.Client{Transport: transport}
	next := os.Getenv("NEXT")

	http.HandleFunc("/stock/", func(w http.ResponseWriter, r *http.Request) {
		id := strings.TrimPrefix(r.URL.Path, "/stock/")
		body, _ := io.ReadAll(r.Body)
		answer := []byte("null")
		if next != "" {
			response, err := client.Post(next+"/"+id, "application/json", strings.NewReader(string(body)))
			if err != nil {
				http.Error(w, err.Error(), http.StatusBadGateway)
				return
			}
			answer, _ = io.ReadAll(response.Body)
			response.Body.Close()
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"id": %q, "via": "stock", "next": %s}`, id, answer)
	})
	if err := http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), nil); err != nil {
		panic(err)
	}
}
