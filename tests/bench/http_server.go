// Go's net/http, for counting.py: http_server PORT [NEXT]. With NEXT, each request asks there first, over kept connections.
package main

import (
	"io"
	"net/http"
	"os"
)

func main() {
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if len(os.Args) > 2 {
			response, err := http.Get(os.Args[2])
			if err != nil {
				http.Error(w, err.Error(), http.StatusBadGateway)
				return
			}
			io.Copy(io.Discard, response.Body)
			response.Body.Close()
		}
		io.WriteString(w, "hello world\n")
	})
	panic(http.ListenAndServe("127.0.0.1:"+os.Args[1], nil))
}
