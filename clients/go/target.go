package tocsin

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"
)

// listScheme is that of our own list of addresses: gRPC for Go has none.
const listScheme = "tocsin"

// foreignSchemes are those of what looks like a target of gRPC's but is none; gRPC would try in vain for ever.
var foreignSchemes = []string{"http", "https", "grpc", "grpcs", "ws", "wss", "tcp", "tls"}

// spread lets calls go to all servers that a list or a name leads to, of which it takes those that answer.
var spread = grpc.WithDefaultServiceConfig(`{"loadBalancingConfig": [{"round_robin": {}}]}`)

// noServers is what gRPC says when a name leads nowhere.
var noServers = []string{"no children to pick from", "name resolver error: produced zero addresses"}

// dialTarget returns the target to be dialled, and what gRPC needs for it.
func dialTarget(target string) (string, []grpc.DialOption, error) {
	if scheme, _, found := strings.Cut(target, "://"); found && slices.Contains(foreignSchemes, strings.ToLower(scheme)) {
		return "", nil, fmt.Errorf("tocsin: target %q: leave out %s://, write host:port as in 127.0.0.1:50051", target, scheme)
	}
	if target == "" || strings.ContainsAny(target, " \t\r\n") {
		return "", nil, fmt.Errorf("tocsin: target %q is no address: write host:port as in 127.0.0.1:50051", target)
	}
	list, isList := addressList(target)
	switch {
	case strings.HasPrefix(target, "dns:"):
		return target, []grpc.DialOption{spread}, nil
	case !isList:
		return target, nil, nil
	}
	var state resolver.State
	for _, address := range list {
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return "", nil, fmt.Errorf("tocsin: target %q: %q is no address: write host:port as in 127.0.0.1:50051", target, address)
		}
		endpoint := resolver.Address{Addr: address, ServerName: host}
		state.Endpoints = append(state.Endpoints, resolver.Endpoint{Addresses: []resolver.Address{endpoint}})
	}
	addresses := manual.NewBuilderWithScheme(listScheme)
	addresses.InitialState(state)
	return listScheme + ":///" + list[0], []grpc.DialOption{grpc.WithResolvers(addresses), spread}, nil
}

// addressList returns the addresses of a list: separated by commas, with or without the scheme ipv4 or ipv6 of gRPC.
func addressList(target string) ([]string, bool) {
	for _, scheme := range []string{"ipv4:", "ipv6:"} {
		if rest, found := strings.CutPrefix(target, scheme); found {
			return strings.Split(strings.TrimLeft(rest, "/"), ","), true
		}
	}
	return strings.Split(target, ","), strings.Contains(target, ",")
}

// isLocal tells whether a target stays on this machine: a Unix socket, or nothing but loopback addresses.
func isLocal(target string) bool {
	scheme, rest, _ := strings.Cut(target, ":")
	switch scheme {
	case "unix", "unix-abstract":
		return true
	case "dns", "passthrough":
		target = rest[strings.LastIndex(rest, "/")+1:]
	}
	list, _ := addressList(target)
	return !slices.ContainsFunc(list, func(address string) bool { return !isLoopback(address) })
}

func isLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		host = strings.Trim(address, "[]")
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}
