module github.com/tocsin-dev/tocsin/clients/go

go 1.26.0

replace github.com/tocsin-dev/tocsin/generated/go => ../../generated/go

require (
	github.com/tocsin-dev/tocsin/generated/go v0.0.0
	go.uber.org/goleak v1.3.0
	golang.org/x/sync v0.23.0
	google.golang.org/genproto/googleapis/rpc v0.0.0-20261110000943-09e21b237f2c
	google.golang.org/grpc v1.85.0
	google.golang.org/protobuf v1.36.12
)

require (
	golang.org/x/net v0.60.0 // indirect
	golang.org/x/sys v0.48.0 // indirect
	golang.org/x/text v0.42.0 // indirect
)
