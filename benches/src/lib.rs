//! Nothing: the benches are in `machines.rs`, and a package needs a library or a program.
