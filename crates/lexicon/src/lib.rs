//! Lexicon documents and record validation
