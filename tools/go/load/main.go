// Command load sends GET requests at a fixed rate and writes one line for each: what became of it, and when.
//
// It is an open loop: a request is sent when its time has come, however slow the answers to others are. Nothing is
// retried, not even what RFC 9110 section 9.2.2 would allow: net/http's own client retries a GET on a kept
// connection that turns out dead, so the requests are written to the connections here and only the answers are
// parsed by net/http.
package main

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"net/url"
	"os"
	"os/signal"
	"strconv"
	"sync"
	"syscall"
	"time"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("load: ")
	var plan plan
	var target, output string
	flag.StringVar(&target, "url", "", "what to ask for: http://host:port/path")
	flag.StringVar(&plan.host, "host", "", "the Host header, if it is not that of the URL")
	flag.Float64Var(&plan.rate, "rate", 100, "requests a second")
	flag.DurationVar(&plan.duration, "duration", 10*time.Second, "for how long: so many requests as the rate has in it; SIGTERM ends it earlier")
	flag.Float64Var(&plan.fresh, "fresh", 0.2, "share of the requests that has a connection of its own; the rest keeps them")
	flag.DurationVar(&plan.timeout, "timeout", 5*time.Second, "after which a request has failed")
	flag.IntVar(&plan.users, "users", 0, "send the requests as so many users by turns, each with a header x-user and a cookie session of his own; 0: as nobody")
	flag.StringVar(&output, "output", "", "file for one CSV line a request")
	flag.Parse()
	if err := run(plan, target, output); err != nil {
		log.Fatal(err)
	}
}

type plan struct {
	host     string
	path     string
	address  string
	rate     float64
	duration time.Duration
	fresh    float64
	timeout  time.Duration
	users    int
}

// outcome is what became of one request. Times are microseconds; sent is since the Unix epoch,
// late is how long after its time that was.
type outcome struct {
	sent    int64
	late    int64
	took    int64
	fresh   bool
	user    string
	status  int
	version string
	failure string
}

type summary struct {
	Requests        int     `json:"requests"`
	Failed          int     `json:"failed"`
	Seconds         float64 `json:"seconds"`
	LongestMicros   int64   `json:"longestMicros"`
	LatestMicros    int64   `json:"latestMicros"`
	KeptConnections int     `json:"keptConnections"`
}

func run(p plan, target, output string) error {
	parsed, err := url.Parse(target)
	if err != nil || parsed.Scheme != "http" || parsed.Port() == "" {
		return fmt.Errorf("-url %q is not of the form http://host:port/path", target)
	}
	p.address, p.path = parsed.Host, parsed.RequestURI()
	if p.host == "" {
		p.host = parsed.Host
	}
	if output == "" || p.rate <= 0 || p.fresh < 0 || p.fresh > 1 || p.users < 0 {
		return fmt.Errorf("-output is needed, -rate above 0, -fresh from 0 to 1, -users from 0")
	}
	file, err := os.Create(output)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()

	outcomes := make(chan outcome, 4096)
	pool := &pool{plan: p}
	var result summary
	go func() {
		dispatch(ctx, p, pool, outcomes)
		close(outcomes)
	}()
	started := time.Now()
	if err := write(file, outcomes, &result); err != nil {
		return err
	}
	result.Seconds = time.Since(started).Seconds()
	result.KeptConnections = pool.dialled
	return json.NewEncoder(os.Stdout).Encode(result)
}

// dispatch sends each request whose time comes within the duration, unless the context ends before it, and waits for
// the answers. How many they are is the plan's, however late the machine lets one be sent.
func dispatch(ctx context.Context, p plan, pool *pool, outcomes chan<- outcome) {
	var running sync.WaitGroup
	defer running.Wait()
	started := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	freshDue := 0.0
	for i := 0; ; i++ {
		since := time.Duration(float64(i) / p.rate * float64(time.Second))
		if since >= p.duration {
			return
		}
		due := started.Add(since)
		if wait := time.Until(due); wait > 0 {
			timer.Reset(wait)
			select {
			case <-timer.C:
			case <-ctx.Done():
				return
			}
		} else if ctx.Err() != nil {
			return
		}
		freshDue += p.fresh
		fresh := freshDue >= 1
		if fresh {
			freshDue--
		}
		user := ""
		if p.users > 0 {
			user = strconv.Itoa(i % p.users)
		}
		running.Go(func() { outcomes <- pool.ask(due, fresh, user) })
	}
}

func write(file *os.File, outcomes <-chan outcome, result *summary) error {
	buffered := bufio.NewWriter(file)
	lines := csv.NewWriter(buffered)
	_ = lines.Write([]string{"sent_us", "late_us", "took_us", "connection", "user", "status", "version", "failure"})
	for o := range outcomes {
		result.Requests++
		if o.failure != "" {
			result.Failed++
		}
		result.LatestMicros = max(result.LatestMicros, o.late)
		result.LongestMicros = max(result.LongestMicros, o.took)
		connection := "kept"
		if o.fresh {
			connection = "fresh"
		}
		_ = lines.Write([]string{
			strconv.FormatInt(o.sent, 10), strconv.FormatInt(o.late, 10), strconv.FormatInt(o.took, 10), connection,
			o.user, strconv.Itoa(o.status), o.version, o.failure,
		})
	}
	lines.Flush()
	if err := lines.Error(); err != nil {
		return err
	}
	if err := buffered.Flush(); err != nil {
		return err
	}
	return file.Close()
}
