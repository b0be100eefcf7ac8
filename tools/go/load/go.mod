module blue-green/tools/go/load

go 1.26.0
