// Package examples has programs that use the client. The tests run each against a real server.
package examples

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	tocsin "github.com/tocsin-dev/tocsin/clients/go"
	"github.com/tocsin-dev/tocsin/clients/go/internal/serving"
)

var user = tocsin.User.ID("0190a5d0-0000-7000-8000-000000000001")

func build(t *testing.T, name string) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), name)
	if output, err := exec.Command("go", "build", "-o", program, "./"+name).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	return program
}

func command(program, folder, server string) *exec.Cmd {
	started := exec.Command(program)
	started.Dir, started.Env, started.Stderr = folder, append(os.Environ(), "TOCSIN_SERVER="+server), os.Stderr
	return started
}

func output(t *testing.T, program, server string) string {
	t.Helper()
	text, err := command(program, t.TempDir(), server).Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// A running program's lines are read as they come.
type running struct {
	*exec.Cmd
	lines *bufio.Scanner
}

func start(t *testing.T, program, folder, server string) *running {
	t.Helper()
	started := command(program, folder, server)
	pipe, err := started.StdoutPipe()
	if err == nil {
		err = started.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = started.Process.Kill() })
	return &running{started, bufio.NewScanner(pipe)}
}

func (r *running) line(t *testing.T) string {
	t.Helper()
	if !r.lines.Scan() {
		t.Fatal("the program ended")
	}
	return r.lines.Text()
}

func (r *running) interrupt(t *testing.T) {
	t.Helper()
	if err := r.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	for r.lines.Scan() {
	}
	if err := r.Wait(); err != nil {
		t.Fatal(err)
	}
}

func dial(t *testing.T, address string) *tocsin.Client {
	t.Helper()
	client, err := tocsin.New(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func TestThereIsATestOfEveryExample(t *testing.T) {
	found, _ := filepath.Glob("*/main.go")
	want := []string{"bulk/main.go", "decide/main.go", "send/main.go", "subscribe/main.go"}
	if !slices.Equal(found, want) {
		t.Errorf("got %v", found)
	}
}

func TestSendIsToldOfARepetition(t *testing.T) {
	program, server := build(t, "send"), serving.Start(t)
	first := output(t, program, server.Address)
	if !regexp.MustCompile(`^[0-9a-f-]{36} is stored\n$`).MatchString(first) {
		t.Errorf("got %q", first)
	}
	if again := output(t, program, server.Address); again != strings.Replace(first, "is stored", "was stored before", 1) {
		t.Errorf("got %q", again)
	}
}

func TestSubscribeGoesOnWhereItStopped(t *testing.T) {
	program, server, folder := build(t, "subscribe"), serving.Start(t), t.TempDir()
	client := dial(t, server.Address)
	for _, title := range []string{"First", "Second", "Third"} {
		send := func() {
			if _, err := client.Send(t.Context(), tocsin.Draft{
				Recipient: user, Title: title, Message: "M", Channels: tocsin.Via(tocsin.WebSocket),
			}); err != nil {
				t.Fatal(err)
			}
		}
		if title == "Second" {
			send() // while nobody listens
		}
		listener := start(t, program, folder, server.Address)
		if line := listener.line(t); line != "listening" {
			t.Fatalf("got %q", line)
		}
		if title != "Second" {
			send()
		}
		if line := listener.line(t); !strings.HasPrefix(line, title+" (") {
			t.Fatalf("got %q, want %s", line, title)
		}
		listener.interrupt(t)
	}
}

func TestBulkStoresAll(t *testing.T) {
	if said := output(t, build(t, "bulk"), serving.Start(t).Address); said != "10000 are stored\n" {
		t.Errorf("got %q", said)
	}
}

func TestDecideDecidesWhatWasDeferred(t *testing.T) {
	program, server := build(t, "decide"), serving.Start(t)
	decider := start(t, program, t.TempDir(), server.Address)
	client := dial(t, server.Address)
	sent, err := client.Send(t.Context(), tocsin.Draft{Recipient: user, Title: "Shipped", Message: "M", Deferred: true})
	if err != nil {
		t.Fatal(err)
	}
	if line := decider.line(t); line != "Shipped -> [websocket]" {
		t.Errorf("got %q", line)
	}
	decisions, err := client.Explain(t.Context(), sent.Notification.ID)
	if err != nil || len(decisions) != 1 || decisions[0].Reason != "0 unread" || decisions[0].Decider != "decide 1" {
		t.Errorf("got %+v, %v", decisions, err)
	}
	decider.interrupt(t)
}
