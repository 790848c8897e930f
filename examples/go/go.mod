module tidegate.example/tidegate/example

go 1.19

require tidegate.example/tidegate v0.0.0

replace tidegate.example/tidegate => ../../bindings/go
