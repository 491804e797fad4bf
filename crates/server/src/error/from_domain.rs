//! One conversion per domain error: which name and status a client sees for it.
