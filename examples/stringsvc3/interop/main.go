// The other side of interop.test.ts: Go kit's string service over HTTP, made of Go kit's own transport, balancer and retry.
//
//	interop serve              upper case and count by itself; prints its URL, serves until its standard input ends
//	interop proxy URL,URL      the same, upper case asked of these in turn, as Go kit's stringsvc3 does
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
		return uppercaseResponse{"", "empty string"}, nil
	}
	return uppercaseResponse{strings.ToUpper(s), ""}, nil
}

func count(_ context.Context, in interface{}) (interface{}, error) {
	return countResponse{len(in.(request).S)}, nil
}

func decodeRequest(_ context.Context, r *http.Request) (interface{}, error) {
	var in request
	err := json.NewDecoder(r.Body).Decode(&in)
	return in, err
}

func decodeResponse(_ context.Context, r *http.Response) (interface{}, error) {
	if r.StatusCode != http.StatusOK {
		return nil, errors.New(r.Status)
	}
	var out uppercaseResponse
	err := json.NewDecoder(r.Body).Decode(&out)
	return out, err
}

// What Go's encoder writes has no content type: net/http finds text in it.
func encodeResponse(_ context.Context, w http.ResponseWriter, out interface{}) error {
	return json.NewEncoder(w).Encode(out)
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

func proxy(instances string) endpoint.Endpoint {
	var all sd.FixedEndpointer
	for _, instance := range strings.Split(instances, ",") {
		u, err := url.Parse(instance + "/uppercase")
		if err != nil {
			panic(err)
		}
		all = append(all, kithttp.NewClient("GET", u, encodeRequest, decodeResponse).Endpoint())
	}
	return lb.Retry(3, 5*time.Second, lb.NewRoundRobin(all))
}

func main() {
	var up endpoint.Endpoint = uppercase
	if len(os.Args) > 2 && os.Args[1] == "proxy" {
		up = proxy(os.Args[2])
	}
	http.Handle("/uppercase", kithttp.NewServer(up, decodeRequest, encodeResponse))
	http.Handle("/count", kithttp.NewServer(count, decodeRequest, encodeResponse))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	go func() { _ = http.Serve(listener, nil) }()
	fmt.Printf("http://%s\n", listener.Addr())
	_, _ = io.Copy(io.Discard, os.Stdin)
}
