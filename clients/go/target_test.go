package tocsin_test

import (
	"context"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	tocsin "github.com/tocsin-dev/tocsin/clients/go"
	v1 "github.com/tocsin-dev/tocsin/generated/go/tocsin/v1"
)

func TestATargetIsLocalIfItCannotLeaveThisMachine(t *testing.T) {
	for target, local := range map[string]bool{
		"127.0.0.1:50051":                     true,
		"localhost:50051":                     true,
		"[::1]:50051":                         true,
		"unix:/run/tocsin.sock":               true,
		"dns:///localhost:50051":              true,
		"dns://192.0.2.1/localhost:50051":     true,
		"passthrough:///127.0.0.1:50051":      true,
		"ipv4:127.0.0.1:50051":                true,
		"127.0.0.1:50051,127.0.0.2:50051":     true,
		"127.0.0.1:50051,192.0.2.7:50051":     false,
		"ipv4:127.0.0.1:50051,192.0.2.7:5005": false,
		"tocsin.internal:50051":               false,
		"dns:///tocsin.internal:50051":        false,
		"localhost.example.org:50051":         false,
		"192.0.2.7:50051":                     false,
	} {
		if tocsin.IsLocal(target) != local {
			t.Errorf("%s: want %v", target, local)
		}
	}
}

func TestATokenIsRefusedAWayToAnotherMachineInTheClear(t *testing.T) {
	if _, err := tocsin.New("tocsin.internal:50051", tocsin.WithToken("secret")); err == nil || !strings.Contains(err.Error(), "use WithTLS") || strings.Contains(err.Error(), "secret") {
		t.Errorf("got %v", err)
	}
	client, err := tocsin.New("tocsin.internal:50051", tocsin.WithToken("secret"), tocsin.WithTLS(nil))
	if err != nil {
		t.Fatal(err)
	}
	_ = client.Close()
}

func TestWhatIsNoTargetIsRefused(t *testing.T) {
	for target, sentence := range map[string]string{
		"http://127.0.0.1:50051":    "leave out http://",
		"":                          "is no address",
		"127.0.0.1:50051 ":          "is no address",
		"127.0.0.1:50051,127.0.0.1": `"127.0.0.1" is no address`,
	} {
		if _, err := tocsin.New(target); err == nil || !strings.Contains(err.Error(), sentence) {
			t.Errorf("%q: got %v", target, err)
		}
	}
}

func TestTimesThatAreNoneAreRefused(t *testing.T) {
	for sentence, option := range map[string]tocsin.Option{
		"WithTimeout: 0s": tocsin.WithTimeout(0), "WithSilence: -1s": tocsin.WithSilence(-time.Second),
	} {
		if _, err := tocsin.New("127.0.0.1:50051", option); err == nil || !strings.Contains(err.Error(), sentence) {
			t.Errorf("got %v, want %s", err, sentence)
		}
	}
}

func TestOfSeveralServersThoseAreUsedThatAnswer(t *testing.T) {
	serve := func(name string) *fake {
		return (&fake{unary: func(context.Context, string, any) (any, error) {
			return &v1.GetResponse{Notification: &v1.Notification{Id: name}}, nil
		}}).start(t)
	}
	first, second := serve("first"), serve("second")
	for _, target := range []string{first.address + "," + second.address, "ipv4:" + first.address + "," + second.address} {
		client := dial(t, target)
		seen := map[string]bool{}
		for len(seen) < 2 { // both, as soon as both are connected
			got, err := client.Get(t.Context(), "n")
			if err != nil {
				t.Fatal(err)
			}
			seen[got.ID] = true
		}
	}
	client := dial(t, first.address+","+second.address)
	first.stop()
	for range 20 {
		if got, err := client.Get(t.Context(), "n"); err != nil || got.ID != "second" {
			t.Fatalf("got %v, %v", got, err)
		}
	}
}

func TestANameThatDoesNotExistIsToldAsThat(t *testing.T) {
	for _, target := range []string{"nowhere.invalid:50051", "dns:///nowhere.invalid:50051"} {
		_, err := dial(t, target, shortly).Get(t.Context(), "n")
		if failed := errorIn(t, err); failed.Code != codes.Unavailable || !strings.Contains(failed.Message, target+" leads to no address") {
			t.Errorf("%s: got %v", target, err)
		}
	}
}

func TestAUnixSocketIsATarget(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tocsin.sock")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	server := &fake{unary: func(context.Context, string, any) (any, error) { return &v1.GetResponse{}, nil }}
	server.serveOn(listener)
	t.Cleanup(server.stop)
	if _, err := dial(t, "unix:"+path, tocsin.WithToken("t")).Get(t.Context(), "n"); err != nil {
		t.Error(err)
	}
}

func TestANameOfSeveralServersIsLookedUp(t *testing.T) {
	server, _ := answers(t, nil)
	if _, err := dial(t, "dns:///"+localhost(server.address)).Get(t.Context(), "n"); err != nil {
		t.Error(err)
	}
}
