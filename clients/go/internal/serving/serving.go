// Package serving runs a real server for tests.
package serving

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// CommandVariable names the program; without it, that of the repository's own environment is used.
const CommandVariable = "TOCSIN_COMMAND"

const patience = 60 * time.Second

var announcement = regexp.MustCompile(`Tocsin serves gRPC on (\S+)`)

// A Server is `tocsin serve` as a process of its own, with a database in a folder of its own.
type Server struct {
	t        testing.TB
	folder   string
	settings []string

	// Address is where it listens: the same after it was started again.
	Address string
	process *exec.Cmd
	errors  *lines
	read    chan struct{}
}

type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(part []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(part)
}

// Start starts a server in development mode, with settings such as "TOCSIN_AUTH_TOKENS=…", until the test ends.
func Start(t testing.TB, settings ...string) *Server {
	t.Helper()
	s := &Server{t: t, folder: t.TempDir(), settings: settings, Address: "127.0.0.1:0"}
	s.Restart()
	t.Cleanup(func() {
		if s.process != nil {
			s.Kill()
		}
	})
	return s
}

// Command returns the program, skips the test if there is none, and fails it instead where CI is set.
func Command(t testing.TB) string {
	t.Helper()
	if command := os.Getenv(CommandVariable); command != "" {
		return command
	}
	_, file, _, _ := runtime.Caller(0)
	command := filepath.Join(filepath.Dir(file), "..", "..", "..", "..", ".venv", "bin", "tocsin")
	if _, err := os.Stat(command); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("there is no server: %v", err)
		}
		t.Skipf("there is no server (%s names one): %v", CommandVariable, err)
	}
	return command
}

// Restart starts the server again, at the address that it had.
func (s *Server) Restart() {
	s.t.Helper()
	s.process = exec.Command(Command(s.t), "serve", "--dev", "--listen", s.Address)
	s.process.Dir = s.folder
	s.process.Env = append(clean(os.Environ()), "TOCSIN_METRICS_LISTEN=off", "PYTHONUNBUFFERED=1")
	s.process.Env = append(s.process.Env, s.settings...)
	s.errors = &lines{}
	s.process.Stderr = s.errors
	output, err := s.process.StdoutPipe()
	if err == nil {
		err = s.process.Start()
	}
	if err != nil {
		s.t.Fatal(err)
	}
	found := make(chan string, 1)
	s.read = make(chan struct{})
	go func() {
		defer close(s.read)
		defer close(found)
		for scanner := bufio.NewScanner(output); scanner.Scan(); {
			if match := announcement.FindStringSubmatch(scanner.Text()); match != nil {
				found <- match[1]
			}
		}
	}()
	select {
	case address := <-found:
		if address == "" {
			s.t.Fatalf("the server ended instead of starting:\n%s", &s.errors.text)
		}
		s.Address = address
	case <-time.After(patience):
		s.t.Fatal("the server does not start")
	}
}

// clean leaves out what is set for another server.
func clean(environment []string) []string {
	var kept []string
	for _, variable := range environment {
		if !strings.HasPrefix(variable, "TOCSIN_") {
			kept = append(kept, variable)
		}
	}
	return kept
}

// Kill ends the server as kill -9 does.
func (s *Server) Kill() { s.end(syscall.SIGKILL) }

// Stop asks the server to stop, and waits until it has.
func (s *Server) Stop() { s.end(syscall.SIGTERM) }

func (s *Server) end(signal syscall.Signal) {
	s.t.Helper()
	if err := s.process.Process.Signal(signal); err != nil {
		s.t.Error(err)
	}
	<-s.read
	_ = s.process.Wait()
	s.process = nil
}
