// Command etcd is etcd's server under its usual name: its own main stands at the root of a module called server.
package main

import (
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
)

func main() {
	etcdmain.Main(os.Args)
}
