//! One binary for all tests that see more than one floor; tests of one floor stand in its files.

// A test that cannot go on has failed: that is what `unwrap` says here.
#![allow(clippy::unwrap_used, clippy::expect_used)]
// Only the program itself must live on when nobody listens.
#![allow(clippy::disallowed_macros)]

mod actions;
mod apply;
#[cfg(feature = "aws")]
mod aws;
mod check;
mod cli;
mod crash;
mod destroy;
mod docs;
mod errors;
mod examples;
#[cfg(unix)]
mod files;
mod floors;
mod fmt;
mod gallery;
mod import;
mod invariants;
mod killed;
mod live;
#[cfg(target_os = "linux")]
mod local;
mod plan;
mod printable;
mod promises;
mod reference;
mod render;
mod repl;
mod robust;
mod sandbox;
mod saved;
mod secrets;
mod shown;
mod simulation;
mod state;
mod store;
mod transient;
mod world;
mod writers;
