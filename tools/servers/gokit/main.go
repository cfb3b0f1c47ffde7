// A service of Go kit's between two of ours: takes sum over HTTP, asks the next service for the answer, and tells Zipkin of
// both calls as Go kit's tracing/zipkin does.
//
//	gokit ADDRESS ZIPKIN NEXT
package main

import (
	"context"
	"encoding/json"
	"log"
	"net/http"
	"net/url"
	"os"

	kitzipkin "github.com/go-kit/kit/tracing/zipkin"
	kithttp "github.com/go-kit/kit/transport/http"
	"github.com/openzipkin/zipkin-go"
	reporter "github.com/openzipkin/zipkin-go/reporter/http"
)

func main() {
	tell := reporter.NewReporter(os.Args[2]+"/api/v2/spans", reporter.BatchSize(1))
	local, err := zipkin.NewEndpoint("gokit", os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	tracer, err := zipkin.NewTracer(tell, zipkin.WithLocalEndpoint(local))
	if err != nil {
		log.Fatal(err)
	}
	next, err := url.Parse(os.Args[3])
	if err != nil {
		log.Fatal(err)
	}
	ask := kithttp.NewClient("POST", next, kithttp.EncodeJSONRequest, decode, kitzipkin.HTTPClientTrace(tracer))
	sum := kitzipkin.TraceEndpoint(tracer, "sum")(ask.Endpoint())
	http.Handle("/add/sum", kithttp.NewServer(sum, request, kithttp.EncodeJSONResponse, kitzipkin.HTTPServerTrace(tracer)))
	http.HandleFunc("/health", func(w http.ResponseWriter, r *http.Request) {})
	log.Fatal(http.ListenAndServe(os.Args[1], nil))
}

func request(_ context.Context, r *http.Request) (interface{}, error) {
	var body map[string]int
	err := json.NewDecoder(r.Body).Decode(&body)
	return body, err
}

func decode(_ context.Context, r *http.Response) (interface{}, error) {
	var body map[string]int
	err := json.NewDecoder(r.Body).Decode(&body)
	return body, err
}
