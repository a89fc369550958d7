package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"path/filepath"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

const (
	nodeName    = "node-1"
	nodeAddress = "10.100.0.1/24"
)

// ownMounts gives this world its processes and, in memory, what programs keep in /run and /var/log.
func ownMounts() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("cannot make mounts private: %w", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return fmt.Errorf("cannot mount /proc: %w", err)
	}
	for _, path := range []string{"/run", "/var/log"} {
		if err := unix.Mount("tmpfs", path, "tmpfs", 0, "mode=755"); err != nil {
			return fmt.Errorf("cannot mount %s: %w", path, err)
		}
	}
	return ownResolver()
}

// ownResolver lets look-ups of names fail at once: there is nobody to ask in here.
func ownResolver() error {
	const file, own = "/etc/resolv.conf", "/run/resolv.conf"
	if err := os.WriteFile(own, []byte("nameserver 127.0.0.1\n"), 0o644); err != nil {
		return err
	}
	path, err := filepath.EvalSymlinks(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil // Without the file 127.0.0.1 is asked as well.
	}
	if err != nil {
		return err
	}
	return unix.Mount(own, path, "", unix.MS_BIND, "")
}

// ownNetwork gives the node an address and a way for packets that belong nowhere.
func ownNetwork() error {
	for _, setting := range []string{"ipv4/ip_forward"} {
		if err := os.WriteFile("/proc/sys/net/"+setting, []byte("1"), 0o644); err != nil {
			return err
		}
	}
	loopback, err := netlink.LinkByName("lo")
	if err != nil {
		return err
	}
	bridge := &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "node"}}
	if err := netlink.LinkAdd(bridge); err != nil {
		return fmt.Errorf("cannot make a bridge: %w", err)
	}
	address, err := netlink.ParseAddr(nodeAddress)
	if err != nil {
		return err
	}
	if err := netlink.AddrAdd(bridge, address); err != nil {
		return err
	}
	for _, link := range []netlink.Link{loopback, bridge} {
		if err := netlink.LinkSetUp(link); err != nil {
			return err
		}
	}
	// Services have addresses that no route leads to, until the proxy's rules give them another.
	_, anywhere, _ := net.ParseCIDR("0.0.0.0/0")
	return netlink.RouteAdd(&netlink.Route{LinkIndex: bridge.Attrs().Index, Dst: anywhere})
}

func ownName() error {
	return unix.Sethostname([]byte(nodeName))
}

// relay carries connections that a socket outside accepts to an address in here.
func relay(file *os.File, address string) {
	outer, err := net.FileListener(file)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	for {
		connection, err := outer.Accept()
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		go carry(connection.(*net.TCPConn), address)
	}
}

func carry(near *net.TCPConn, address string) {
	defer near.Close()
	found, err := net.Dial("tcp", address)
	if err != nil {
		return
	}
	far := found.(*net.TCPConn)
	defer far.Close()
	done := make(chan struct{})
	go func() {
		pour(far, near)
		close(done)
	}()
	pour(near, far)
	<-done
}

// pour copies to the end, which it passes on.
func pour(to, from *net.TCPConn) {
	_, _ = io.Copy(to, from)
	_ = to.CloseWrite()
	_ = from.CloseRead()
}

// reap takes the exit codes of processes whose parents have ended; it does so for ever.
func reap() {
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, unix.SIGCHLD)
	for {
		for {
			pid, err := unix.Wait4(-1, nil, unix.WNOHANG, nil)
			if pid <= 0 && !errors.Is(err, unix.EINTR) {
				break
			}
		}
		<-ended
	}
}
