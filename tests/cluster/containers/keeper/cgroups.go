package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// leaf is where the processes are that are no containers: version 2 wants none between.
const leaf = "processes"

// hierarchy is one mounted hierarchy of cgroups: version 2 has one, version 1 one a controller.
type hierarchy struct {
	point   string // where it is mounted
	root    string // which of its cgroups is mounted there
	kind    string // cgroup or cgroup2
	options string // of version 1: its controllers, or its name
}

// newCgroups makes a cgroup of that name in each hierarchy. Of version 1 it lies below the cgroup
// of this process, whose limits then hold for it too; of version 2, where that one could not hold
// both processes and cgroups, at the top.
func newCgroups(name string) ([]string, error) {
	known, err := hierarchies()
	if err != nil {
		return nil, err
	}
	own, err := ownPaths()
	if err != nil {
		return nil, err
	}
	var made []string
	for _, one := range known {
		path := filepath.Join(one.point, name)
		if one.kind == "cgroup2" {
			// What is below has the controllers that are let down here; runc does the same.
			_ = delegate(one.point)
		} else {
			path = filepath.Join(one.point, strings.TrimPrefix(own[one.options], one.root), name)
		}
		if err := newCgroup(path); err != nil {
			return nil, err
		}
		made = append(made, path)
	}
	if len(made) == 0 {
		return nil, errors.New("no cgroups are mounted")
	}
	return made, nil
}

func leavesOf(base []string) ([]string, error) {
	var leaves []string
	for _, path := range base {
		path = filepath.Join(path, leaf)
		if err := newCgroup(path); err != nil {
			return nil, err
		}
		leaves = append(leaves, path)
	}
	return leaves, nil
}

// newCgroup makes one that can hold processes: of version 1, a set of processors has to be told.
func newCgroup(path string) error {
	if err := os.Mkdir(path, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	for _, file := range []string{"cpuset.cpus", "cpuset.mems"} {
		if _, err := os.Stat(filepath.Join(path, "cgroup.clone_children")); err != nil {
			break
		}
		above, err := os.ReadFile(filepath.Join(filepath.Dir(path), file))
		if err != nil {
			continue
		}
		if err := os.WriteFile(filepath.Join(path, file), above, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func join(cgroups []string) error {
	for _, path := range cgroups {
		if err := os.WriteFile(filepath.Join(path, "cgroup.procs"), []byte("0"), 0o644); err != nil {
			return fmt.Errorf("cannot join a cgroup: %w", err)
		}
	}
	return nil
}

// ownCgroups mounts the hierarchies so that the cgroup of this process is their top.
func ownCgroups() error {
	known, err := hierarchies()
	if err != nil {
		return err
	}
	top := "/sys/fs/cgroup"
	if err := unix.Mount("sysfs", "/sys", "sysfs", 0, ""); err != nil {
		return fmt.Errorf("cannot mount /sys: %w", err)
	}
	if !slices.ContainsFunc(known, func(one hierarchy) bool { return one.point == top }) {
		if err := unix.Mount("tmpfs", top, "tmpfs", 0, "mode=755"); err != nil {
			return fmt.Errorf("cannot mount %s: %w", top, err)
		}
	}
	for _, one := range known {
		if err := one.mount(); err != nil {
			return err
		}
	}
	return nil
}

func (one hierarchy) mount() error {
	if err := os.MkdirAll(one.point, 0o755); err != nil {
		return err
	}
	options := one.options
	if strings.HasPrefix(options, "name=") {
		options = "none," + options
	}
	if err := unix.Mount("cgroup", one.point, one.kind, 0, options); err != nil {
		return fmt.Errorf("cannot mount %s: %w", one.point, err)
	}
	// Version 1 mounts several controllers together, with a link for each.
	for _, controller := range strings.Split(filepath.Base(one.point), ",") {
		_ = os.Symlink(filepath.Base(one.point), filepath.Join(filepath.Dir(one.point), controller))
	}
	own := filepath.Join(one.point, leaf)
	if err := newCgroup(own); err != nil {
		return err
	}
	if err := join([]string{own}); err != nil {
		return err
	}
	if one.kind == "cgroup2" {
		return delegate(one.point)
	}
	return nil
}

// delegate lets the cgroups below have every controller that this one has.
func delegate(path string) error {
	content, err := os.ReadFile(filepath.Join(path, "cgroup.controllers"))
	if err != nil {
		return err
	}
	for _, controller := range strings.Fields(string(content)) {
		file := filepath.Join(path, "cgroup.subtree_control")
		if err := os.WriteFile(file, []byte("+"+controller), 0o644); err != nil {
			return fmt.Errorf("cannot delegate %s: %w", controller, err)
		}
	}
	return nil
}

func hierarchies() ([]hierarchy, error) {
	content, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	var found []hierarchy
	for _, line := range strings.Split(strings.TrimSpace(string(content)), "\n") {
		before, after, _ := strings.Cut(line, " - ")
		where, what := strings.Fields(before), strings.Fields(after)
		if len(where) < 5 || len(what) < 3 || !strings.HasPrefix(where[4], "/sys/fs/cgroup") {
			continue
		}
		if what[0] == "cgroup" || what[0] == "cgroup2" {
			found = append(found, hierarchy{
				root: where[3], point: where[4], kind: what[0], options: optionsOf(what[0], what[2]),
			})
		}
	}
	return found, nil
}

// optionsOf gives what distinguishes a hierarchy of version 1, in the order of the kernel.
func optionsOf(kind, said string) string {
	if kind != "cgroup" {
		return ""
	}
	general := []string{"rw", "ro", "xattr", "clone_children", "noprefix", "relatime"}
	var kept []string
	for _, option := range strings.Split(said, ",") {
		if !slices.Contains(general, option) && !strings.HasPrefix(option, "release_agent=") {
			kept = append(kept, option)
		}
	}
	return strings.Join(kept, ",")
}

// ownPaths tells this process's cgroup by what distinguishes the hierarchy.
func ownPaths() (map[string]string, error) {
	content, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return nil, err
	}
	found := map[string]string{}
	for _, line := range strings.Split(strings.TrimSpace(string(content)), "\n") {
		if parts := strings.SplitN(line, ":", 3); len(parts) == 3 {
			found[parts[1]] = parts[2]
		}
	}
	return found, nil
}
