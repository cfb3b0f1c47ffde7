package main

import (
	"context"
	"errors"
	"time"

	"github.com/go-kit/kit/endpoint"
	"github.com/go-kit/kit/ratelimit"
	"golang.org/x/time/rate"
)

// No tags: the fields travel as A and B, which is what makes a peer read keys in any case.
type sumRequest struct{ A, B int }
type concatRequest struct{ A, B string }

type sumResponse struct {
	V   int   `json:"v"`
	Err error `json:"-"`
}

type concatResponse struct {
	V   string `json:"v"`
	Err error  `json:"-"`
}

func (r sumResponse) Failed() error    { return r.Err }
func (r concatResponse) Failed() error { return r.Err }

var (
	errTwoZeroes = errors.New("can't sum two zeroes")
	errOverflow  = errors.New("integer overflow")
	errTooLong   = errors.New("result exceeds maximum size")
)

func sum(_ context.Context, request interface{}) (interface{}, error) {
	r := request.(sumRequest)
	switch {
	case r.A == 0 && r.B == 0:
		return sumResponse{Err: errTwoZeroes}, nil
	case r.B > 0 && r.A > 1<<31-1-r.B, r.B < 0 && r.A < -1<<31-r.B:
		return sumResponse{Err: errOverflow}, nil
	}
	return sumResponse{V: r.A + r.B}, nil
}

func concat(_ context.Context, request interface{}) (interface{}, error) {
	r := request.(concatRequest)
	if len(r.A)+len(r.B) > 10 {
		return concatResponse{Err: errTooLong}, nil
	}
	return concatResponse{V: r.A + r.B}, nil
}

// This many calls of each method, and then one an hour: nobody is so slow.
func limited(burst int) (endpoint.Endpoint, endpoint.Endpoint) {
	limit := func(e endpoint.Endpoint) endpoint.Endpoint {
		return ratelimit.NewErroringLimiter(rate.NewLimiter(rate.Every(time.Hour), burst))(e)
	}
	return limit(sum), limit(concat)
}

// What an error is on wires whose replies have a field for it.
func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// The error that such a field stands for.
func textErr(text string) error {
	if text == "" {
		return nil
	}
	return errors.New(text)
}
