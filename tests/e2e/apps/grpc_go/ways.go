// How a handler asks the next one.
package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
)

type job struct {
	id   string
	done chan error
}

var client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 256}}
var jobs = make(chan job, 64)
var workers = make(chan bool, 4)

func work(next *grpc.ClientConn) {
	for one := range jobs {
		one.done <- call(context.Background(), next, "Unary", one.id)
	}
}

// By the first service of each name: "Chain" and so on.
var ways = map[string]func(ctx context.Context, next *grpc.ClientConn, id string) error{
	"Chain": func(ctx context.Context, next *grpc.ClientConn, id string) error { return call(ctx, next, "Unary", id) },
	"Twice": func(ctx context.Context, next *grpc.ClientConn, id string) error {
		check(call(ctx, next, "Unary", id+"-1"))
		return call(ctx, next, "Unary", id+"-2")
	},
	"Fan": func(ctx context.Context, next *grpc.ClientConn, id string) error {
		var group sync.WaitGroup
		for _, suffix := range []string{"-1", "-2", "-3"} {
			group.Add(1)
			go func(id string) { check(call(ctx, next, "Unary", id)); group.Done() }(id + suffix)
		}
		group.Wait()
		return nil
	},
	// By net/http, to $WEB/ID.
	"Web": func(_ context.Context, _ *grpc.ClientConn, id string) error {
		response, err := client.Post(os.Getenv("WEB")+"/"+id, "application/json", strings.NewReader(`{"id": "`+id+`"}`))
		if err == nil {
			io.Copy(io.Discard, response.Body)
			response.Body.Close()
		}
		return err
	},
	// After the answer, when others are open.
	"Left": func(_ context.Context, next *grpc.ClientConn, id string) error {
		go func() { time.Sleep(2 * time.Millisecond); check(call(context.Background(), next, "Unary", id)) }()
		return nil
	},
	// By workers that the first requests have started.
	"Queue": func(_ context.Context, next *grpc.ClientConn, id string) error {
		select {
		case workers <- true:
			go work(next)
		default:
		}
		one := job{id, make(chan error)}
		jobs <- one
		return <-one.done
	},
}

// POST /WAY/ID by HTTP, which is answered {"id": ID}.
func web(listener net.Listener, nexts []*grpc.ClientConn) error {
	return http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		way, id, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		io.Copy(io.Discard, r.Body)
		check(ways[way](r.Context(), inTurn(nexts), id))
		fmt.Fprintf(w, `{"id": %q}`, id)
	}))
}
