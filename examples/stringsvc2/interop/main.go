// The other side of the interop tests of stringsvc3 and stringsvc4: Go kit's string service, made of Go kit's own transports,
// balancer and retry.
//
//	interop http               serves over HTTP; prints its URL, serves until its standard input ends
//	interop http URL,URL       the same, upper case asked of these in turn, as Go kit's stringsvc3 does
//	interop nats NATS          serves over NATS, prints "ready"
//	interop call NATS METHOD S calls over NATS, prints the reply
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/go-kit/kit/endpoint"
	"github.com/go-kit/kit/sd"
	"github.com/go-kit/kit/sd/lb"
	kithttp "github.com/go-kit/kit/transport/http"
	kitnats "github.com/go-kit/kit/transport/nats"
	"github.com/nats-io/nats.go"
)

// Long enough for a machine that is busy.
const patience = 20 * time.Second

type request struct {
	S string `json:"s"`
}

type uppercaseResponse struct {
	V   string `json:"v"`
	Err string `json:"err,omitempty"`
}

type countResponse struct {
	V int `json:"v"`
}

func uppercase(_ context.Context, in interface{}) (interface{}, error) {
	s := in.(request).S
	if s == "" {
		return uppercaseResponse{"", "empty string"}, nil
	}
	return uppercaseResponse{strings.ToUpper(s), ""}, nil
}

func count(_ context.Context, in interface{}) (interface{}, error) {
	return countResponse{len(in.(request).S)}, nil
}

func main() {
	switch args := os.Args[1:]; {
	case len(args) == 1 && args[0] == "http":
		serveHTTP(uppercase)
	case len(args) == 2 && args[0] == "http":
		serveHTTP(proxy(args[1]))
	case len(args) == 2 && args[0] == "nats":
		serveNATS(connected(args[1]))
	case len(args) == 4 && args[0] == "call":
		callNATS(connected(args[1]), args[2], args[3])
	default:
		os.Exit(2)
	}
}

func serveHTTP(up endpoint.Endpoint) {
	http.Handle("/uppercase", kithttp.NewServer(up, decodeHTTP, encodeHTTP))
	http.Handle("/count", kithttp.NewServer(count, decodeHTTP, encodeHTTP))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	go func() { _ = http.Serve(listener, nil) }()
	fmt.Printf("http://%s\n", listener.Addr())
	_, _ = io.Copy(io.Discard, os.Stdin)
}

func decodeHTTP(_ context.Context, r *http.Request) (interface{}, error) {
	var in request
	err := json.NewDecoder(r.Body).Decode(&in)
	return in, err
}

// What Go's encoder writes has no content type: net/http finds text in it.
func encodeHTTP(_ context.Context, w http.ResponseWriter, out interface{}) error {
	return json.NewEncoder(w).Encode(out)
}

func proxy(instances string) endpoint.Endpoint {
	var all sd.FixedEndpointer
	for _, instance := range strings.Split(instances, ",") {
		u, err := url.Parse(instance + "/uppercase")
		check(err)
		all = append(all, kithttp.NewClient("GET", u, encodeRequest, decodeResponse).Endpoint())
	}
	return lb.Retry(3, patience, lb.NewRoundRobin(all))
}

// GET with a body, as Go kit's stringsvc3 asks.
func encodeRequest(_ context.Context, r *http.Request, in interface{}) error {
	var body bytes.Buffer
	if err := json.NewEncoder(&body).Encode(in); err != nil {
		return err
	}
	r.Body = io.NopCloser(&body)
	return nil
}

func decodeResponse(_ context.Context, r *http.Response) (interface{}, error) {
	if r.StatusCode != http.StatusOK {
		return nil, errors.New(r.Status)
	}
	var out uppercaseResponse
	err := json.NewDecoder(r.Body).Decode(&out)
	return out, err
}

func connected(to string) *nats.Conn {
	connection, err := nats.Connect(to, nats.Timeout(patience))
	check(err)
	return connection
}

func serveNATS(connection *nats.Conn) {
	for method, answer := range map[string]endpoint.Endpoint{"uppercase": uppercase, "count": count} {
		subscriber := kitnats.NewSubscriber(answer, decodeNATS, kitnats.EncodeJSONResponse)
		_, err := connection.QueueSubscribe("stringsvc."+method, "stringsvc", subscriber.ServeMsg(connection))
		check(err)
	}
	check(connection.Flush())
	fmt.Println("ready")
	_, _ = io.Copy(io.Discard, os.Stdin)
}

func decodeNATS(_ context.Context, message *nats.Msg) (interface{}, error) {
	var in request
	err := json.Unmarshal(message.Data, &in)
	return in, err
}

func callNATS(connection *nats.Conn, method, s string) {
	publisher := kitnats.NewPublisher(connection, "stringsvc."+method, kitnats.EncodeJSONRequest,
		func(_ context.Context, message *nats.Msg) (interface{}, error) { return string(message.Data), nil },
		kitnats.PublisherTimeout(patience))
	reply, err := publisher.Endpoint()(context.Background(), request{s})
	check(err)
	fmt.Println(strings.TrimSpace(reply.(string)))
}

func check(err error) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "error: %v\n", err)
		os.Exit(1)
	}
}
