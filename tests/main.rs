//! One binary for all tests that see more than one floor; tests of one floor stand in its files.

mod apply;
#[cfg(feature = "aws")]
mod aws;
mod check;
mod cli;
mod crash;
mod examples;
mod floors;
mod robust;
mod world;
