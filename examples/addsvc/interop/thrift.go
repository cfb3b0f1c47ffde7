package main

import (
	"context"
	"fmt"

	"github.com/apache/thrift/lib/go/thrift"
	"github.com/go-kit/kit/endpoint"
)

// Go kit leaves Thrift to be bound by hand. Strict binary protocol, neither framed nor buffered, as its add service has it:
// SumReply Sum(1: i64 a, 2: i64 b) and ConcatReply Concat(1: string a, 2: string b), replies of {1: value, 2: string err}.
type processor struct{ sum, concat endpoint.Endpoint }

func (p processor) ProcessorMap() map[string]thrift.TProcessorFunction  { return nil }
func (p processor) AddToProcessorMap(string, thrift.TProcessorFunction) {}
func (p processor) Process(ctx context.Context, in, out thrift.TProtocol) (bool, thrift.TException) {
	name, _, id, err := in.ReadMessageBegin(ctx)
	if err != nil {
		return false, thrift.WrapTException(err)
	}
	fail := func(kind int32, text string) (bool, thrift.TException) {
		exception := thrift.NewTApplicationException(kind, text)
		_ = out.WriteMessageBegin(ctx, name, thrift.EXCEPTION, id)
		_ = exception.Write(ctx, out)
		_ = out.WriteMessageEnd(ctx)
		_ = out.Flush(ctx)
		return true, exception
	}
	if name != "Sum" && name != "Concat" {
		_ = in.Skip(ctx, thrift.STRUCT)
		_ = in.ReadMessageEnd(ctx)
		return fail(thrift.UNKNOWN_METHOD, "Unknown function "+name)
	}
	first, second, err := readPair(ctx, in)
	if err != nil {
		return fail(thrift.PROTOCOL_ERROR, err.Error())
	}
	_ = in.ReadMessageEnd(ctx)
	var value interface{}
	var failed error
	if name == "Sum" {
		a, _ := first.(int64)
		b, _ := second.(int64)
		response, callErr := p.sum(ctx, sumRequest{int(a), int(b)})
		if callErr != nil {
			return fail(thrift.INTERNAL_ERROR, "Internal error processing Sum: "+callErr.Error())
		}
		value, failed = int64(response.(sumResponse).V), response.(sumResponse).Err
	} else {
		a, _ := first.(string)
		b, _ := second.(string)
		response, callErr := p.concat(ctx, concatRequest{a, b})
		if callErr != nil {
			return fail(thrift.INTERNAL_ERROR, "Internal error processing Concat: "+callErr.Error())
		}
		value, failed = response.(concatResponse).V, response.(concatResponse).Err
	}
	_ = out.WriteMessageBegin(ctx, name, thrift.REPLY, id)
	_ = out.WriteStructBegin(ctx, name+"_result")
	_ = out.WriteFieldBegin(ctx, "success", thrift.STRUCT, 0)
	writePair(ctx, out, name+"Reply", value, errText(failed))
	_ = out.WriteFieldEnd(ctx)
	_ = out.WriteFieldStop(ctx)
	_ = out.WriteStructEnd(ctx)
	_ = out.WriteMessageEnd(ctx)
	return true, thrift.WrapTException(out.Flush(ctx))
}

// Reads a struct of two fields, each an i64 or a string; nil for what is not there.
func readPair(ctx context.Context, in thrift.TProtocol) (first, second interface{}, err error) {
	if _, err = in.ReadStructBegin(ctx); err != nil {
		return nil, nil, err
	}
	for {
		_, kind, number, err := in.ReadFieldBegin(ctx)
		if err != nil {
			return nil, nil, err
		}
		if kind == thrift.STOP {
			return first, second, in.ReadStructEnd(ctx)
		}
		var value interface{}
		switch kind {
		case thrift.I64:
			value, err = in.ReadI64(ctx)
		case thrift.STRING:
			value, err = in.ReadString(ctx)
		default:
			err = in.Skip(ctx, kind)
		}
		if err != nil {
			return nil, nil, err
		}
		if number == 1 {
			first = value
		} else if number == 2 {
			second = value
		}
	}
}

func writePair(ctx context.Context, out thrift.TProtocol, name string, values ...interface{}) {
	_ = out.WriteStructBegin(ctx, name)
	for i, value := range values {
		if number, ok := value.(int64); ok {
			_ = out.WriteFieldBegin(ctx, "", thrift.I64, int16(i+1))
			_ = out.WriteI64(ctx, number)
		} else {
			_ = out.WriteFieldBegin(ctx, "", thrift.STRING, int16(i+1))
			_ = out.WriteString(ctx, value.(string))
		}
		_ = out.WriteFieldEnd(ctx)
	}
	_ = out.WriteFieldStop(ctx)
	_ = out.WriteStructEnd(ctx)
}

func listenThrift(sum, concat endpoint.Endpoint) string {
	socket, err := thrift.NewTServerSocket("127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	if err := socket.Listen(); err != nil {
		panic(err)
	}
	factory := thrift.NewTBinaryProtocolFactoryConf(nil)
	server := thrift.NewTSimpleServer4(processor{sum, concat}, socket, thrift.NewTTransportFactory(), factory)
	go func() { panic(server.Serve()) }()
	return socket.Addr().String()
}

func callThrift(address string, request interface{}) (interface{}, error) {
	ctx := context.Background()
	socket := thrift.NewTSocketConf(address, nil)
	if err := socket.Open(); err != nil {
		return nil, err
	}
	defer socket.Close()
	protocol := thrift.NewTBinaryProtocolConf(socket, nil)
	name, values := "Sum", []interface{}{}
	if r, ok := request.(sumRequest); ok {
		values = append(values, int64(r.A), int64(r.B))
	} else {
		r := request.(concatRequest)
		name, values = "Concat", append(values, r.A, r.B)
	}
	_ = protocol.WriteMessageBegin(ctx, name, thrift.CALL, 1)
	writePair(ctx, protocol, name+"_args", values...)
	_ = protocol.WriteMessageEnd(ctx)
	if err := protocol.Flush(ctx); err != nil {
		return nil, err
	}
	_, kind, _, err := protocol.ReadMessageBegin(ctx)
	if err != nil {
		return nil, err
	}
	if kind == thrift.EXCEPTION {
		exception := thrift.NewTApplicationException(thrift.UNKNOWN_APPLICATION_EXCEPTION, "")
		if err := exception.Read(ctx, protocol); err != nil {
			return nil, err
		}
		return nil, exception
	}
	if _, err := protocol.ReadStructBegin(ctx); err != nil {
		return nil, err
	}
	if _, kind, number, err := protocol.ReadFieldBegin(ctx); err != nil || kind != thrift.STRUCT || number != 0 {
		return nil, fmt.Errorf("no success: field %d of type %d, %v", number, kind, err)
	}
	value, text, err := readPair(ctx, protocol)
	if err != nil {
		return nil, err
	}
	failed, _ := text.(string)
	if sum, ok := value.(int64); ok {
		return sumResponse{int(sum), textErr(failed)}, nil
	}
	return concatResponse{value.(string), textErr(failed)}, nil
}
