//! AT Protocol repositories: Merkle search tree, commits, proofs, CAR files, event frames
