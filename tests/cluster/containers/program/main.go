// Package main is the one program in the images of the containers: a small server, and the few
// commands that people put into `command` or run by exec to see how a cluster reacts.
//
// It becomes what it is called as, and it fetches, stores and changes nothing outside its container.
package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// commandNotFound is what a shell ends with when it knows no such command.
const commandNotFound = 127

// A command gets its arguments without its own name, and gives its exit code.
type command func(arguments []string) int

var commands map[string]command

func init() {
	commands = map[string]command{
		"app":         serve,
		"cat":         cat,
		"count":       count,
		"echo":        echo,
		"echo-to":     echoTo,
		"env":         environment,
		"exit":        exit,
		"fill":        fill,
		"false":       func([]string) int { return 1 },
		"hog":         func(arguments []string) int { return hog(arguments, true) },
		"hog-briefly": func(arguments []string) int { return hog(arguments, false) },
		"hostname":    hostname,
		"ls":          list,
		"pause":       pause,
		"rm":          remove,
		"sh":          shell,
		"sleep":       sleep,
		"stubborn":    stubborn,
		"touch":       touch,
		"true":        func([]string) int { return 0 },
		"wget":        fetch,
	}
}

func main() {
	if len(os.Args) == 2 && os.Args[1] == "--names" {
		fmt.Println(strings.Join(names(), "\n"))
		return
	}
	os.Exit(run(append([]string{filepath.Base(os.Args[0])}, os.Args[1:]...)))
}

func run(words []string) int {
	chosen, known := commands[filepath.Base(words[0])]
	if !known {
		return complain(commandNotFound, "%s: not found", words[0])
	}
	return chosen(words[1:])
}

func names() []string {
	found := make([]string, 0, len(commands))
	for name := range commands {
		found = append(found, name)
	}
	sort.Strings(found)
	return found
}

func complain(code int, format string, arguments ...any) int {
	fmt.Fprintf(os.Stderr, format+"\n", arguments...)
	return code
}

func cat(paths []string) int {
	if len(paths) == 0 {
		_, _ = io.Copy(os.Stdout, os.Stdin)
		return 0
	}
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			return complain(1, "cat: %v", err)
		}
		_, _ = os.Stdout.Write(content)
	}
	return 0
}

// count prints the numbers from 1 on, one a line, with a pause after each: count NUMBER [PAUSE].
func count(arguments []string) int {
	var pause time.Duration
	number, err := strconv.Atoi(first(arguments))
	if err == nil && len(arguments) > 1 {
		pause, err = time.ParseDuration(arguments[1])
	}
	if err != nil {
		return complain(2, "count: %v", err)
	}
	for line := 1; line <= number; line++ {
		fmt.Println("line", line)
		time.Sleep(pause)
	}
	return 0
}

func echo(words []string) int {
	fmt.Println(strings.Join(words, " "))
	return 0
}

// echoTo writes words into a file: echo-to FILE WORD...
func echoTo(arguments []string) int {
	if len(arguments) < 2 {
		return complain(2, "usage: echo-to FILE WORD...")
	}
	if err := os.WriteFile(arguments[0], []byte(strings.Join(arguments[1:], " ")+"\n"), 0o644); err != nil {
		return complain(1, "echo-to: %v", err)
	}
	return 0
}

func environment([]string) int {
	for _, entry := range os.Environ() {
		fmt.Println(entry)
	}
	return 0
}

func exit(arguments []string) int {
	code, err := strconv.Atoi(first(arguments))
	if err != nil {
		return complain(2, "exit: %v", err)
	}
	return code
}

// fill writes a file of as many MiB: fill FILE NUMBER.
func fill(arguments []string) int {
	size, err := strconv.Atoi(first(arguments[min(1, len(arguments)):]))
	if err == nil {
		err = os.WriteFile(arguments[0], make([]byte, size<<20), 0o644)
	}
	if err != nil {
		return complain(1, "fill: %v", err)
	}
	return 0
}

// hog takes as many MiB of memory as it is told, uses them, and may keep them.
func hog(arguments []string, keep bool) int {
	size, err := strconv.Atoi(first(arguments))
	if err != nil {
		return complain(2, "hog: %v", err)
	}
	taken := make([][]byte, 0, size)
	for range size {
		piece := make([]byte, 1<<20)
		for at := 0; at < len(piece); at += 4096 {
			piece[at] = 1
		}
		taken = append(taken, piece)
	}
	fmt.Println("took", len(taken), "MiB")
	if keep {
		waitFor(syscall.SIGTERM)
	}
	return 0
}

func hostname([]string) int {
	name, err := os.Hostname()
	if err != nil {
		return complain(1, "hostname: %v", err)
	}
	fmt.Println(name)
	return 0
}

func list(paths []string) int {
	if len(paths) == 0 {
		paths = []string{"."}
	}
	for _, path := range paths {
		entries, err := os.ReadDir(path)
		if err != nil {
			return complain(1, "ls: %v", err)
		}
		for _, entry := range entries {
			fmt.Println(entry.Name())
		}
	}
	return 0
}

// pause keeps the namespaces of a pod, as the sandbox's program, and ends when told to.
func pause([]string) int {
	waitFor(syscall.SIGTERM, syscall.SIGINT)
	return 0
}

func remove(paths []string) int {
	for _, path := range paths {
		if err := os.Remove(path); err != nil {
			return complain(1, "rm: %v", err)
		}
	}
	return 0
}

// sleep minds no signal, as any first process of a container that installs no handler.
func sleep(arguments []string) int {
	signal.Ignore(syscall.SIGTERM)
	length := first(arguments)
	if length == "infinity" {
		length = "1e9"
	}
	seconds, err := strconv.ParseFloat(length, 64)
	if err != nil {
		return complain(1, "sleep: %v", err)
	}
	time.Sleep(time.Duration(seconds * float64(time.Second)))
	return 0
}

// stubborn says that it was told to stop, and goes on.
func stubborn([]string) int {
	told := make(chan os.Signal, 1)
	signal.Notify(told, syscall.SIGTERM)
	fmt.Println("ready")
	for range told {
		fmt.Println("told to stop, and going on")
	}
	return 0
}

func touch(paths []string) int {
	for _, path := range paths {
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			return complain(1, "touch: %v", err)
		}
	}
	return 0
}

// fetch prints what a URL answers: wget [-qO-] [-T SECONDS] URL.
func fetch(arguments []string) int {
	client := http.Client{Timeout: 5 * time.Second}
	url := ""
	for at := 0; at < len(arguments); at++ {
		switch word := arguments[at]; {
		case word == "-T" && at+1 < len(arguments):
			at++
			seconds, _ := strconv.ParseFloat(arguments[at], 64)
			client.Timeout = time.Duration(seconds * float64(time.Second))
		case !strings.HasPrefix(word, "-"):
			url = word
		}
	}
	answer, err := client.Get(url)
	if err != nil {
		return complain(1, "wget: %v", err)
	}
	defer answer.Body.Close()
	if answer.StatusCode >= http.StatusBadRequest {
		return complain(1, "wget: server returned error: HTTP/1.1 %s", answer.Status)
	}
	_, _ = io.Copy(os.Stdout, answer.Body)
	return 0
}

func first(arguments []string) string {
	if len(arguments) == 0 {
		return ""
	}
	return arguments[0]
}

func waitFor(signals ...os.Signal) {
	told := make(chan os.Signal, 1)
	signal.Notify(told, signals...)
	<-told
}
