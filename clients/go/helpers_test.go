package tocsin_test

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// unsetFields returns the names of a message's own fields that are not set.
func unsetFields(message protoreflect.Message) []string {
	var unset []string
	fields := message.Descriptor().Fields()
	for i := range fields.Len() {
		if field := fields.Get(i); !message.Has(field) {
			unset = append(unset, string(field.Name()))
		}
	}
	return unset
}

func methodsOf(service grpc.ServiceDesc) []string {
	var names []string
	for _, method := range service.Methods {
		names = append(names, method.MethodName)
	}
	return names
}

// peerName returns the name in the certificate that a caller has shown, empty for none.
func peerName(ctx context.Context) string {
	from, _ := peer.FromContext(ctx)
	if info, ok := from.AuthInfo.(credentials.TLSInfo); ok && len(info.State.PeerCertificates) > 0 {
		return info.State.PeerCertificates[0].Subject.CommonName
	}
	return ""
}
