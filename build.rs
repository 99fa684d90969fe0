//! Tells cargo of the folder that `src/cli/explain.rs` compiles in: that a file in it changed is
//! noticed without this, that one was added is not.

#[allow(clippy::disallowed_macros)] // It is how a build script speaks.
fn main() {
    println!("cargo:rerun-if-changed=docs/errors");
}
