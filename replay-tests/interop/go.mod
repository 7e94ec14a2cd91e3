module haloy.example/interop

go 1.19

// The last versions of it need a newer Go than Debian 12 has.
require golang.org/x/mod v0.17.0
