//! Load generator and benchmarks for any PDS
fn main() {}
