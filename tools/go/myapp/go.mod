module blue-green/tools/go/myapp

go 1.26.0
