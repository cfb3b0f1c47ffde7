package main

import (
	"context"
	"fmt"
	"net"
	"reflect"

	"github.com/go-kit/kit/endpoint"
	kitgrpc "github.com/go-kit/kit/transport/grpc"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protowire"
)

// The messages of package pb; the fields of each are numbered as they stand.
type pbSumRequest struct{ A, B int64 }
type pbConcatRequest struct{ A, B string }
type pbSumReply struct {
	V   int64
	Err string
}
type pbConcatReply struct{ V, Err string }

// Writes and reads them by Protocol Buffers' own wire functions.
type pbCodec struct{}

func (pbCodec) Name() string { return "proto" }

func (pbCodec) Marshal(message interface{}) ([]byte, error) {
	var out []byte
	fields := reflect.ValueOf(message).Elem()
	for i := 0; i < fields.NumField(); i++ {
		number := protowire.Number(i + 1)
		switch field := fields.Field(i); {
		case field.IsZero():
		case field.Kind() == reflect.Int64:
			out = protowire.AppendVarint(protowire.AppendTag(out, number, protowire.VarintType), uint64(field.Int()))
		default:
			out = protowire.AppendString(protowire.AppendTag(out, number, protowire.BytesType), field.String())
		}
	}
	return out, nil
}

func (pbCodec) Unmarshal(data []byte, message interface{}) error {
	fields := reflect.ValueOf(message).Elem()
	for len(data) > 0 {
		number, kind, n := protowire.ConsumeTag(data)
		if n < 0 {
			return protowire.ParseError(n)
		}
		data = data[n:]
		switch at := int(number) - 1; {
		case at < fields.NumField() && kind == protowire.VarintType && fields.Field(at).Kind() == reflect.Int64:
			value, m := protowire.ConsumeVarint(data)
			n = m
			fields.Field(at).SetInt(int64(value))
		case at < fields.NumField() && kind == protowire.BytesType && fields.Field(at).Kind() == reflect.String:
			value, m := protowire.ConsumeString(data)
			n = m
			fields.Field(at).SetString(value)
		default:
			return fmt.Errorf("field %d has type %d", number, kind)
		}
		if n < 0 {
			return protowire.ParseError(n)
		}
		data = data[n:]
	}
	return nil
}

func unary[T any](name string, handler kitgrpc.Handler) grpc.MethodDesc {
	return grpc.MethodDesc{MethodName: name, Handler: func(_ interface{}, ctx context.Context, decode func(interface{}) error, _ grpc.UnaryServerInterceptor) (interface{}, error) {
		request := new(T)
		if err := decode(request); err != nil {
			return nil, err
		}
		_, reply, err := handler.ServeGRPC(ctx, request)
		return reply, err
	}}
}

func listenGRPC(sum, concat endpoint.Endpoint) string {
	listener := listener()
	server := grpc.NewServer(grpc.ForceServerCodec(pbCodec{}))
	server.RegisterService(&grpc.ServiceDesc{
		ServiceName: "pb.Add",
		HandlerType: (*interface{})(nil),
		Methods: []grpc.MethodDesc{
			unary[pbSumRequest]("Sum", kitgrpc.NewServer(sum,
				func(_ context.Context, request interface{}) (interface{}, error) {
					r := request.(*pbSumRequest)
					return sumRequest{int(r.A), int(r.B)}, nil
				},
				func(_ context.Context, response interface{}) (interface{}, error) {
					r := response.(sumResponse)
					return &pbSumReply{int64(r.V), errText(r.Err)}, nil
				})),
			unary[pbConcatRequest]("Concat", kitgrpc.NewServer(concat,
				func(_ context.Context, request interface{}) (interface{}, error) {
					r := request.(*pbConcatRequest)
					return concatRequest{r.A, r.B}, nil
				},
				func(_ context.Context, response interface{}) (interface{}, error) {
					r := response.(concatResponse)
					return &pbConcatReply{r.V, errText(r.Err)}, nil
				})),
		},
	}, struct{}{})
	go func() { panic(server.Serve(listener)) }()
	return listener.Addr().String()
}

// A business error comes in the reply, any other is gRPC's.
func callGRPC(address string, request interface{}) (interface{}, error) {
	connection, err := grpc.Dial(address, grpc.WithInsecure(), grpc.WithBlock(), grpc.WithDefaultCallOptions(grpc.ForceCodec(pbCodec{})))
	if err != nil {
		return nil, err
	}
	defer connection.Close()
	caller := kitgrpc.NewClient(connection, "pb.Add", "Concat",
		func(_ context.Context, request interface{}) (interface{}, error) {
			r := request.(concatRequest)
			return &pbConcatRequest{r.A, r.B}, nil
		},
		func(_ context.Context, reply interface{}) (interface{}, error) {
			r := reply.(*pbConcatReply)
			return concatResponse{r.V, textErr(r.Err)}, nil
		}, pbConcatReply{})
	if _, ok := request.(sumRequest); ok {
		caller = kitgrpc.NewClient(connection, "pb.Add", "Sum",
			func(_ context.Context, request interface{}) (interface{}, error) {
				r := request.(sumRequest)
				return &pbSumRequest{int64(r.A), int64(r.B)}, nil
			},
			func(_ context.Context, reply interface{}) (interface{}, error) {
				r := reply.(*pbSumReply)
				return sumResponse{int(r.V), textErr(r.Err)}, nil
			}, pbSumReply{})
	}
	return caller.Endpoint()(context.Background(), request)
}

func listener() net.Listener {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	return listener
}
