// The other side of interop.test.ts: an add service and its caller, made of Go kit's own transports.
//
//	interop serve [burst]                                     serves, prints the addresses of HTTP, JSON-RPC, gRPC, Thrift
//	interop call http|jsonrpc|grpc|thrift ADDR METHOD A B     calls, prints as addcli does
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"

	"github.com/go-kit/kit/endpoint"
	kithttp "github.com/go-kit/kit/transport/http"
	"github.com/go-kit/kit/transport/http/jsonrpc"
)

func main() {
	switch args := os.Args[1:]; {
	case len(args) >= 1 && args[0] == "serve":
		burst := 100
		if len(args) > 1 {
			burst, _ = strconv.Atoi(args[1])
		}
		serve(burst)
	case len(args) == 6 && args[0] == "call":
		out, err := call(args[1], args[2], args[3], args[4], args[5])
		if err != nil {
			fmt.Fprintf(os.Stderr, "error: %v\n", err)
			os.Exit(1)
		}
		fmt.Println(out)
	default:
		os.Exit(2)
	}
}

func serve(burst int) {
	limitedSum, limitedConcat := limited(burst)

	mux := http.NewServeMux()
	failed := kithttp.ServerErrorEncoder(encodeError)
	mux.Handle("/sum", kithttp.NewServer(limitedSum, decodeBody[sumRequest], encodeBody, failed))
	mux.Handle("/concat", kithttp.NewServer(limitedConcat, decodeBody[concatRequest], encodeBody, failed))

	rpc := jsonrpc.NewServer(jsonrpc.EndpointCodecMap{
		"sum":    jsonrpc.EndpointCodec{Endpoint: limitedSum, Decode: decodeParams[sumRequest], Encode: encodeResult},
		"concat": jsonrpc.EndpointCodec{Endpoint: limitedConcat, Decode: decodeParams[concatRequest], Encode: encodeResult},
	})

	fmt.Printf("%s %s %s %s\n", listen(mux), listen(rpc), listenGRPC(limitedSum, limitedConcat), listenThrift(limitedSum, limitedConcat))
	// Ends with whoever started it.
	_, _ = io.Copy(io.Discard, os.Stdin)
}

func listen(handler http.Handler) string {
	listener := listener()
	go func() { panic(http.Serve(listener, handler)) }()
	return listener.Addr().String()
}

func decodeBody[T any](_ context.Context, r *http.Request) (interface{}, error) {
	var request T
	err := json.NewDecoder(r.Body).Decode(&request)
	return request, err
}

func encodeBody(ctx context.Context, w http.ResponseWriter, response interface{}) error {
	if failer, ok := response.(endpoint.Failer); ok && failer.Failed() != nil {
		encodeError(ctx, failer.Failed(), w)
		return nil
	}
	return kithttp.EncodeJSONResponse(ctx, w, response)
}

func encodeError(_ context.Context, err error, w http.ResponseWriter) {
	status := http.StatusInternalServerError
	if err == errTwoZeroes || err == errOverflow || err == errTooLong {
		status = http.StatusBadRequest
	}
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": err.Error()})
}

func decodeParams[T any](_ context.Context, params json.RawMessage) (interface{}, error) {
	var request T
	if err := json.Unmarshal(params, &request); err != nil {
		return nil, &jsonrpc.Error{Code: -32000, Message: "couldn't unmarshal body: " + err.Error()}
	}
	return request, nil
}

// Like Go kit's add service, it never asks the response whether it failed.
func encodeResult(_ context.Context, response interface{}) (json.RawMessage, error) {
	return json.Marshal(response)
}

func call(transport, address, method, a, b string) (string, error) {
	var request interface{} = concatRequest{a, b}
	if method == "sum" {
		x, _ := strconv.Atoi(a)
		y, _ := strconv.Atoi(b)
		request = sumRequest{x, y}
	}
	response, err := ask(transport, address, method, request)
	if err != nil {
		return "", err
	}
	if failer, ok := response.(endpoint.Failer); ok && failer.Failed() != nil {
		return "", failer.Failed()
	}
	if r, ok := response.(sumResponse); ok {
		asked := request.(sumRequest)
		return fmt.Sprintf("%d + %d = %d", asked.A, asked.B, r.V), nil
	}
	return fmt.Sprintf("%q + %q = %q", a, b, response.(concatResponse).V), nil
}

func ask(transport, address, method string, request interface{}) (interface{}, error) {
	switch transport {
	case "grpc":
		return callGRPC(address, request)
	case "thrift":
		return callThrift(address, request)
	}
	base, err := url.Parse("http://" + address)
	if err != nil {
		return nil, err
	}
	if method == "sum" {
		return caller[sumResponse](transport, base, method)(context.Background(), request)
	}
	return caller[concatResponse](transport, base, method)(context.Background(), request)
}

func caller[T any](transport string, base *url.URL, method string) endpoint.Endpoint {
	if transport == "jsonrpc" {
		return jsonrpc.NewClient(base, method, jsonrpc.ClientResponseDecoder(decodeResult[T])).Endpoint()
	}
	target := *base
	target.Path = "/" + method
	return kithttp.NewClient(http.MethodPost, &target, encodeRequest, decodeResponse[T]).Endpoint()
}

func encodeRequest(_ context.Context, r *http.Request, request interface{}) error {
	var body bytes.Buffer
	if err := json.NewEncoder(&body).Encode(request); err != nil {
		return err
	}
	// As addcli has it: http.Request is not told the length, so the body goes out in chunks.
	r.Body = io.NopCloser(&body)
	return nil
}

func decodeResponse[T any](_ context.Context, r *http.Response) (interface{}, error) {
	if r.StatusCode != http.StatusOK {
		return nil, errors.New(r.Status)
	}
	var response T
	err := json.NewDecoder(r.Body).Decode(&response)
	return response, err
}

func decodeResult[T any](_ context.Context, response jsonrpc.Response) (interface{}, error) {
	if response.Error != nil {
		return nil, *response.Error
	}
	var result T
	err := json.Unmarshal(response.Result, &result)
	return result, err
}
