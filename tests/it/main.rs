//! Black-box tests, one module per theme.
