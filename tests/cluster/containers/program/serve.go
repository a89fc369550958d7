package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// unhealthy is the file whose presence makes /healthz answer 503.
const unhealthy = "/tmp/unhealthy"

// serve answers HTTP on $PORT, or 8080, until SIGTERM, and then ends with 143 as an unhandled
// SIGTERM would.
//
// FAIL=start ends it with 1 at once, FAIL=health lets /healthz answer 503; so does a file.
func serve([]string) int {
	if fail := os.Getenv("FAIL"); fail != "" && fail != "health" {
		return complain(1, "FAIL=%s: does not start", fail)
	}
	port := os.Getenv("PORT")
	if port == "" {
		port = "8080"
	}
	server := &http.Server{Addr: ":" + port, Handler: http.HandlerFunc(answer), ReadHeaderTimeout: 10 * time.Second}
	stopping, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	failed := make(chan error, 1)
	go func() { failed <- server.ListenAndServe() }()
	fmt.Println("serving on port", port)
	select {
	case err := <-failed:
		return complain(1, "%v", err)
	case <-stopping.Done():
	}
	fmt.Println("stopping")
	patience, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_ = server.Shutdown(patience)
	return 128 + int(syscall.SIGTERM)
}

func answer(writer http.ResponseWriter, request *http.Request) {
	code, said := http.StatusOK, map[string]any{"pod": os.Getenv("HOSTNAME"), "path": request.URL.Path}
	switch request.URL.Path {
	case "/":
	case "/healthz":
		if _, err := os.Stat(unhealthy); err == nil || os.Getenv("FAIL") == "health" {
			code, said = http.StatusServiceUnavailable, map[string]any{"status": "failing"}
		} else {
			said = map[string]any{"status": "ok"}
		}
	default:
		code = http.StatusNotFound
	}
	writer.Header().Set("Content-Type", "application/json")
	writer.WriteHeader(code)
	_ = json.NewEncoder(writer).Encode(said)
	if request.URL.Path != "/healthz" {
		fmt.Println(request.Method, request.URL.Path, code)
	}
}
