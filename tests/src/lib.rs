//! Support for black-box tests: servers on loopback, clients, fakes.
