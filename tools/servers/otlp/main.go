// The OpenTelemetry Collector's own data model as a judge: takes OTLP over HTTP, decodes it as the Collector's receiver
// does, and gives back on GET /seen/traces, /seen/metrics and /seen/logs what it understood, one request a line.
package main

import (
	"compress/gzip"
	"io"
	"log"
	"net/http"
	"os"
	"strings"
	"sync"

	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
)

type request interface {
	UnmarshalProto([]byte) error
	UnmarshalJSON([]byte) error
	MarshalJSON() ([]byte, error)
}

var (
	mutex sync.Mutex
	seen  = map[string][]string{}
)

func main() {
	accept("traces", func() request { return ptraceotlp.NewExportRequest() })
	accept("metrics", func() request { return pmetricotlp.NewExportRequest() })
	accept("logs", func() request { return plogotlp.NewExportRequest() })
	http.HandleFunc("/health", func(w http.ResponseWriter, r *http.Request) {})
	log.Fatal(http.ListenAndServe(os.Args[1], nil))
}

func accept(signal string, make func() request) {
	http.HandleFunc("/v1/"+signal, func(w http.ResponseWriter, r *http.Request) {
		body := io.Reader(r.Body)
		if r.Header.Get("Content-Encoding") == "gzip" {
			unpacked, err := gzip.NewReader(r.Body)
			if err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			body = unpacked
		}
		data, err := io.ReadAll(body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		decoded := make()
		switch contentType := r.Header.Get("Content-Type"); contentType {
		case "application/x-protobuf":
			err = decoded.UnmarshalProto(data)
		case "application/json":
			err = decoded.UnmarshalJSON(data)
		default:
			http.Error(w, contentType, http.StatusUnsupportedMediaType)
			return
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		understood, err := decoded.MarshalJSON()
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		mutex.Lock()
		defer mutex.Unlock()
		seen[signal] = append(seen[signal], string(understood))
		w.Header().Set("Content-Type", r.Header.Get("Content-Type"))
	})
	http.HandleFunc("/seen/"+signal, func(w http.ResponseWriter, r *http.Request) {
		mutex.Lock()
		defer mutex.Unlock()
		io.WriteString(w, strings.Join(seen[signal], "\n"))
	})
}
