package examples

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/tocsin-dev/tocsin/clients/go/internal/serving"
)

// TestTheReadmeLeadsToANotification does what README.md says under "Five minutes", in a new folder.
func TestTheReadmeLeadsToANotification(t *testing.T) {
	content, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	root, _ := filepath.Abs("../../..")
	part := regexp.MustCompile(`(?s)## Five minutes\n(.*?)\n## `).FindStringSubmatch(string(content))[1]
	snippets := regexp.MustCompile("(?s)```(console|go)\n(.*?)```").FindAllStringSubmatch(part, -1)
	if len(snippets) != 6 {
		t.Fatalf("there are %d snippets", len(snippets))
	}
	prepare, subscribe, send, listen, notify := snippets[1][2], snippets[2][2], snippets[3][2], snippets[4][2], snippets[5][2]

	folder := t.TempDir()
	shell(t, folder, strings.Replace(typed(prepare), "TOCSIN=$HOME/src/tocsin", "TOCSIN="+root, 1))
	project := filepath.Join(folder, "hello")
	for name, program := range map[string]string{"subscribe": subscribe, "send": send} {
		if err := os.WriteFile(filepath.Join(project, name, "main.go"), []byte(program), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if commands := typed(listen) + "; " + typed(notify); commands != "go mod tidy\ngo run ./subscribe; go run ./send" {
		t.Fatalf("the reader types %q", commands)
	}
	shell(t, project, "go mod tidy")
	shell(t, project, "go build -o programs/ ./subscribe ./send") // instead of go run, which does not hand on signals

	server := serving.Start(t)
	listener := start(t, filepath.Join(project, "programs", "subscribe"), project, server.Address)
	if line := listener.line(t); line != "listening" {
		t.Fatalf("got %q", line)
	}
	output(t, filepath.Join(project, "programs", "send"), server.Address)
	if line := listener.line(t); line != "Your order has shipped (1 unread)" || !strings.Contains(listen, line) {
		t.Errorf("got %q", line)
	}
	listener.interrupt(t)
}

// typed returns what a reader types of a snippet.
func typed(snippet string) string {
	var lines []string
	for line := range strings.Lines(snippet) {
		if command, ok := strings.CutPrefix(line, "$ "); ok {
			lines = append(lines, strings.TrimSuffix(command, "\n"))
		}
	}
	return strings.Join(lines, "\n")
}

func shell(t *testing.T, folder, script string) {
	t.Helper()
	command := exec.Command("bash", "-e", "-c", script)
	command.Dir = folder
	if output, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%s\n%v\n%s", script, err, output)
	}
}
