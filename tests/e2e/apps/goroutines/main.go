// net/http on $PORT. POST /WAY/ID {"id": ID} makes calls to $NEXT/ID or $NEXT-K/ID the way that $WAY says,
// and answers {"id": ID}. $KEEP_ALIVE: of its calls. $TLS: a folder with cert.pem and key.pem; then it serves HTTPS, and
// trusts only that certificate. $HTTP2: it asks by HTTP/2 where it can.
package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"
)

var next = os.Getenv("NEXT")
var certificates = os.Getenv("TLS")
var client = &http.Client{Transport: &http.Transport{
	DisableKeepAlives: os.Getenv("KEEP_ALIVE") != "1", MaxIdleConnsPerHost: 256,
	ForceAttemptHTTP2: os.Getenv("HTTP2") == "1", TLSClientConfig: trusted()}}

func trusted() *tls.Config {
	if certificates == "" {
		return nil
	}
	pem, err := os.ReadFile(certificates + "/cert.pem")
	if err != nil {
		panic(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	return &tls.Config{RootCAs: pool}
}

func ask(base, id string) {
	response, err := client.Post(base+"/"+id, "application/json", strings.NewReader(`{"id": "`+id+`"}`))
	if err != nil {
		panic(err)
	}
	io.Copy(io.Discard, response.Body)
	response.Body.Close()
}

// Calls made at the same time, each on a goroutine of its own.
func fan(id string, hops ...string) {
	var group sync.WaitGroup
	for _, hop := range hops {
		group.Add(1)
		go func(hop string) {
			defer group.Done()
			ask(next+hop, id)
		}(hop)
	}
	group.Wait()
}

type job struct {
	id   string
	done chan bool
}

func work(jobs chan job) {
	for one := range jobs {
		ask(next, one.id)
		one.done <- true
	}
}

func workWithTimeout(jobs chan job) {
	for {
		select {
		case one := <-jobs:
			ask(next, one.id)
			one.done <- true
		case <-time.After(time.Minute):
			return
		}
	}
}

type hopJob struct {
	id, hop string
	done    chan bool
}

func workHops(jobs chan hopJob) {
	for one := range jobs {
		ask(next+one.hop, one.id)
		one.done <- true
	}
}

var hops = make(chan hopJob, 512)
var jobs = make(chan job)
var buffered = make(chan job, 64)
var started = make(chan bool, 4)

func lazily(id string, queue chan job, worker func(chan job)) {
	select {
	case started <- true:
		go worker(queue)
	default:
	}
	one := job{id, make(chan bool)}
	queue <- one
	<-one.done
}

var ways = map[string]func(id string){
	"answer": func(string) {},
	"direct": func(id string) { ask(next, id) },
	"twice":  func(id string) { ask(next+"-1", id); ask(next+"-2", id) },
	"child":  func(id string) { fan(id, "") },
	"fan":    func(id string) { fan(id, "-1", "-2", "-3") },
	// The goroutine in the middle makes no call.
	"two_levels": func(id string) {
		done := make(chan bool)
		go func() { fan(id, "-1", "-2"); done <- true }()
		<-done
	},
	"slow_child": func(id string) {
		var group sync.WaitGroup
		group.Add(1)
		go func() { time.Sleep(time.Millisecond); ask(next+"-1", id); ask(next+"-2", id); group.Done() }()
		group.Wait()
	},
	// After the answer.
	"left": func(id string) { go func() { time.Sleep(2 * time.Millisecond); ask(next, id) }() },
	"workers": func(id string) {
		one := job{id, make(chan bool)}
		jobs <- one
		<-one.done
	},
	"lazy_workers":   func(id string) { lazily(id, jobs, work) },
	"lazy_selecting": func(id string) { lazily(id, jobs, workWithTimeout) },
	"lazy_buffered":  func(id string) { lazily(id, buffered, work) },
	// Several jobs of one request, which wait in the queue with those of others.
	"lazy_fan": func(id string) {
		done := make(chan bool)
		for _, hop := range []string{"-1", "-2", "-3"} {
			select {
			case started <- true:
				go workHops(hops)
			default:
			}
			hops <- hopJob{id, hop, done}
		}
		for range "123" {
			<-done
		}
	},
}

func main() {
	way := os.Getenv("WAY")
	if way == "workers" {
		for i := 0; i < 4; i++ {
			go work(jobs)
		}
	}
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		var body struct{ Id string }
		data, _ := io.ReadAll(r.Body)
		if err := json.NewDecoder(bytes.NewReader(data)).Decode(&body); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		ways[way](body.Id)
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"id": %q}`, body.Id)
	})
	listener, err := net.Listen("tcp", "127.0.0.1:"+os.Getenv("PORT"))
	if err != nil {
		panic(err)
	}
	if certificates != "" {
		panic(http.ServeTLS(listener, nil, certificates+"/cert.pem", certificates+"/key.pem"))
	}
	panic(http.Serve(listener, nil))
}
