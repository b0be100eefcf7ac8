// Stands in for the reader of OpenAPI documents, which `pulumi api` alone uses: a fourteenth of the build.
module github.com/pb33f/libopenapi

go 1.26.0

require go.yaml.in/yaml/v4 v4.0.0-rc.4
