// Go kit's own whole stack around the same sum: JSON over HTTP, a log line, request count and duration, a limiter, a breaker,
// a deadline. Tracing is left out: that favours Go kit.
package main

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"time"

	"github.com/go-kit/kit/circuitbreaker"
	"github.com/go-kit/kit/endpoint"
	kitprometheus "github.com/go-kit/kit/metrics/prometheus"
	"github.com/go-kit/kit/ratelimit"
	httptransport "github.com/go-kit/kit/transport/http"
	"github.com/go-kit/log"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/sony/gobreaker"
	"golang.org/x/time/rate"
)

type sumRequest struct {
	A int `json:"a"`
	B int `json:"b"`
}

type sumResponse struct {
	V int `json:"v"`
}

func main() {
	nowhere, err := os.OpenFile("/dev/null", os.O_WRONLY, 0)
	if err != nil {
		panic(err)
	}
	logger := log.With(log.NewJSONLogger(log.NewSyncWriter(nowhere)), "ts", log.DefaultTimestampUTC)
	count := kitprometheus.NewCounterFrom(prometheus.CounterOpts{Name: "requests_total", Help: "Requests."}, []string{"method", "success"})
	took := kitprometheus.NewHistogramFrom(prometheus.HistogramOpts{Name: "request_seconds", Help: "Durations."}, []string{"method", "success"})

	sum := func(_ context.Context, request any) (any, error) {
		r := request.(sumRequest)
		return sumResponse{V: r.A + r.B}, nil
	}
	stack := endpoint.Chain(
		observing(logger, count, took),
		deadline(3*time.Second),
		circuitbreaker.Gobreaker(gobreaker.NewCircuitBreaker(gobreaker.Settings{Name: "sum"})),
		ratelimit.NewErroringLimiter(rate.NewLimiter(rate.Limit(1e6), 1e6)),
	)
	handler := httptransport.NewServer(stack(sum), decode, httptransport.EncodeJSONResponse)
	http.Handle("/sum", handler)
	panic(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), nil))
}

func decode(_ context.Context, r *http.Request) (any, error) {
	var request sumRequest
	err := json.NewDecoder(r.Body).Decode(&request)
	return request, err
}

func deadline(limit time.Duration) endpoint.Middleware {
	return func(next endpoint.Endpoint) endpoint.Endpoint {
		return func(ctx context.Context, request any) (any, error) {
			ctx, cancel := context.WithTimeout(ctx, limit)
			defer cancel()
			return next(ctx, request)
		}
	}
}

func observing(logger log.Logger, count *kitprometheus.Counter, took *kitprometheus.Histogram) endpoint.Middleware {
	return func(next endpoint.Endpoint) endpoint.Endpoint {
		return func(ctx context.Context, request any) (response any, err error) {
			defer func(begin time.Time) {
				success := "true"
				if err != nil {
					success = "false"
				}
				count.With("method", "sum", "success", success).Add(1)
				took.With("method", "sum", "success", success).Observe(time.Since(begin).Seconds())
				_ = logger.Log("method", "sum", "err", err, "took", time.Since(begin))
			}(time.Now())
			return next(ctx, request)
		}
	}
}
