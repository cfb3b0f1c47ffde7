// The other side of interop.test.ts: Go kit's string service over NATS and its caller, made of Go kit's own transport.
//
//	interop serve NATS            serves until its standard input ends, prints "ready"
//	interop call NATS METHOD S    calls, prints the reply
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	kitnats "github.com/go-kit/kit/transport/nats"
	"github.com/nats-io/nats.go"
)

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
		return uppercaseResponse{"", errors.New("empty string").Error()}, nil
	}
	return uppercaseResponse{strings.ToUpper(s), ""}, nil
}

func count(_ context.Context, in interface{}) (interface{}, error) {
	return countResponse{len(in.(request).S)}, nil
}

func decodeRequest(_ context.Context, message *nats.Msg) (interface{}, error) {
	var r request
	err := json.Unmarshal(message.Data, &r)
	return r, err
}

func main() {
	args := os.Args[1:]
	if len(args) < 2 {
		os.Exit(2)
	}
	connection, err := nats.Connect(args[1])
	if err != nil {
		fmt.Fprintf(os.Stderr, "error: %v\n", err)
		os.Exit(1)
	}
	defer connection.Close()
	if args[0] == "serve" {
		serve(connection)
		return
	}
	publisher := kitnats.NewPublisher(connection, "stringsvc."+args[2], kitnats.EncodeJSONRequest,
		func(_ context.Context, message *nats.Msg) (interface{}, error) { return string(message.Data), nil },
		kitnats.PublisherTimeout(5*time.Second))
	reply, err := publisher.Endpoint()(context.Background(), request{args[3]})
	if err != nil {
		fmt.Fprintf(os.Stderr, "error: %v\n", err)
		os.Exit(1)
	}
	fmt.Println(strings.TrimSpace(reply.(string)))
}

func serve(connection *nats.Conn) {
	up := kitnats.NewSubscriber(uppercase, decodeRequest, kitnats.EncodeJSONResponse)
	counted := kitnats.NewSubscriber(count, decodeRequest, kitnats.EncodeJSONResponse)
	for subject, subscriber := range map[string]*kitnats.Subscriber{"stringsvc.uppercase": up, "stringsvc.count": counted} {
		if _, err := connection.QueueSubscribe(subject, "stringsvc", subscriber.ServeMsg(connection)); err != nil {
			panic(err)
		}
	}
	_ = connection.Flush()
	fmt.Println("ready")
	_, _ = io.Copy(io.Discard, os.Stdin)
}
