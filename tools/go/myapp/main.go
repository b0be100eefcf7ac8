// Command myapp serves the tutorial's page: one text on one colour, on port 80.
//
// Its further flags make the versions that the tests need: one that crashes, never gets ready, answers 500, answers
// slowly or starts late.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"html"
	"log"
	"math/rand/v2"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

type behaviour struct {
	version   string
	text      string
	textFile  string
	colour    string
	address   string
	crash     bool
	unready   bool
	errorRate float64
	delay     time.Duration
	late      time.Duration
}

func main() {
	log.SetFlags(log.LstdFlags | log.Lmicroseconds | log.LUTC)
	var b behaviour
	flag.StringVar(&b.version, "version", "v1", "value of the header X-App-Version")
	flag.StringVar(&b.text, "text", "V1", "text of the page")
	flag.StringVar(&b.textFile, "text-file", "", "file with the text of the page")
	flag.StringVar(&b.colour, "colour", "blue", "background of the page")
	flag.StringVar(&b.address, "address", ":80", "address to listen on")
	flag.BoolVar(&b.crash, "crash", false, "exit with status 1 at once")
	flag.BoolVar(&b.unready, "unready", false, "answer 503 to every request")
	flag.Float64Var(&b.errorRate, "error-rate", 0, "share of the requests that is answered 500")
	flag.DurationVar(&b.delay, "delay", 0, "time that each answer takes")
	flag.DurationVar(&b.late, "late", 0, "time before it begins to listen")
	flag.Parse()
	if err := run(b); err != nil {
		log.Fatalf("myapp %s: %v", b.version, err)
	}
}

// run serves until SIGTERM, then lets the requests in flight end.
func run(b behaviour) error {
	if b.crash {
		return errors.New("asked to crash at start")
	}
	if b.textFile != "" {
		text, err := os.ReadFile(b.textFile)
		if err != nil {
			return err
		}
		b.text = strings.TrimSpace(string(text))
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	select {
	case <-time.After(b.late):
	case <-ctx.Done():
		return nil
	}
	server := &http.Server{Addr: b.address, Handler: page(b), ReadHeaderTimeout: 10 * time.Second}
	stopped := make(chan error, 1)
	go func() {
		<-ctx.Done()
		grace, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		stopped <- server.Shutdown(grace)
	}()
	log.Printf("myapp %s listens on %s", b.version, b.address)
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-stopped
}

func page(b behaviour) http.HandlerFunc {
	body := fmt.Sprintf(
		"<!doctype html>\n<title>%[1]s</title>\n<body style=\"background:%[2]s;color:white;font:4em sans-serif\">%[1]s</body>\n",
		html.EscapeString(b.text), html.EscapeString(b.colour))
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-App-Version", b.version)
		select {
		case <-time.After(b.delay):
		case <-r.Context().Done():
			return
		}
		switch {
		case b.unready:
			http.Error(w, "not ready", http.StatusServiceUnavailable)
		case rand.Float64() < b.errorRate:
			http.Error(w, "internal error, as asked", http.StatusInternalServerError)
		default:
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			fmt.Fprint(w, body)
		}
	}
}
