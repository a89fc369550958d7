// Package main keeps a private world for the processes of a cluster with containers: process ids,
// mounts, network, host name and cgroups of its own. It starts nothing in there but its own first
// process; others enter by nsenter.
//
// With the end of the first process the kernel ends every other one in there, and so takes away
// the mounts and the network. It ends when nobody holds the other end of the standard input, which
// the kernel sees to also for a parent that was killed.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
)

const (
	insideName = "keeper-inside"
	listener   = 3 // inside, the descriptor of the socket which the relay accepts from
	alone      = 4 // inside, the descriptor that ends once nobody else is where this process began
	worlds     = syscall.CLONE_NEWPID | syscall.CLONE_NEWNS | syscall.CLONE_NEWNET |
		syscall.CLONE_NEWIPC | syscall.CLONE_NEWUTS | syscall.CLONE_NEWCGROUP
)

func init() {
	// The kernel ends the first process with the thread that started it.
	runtime.LockOSThread()
}

func main() {
	keep := outside
	if os.Args[0] == insideName {
		keep = inside
	}
	if err := keep(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// outside joins new cgroups, starts the first process of the new world, and lasts as long as it.
// It leaves two files in the folder: `world`, the process id, and `cgroups`, what to join.
func outside(arguments []string) error {
	if len(arguments) != 3 {
		return errors.New("usage: keeper FOLDER PORT DESCRIPTOR-OF-LISTENING-SOCKET <lifeline")
	}
	folder := arguments[0]
	socket, err := strconv.Atoi(arguments[2])
	if err != nil {
		return err
	}
	base, err := newCgroups(filepath.Base(folder))
	if err != nil {
		return err
	}
	if err := join(base); err != nil {
		return err
	}
	waiting, begin, err := os.Pipe()
	if err != nil {
		return err
	}
	first := exec.Command("/proc/self/exe", arguments...)
	first.Args[0] = insideName
	first.Stdin, first.Stdout, first.Stderr = os.Stdin, os.Stdout, os.Stderr
	first.ExtraFiles = []*os.File{os.NewFile(uintptr(socket), "listener"), waiting}
	first.SysProcAttr = &syscall.SysProcAttr{Cloneflags: worlds, Pdeathsig: syscall.SIGKILL}
	if err := first.Start(); err != nil {
		return fmt.Errorf("no new namespaces: %w", err)
	}
	leaves, err := leavesOf(base)
	if err != nil {
		return err
	}
	if err := join(leaves); err != nil {
		return err
	}
	if err := begin.Close(); err != nil {
		return err
	}
	if err := write(folder, "cgroups", strings.Join(leaves, "\n")); err != nil {
		return err
	}
	if err := write(folder, "world", strconv.Itoa(first.Process.Pid)); err != nil {
		return err
	}
	return first.Wait()
}

// inside is the first process in there: it furnishes the place, and then reaps and relays.
func inside(arguments []string) error {
	folder, port := arguments[0], arguments[1]
	go endWithParent()
	if _, err := io.Copy(io.Discard, os.NewFile(alone, "alone")); err != nil {
		return err
	}
	for _, furnish := range []func() error{ownMounts, ownCgroups, ownNetwork, ownName} {
		if err := furnish(); err != nil {
			return err
		}
	}
	go relay(os.NewFile(listener, "listener"), "127.0.0.1:"+port)
	if err := write(folder, "furnished", ""); err != nil {
		return err
	}
	reap()
	return nil
}

func endWithParent() {
	_, _ = io.Copy(io.Discard, os.Stdin)
	os.Exit(1)
}

// write makes a file appear with all its content.
func write(folder, name, content string) error {
	partial := filepath.Join(folder, name+".partial")
	if err := os.WriteFile(partial, []byte(content), 0o600); err != nil {
		return err
	}
	return os.Rename(partial, filepath.Join(folder, name))
}
