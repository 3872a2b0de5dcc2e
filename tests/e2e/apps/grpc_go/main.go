// gRPC in Go, with bytes for messages and any method. What it does is the service's name,
// what is asked for is the method's: /demo.Unary/ID.
//
//	grpcpair server            listens on $PORT; demo.Chain and the others of ways.go ask $NEXT first
//	grpcpair client ADDRESS    see run()
//	grpcpair web               net/http on $PORT, asks $NEXT
//	grpcpair h2c               net/http on $PORT, by prior knowledge and by upgrade
//
// By TLS where $TLS names a directory of cert.pem and key.pem. $CONNECTIONS: to whom it asks, 1; $WORKERS: of a server,
// which else starts a goroutine for each stream.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/h2c"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
)

type raw struct{}

func (raw) Marshal(v any) ([]byte, error)      { return *v.(*[]byte), nil }
func (raw) Unmarshal(data []byte, v any) error { *v.(*[]byte) = append([]byte{}, data...); return nil }
func (raw) Name() string                       { return "raw" }

var message = []byte("hello")

func check(err error) {
	if err != nil {
		panic(err)
	}
}

// Of one end.
func transport(server bool) credentials.TransportCredentials {
	directory := os.Getenv("TLS")
	if directory == "" {
		return insecure.NewCredentials()
	}
	var found credentials.TransportCredentials
	var err error
	if server {
		found, err = credentials.NewServerTLSFromFile(directory+"/cert.pem", directory+"/key.pem")
	} else {
		found, err = credentials.NewClientTLSFromFile(directory+"/cert.pem", "")
	}
	check(err)
	return found
}

// $CONNECTIONS of them.
func dial(address string) []*grpc.ClientConn {
	conns := make([]*grpc.ClientConn, number("CONNECTIONS", 1))
	for i := range conns {
		var err error
		conns[i], err = grpc.NewClient(address, grpc.WithTransportCredentials(transport(false)),
			grpc.WithDefaultCallOptions(grpc.ForceCodec(raw{})))
		check(err)
	}
	return conns
}

// Everything that came until the client had said all, and how much it was.
func drain(receive func(any) error) (int, error) {
	for count := 0; ; count++ {
		var got []byte
		if err := receive(&got); errors.Is(err, io.EOF) {
			return count, nil
		} else if err != nil {
			return count, err
		}
	}
}

func serve(stream grpc.ServerStream, next *grpc.ClientConn) error {
	path, _ := grpc.MethodFromServerStream(stream)
	service, id, _ := strings.Cut(strings.TrimPrefix(path, "/demo."), "/")
	var got []byte
	switch service {
	case "NotFound":
		return status.Error(codes.NotFound, "no "+id)
	case "Slow":
		<-stream.Context().Done()
		return status.FromContextError(stream.Context().Err()).Err()
	case "Bidi":
		for stream.RecvMsg(&got) == nil {
			check(stream.SendMsg(&got))
		}
		return nil
	}
	if _, err := drain(stream.RecvMsg); err != nil {
		return err
	}
	replies := 1
	if service == "ServerStream" {
		replies = 3
	}
	if way := ways[service]; way != nil && next != nil {
		if err := way(stream.Context(), next, id); err != nil {
			return err
		}
	}
	for i := 0; i < replies; i++ {
		if err := stream.SendMsg(&message); err != nil {
			return err
		}
	}
	return nil
}

func call(ctx context.Context, conn *grpc.ClientConn, service, id string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if service == "Slow" {
		time.AfterFunc(20*time.Millisecond, cancel)
	}
	desc := &grpc.StreamDesc{
		ClientStreams: service == "ClientStream" || service == "Bidi",
		ServerStreams: service == "ServerStream" || service == "Bidi",
	}
	stream, err := conn.NewStream(ctx, desc, "/demo."+service+"/"+id)
	if err != nil {
		return err
	}
	sends := 1
	if desc.ClientStreams {
		sends = 3
	}
	for i := 0; i < sends; i++ {
		if err := stream.SendMsg(&message); err != nil {
			break // the status tells why
		}
	}
	check(stream.CloseSend())
	_, err = drain(stream.RecvMsg)
	return err
}

// Reads lines "PREFIX CALLS CONCURRENCY SERVICE...", makes the calls, over the connections in turn, the services
// in turn, and writes "SERVICE ID STATUS" for each; then an empty line.
func run(address string) {
	conns := dial(address)
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		calls, _ := strconv.Atoi(words[1])
		concurrency, _ := strconv.Atoi(words[2])
		services := words[3:]
		var group sync.WaitGroup
		turn := make(chan struct{}, concurrency)
		results := make([]string, calls)
		for i := range results {
			turn <- struct{}{}
			group.Add(1)
			go func(i int) {
				service, id := services[i%len(services)], fmt.Sprintf("%s-%d", words[0], i)
				err := call(context.Background(), conns[i%len(conns)], service, id)
				results[i] = fmt.Sprintf("%s %s %d", service, id, status.Code(err))
				<-turn
				group.Done()
			}(i)
		}
		group.Wait()
		fmt.Println(strings.Join(append(results, ""), "\n"))
	}
}

var turn atomic.Int64

func inTurn(conns []*grpc.ClientConn) *grpc.ClientConn {
	if len(conns) == 0 {
		return nil
	}
	return conns[int(turn.Add(1))%len(conns)]
}

func number(name string, otherwise int) int {
	if number, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return number
	}
	return otherwise
}

func main() {
	if os.Args[1] == "client" {
		run(os.Args[2])
		return
	}
	listener, err := net.Listen("tcp", "127.0.0.1:"+os.Getenv("PORT"))
	check(err)
	if os.Args[1] == "h2c" {
		handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, "%s by %s", r.URL.Path, r.Proto) })
		check(http.Serve(listener, h2c.NewHandler(handler, &http2.Server{})))
	}
	var nexts []*grpc.ClientConn
	if address := os.Getenv("NEXT"); address != "" {
		nexts = dial(address)
	}
	if os.Args[1] == "web" {
		check(web(listener, nexts))
	}
	handler := func(_ any, stream grpc.ServerStream) error { return serve(stream, inTurn(nexts)) }
	check(grpc.NewServer(grpc.Creds(transport(true)), grpc.ForceServerCodec(raw{}),
		grpc.NumStreamWorkers(uint32(number("WORKERS", 0))), grpc.UnknownServiceHandler(handler)).Serve(listener))
}
