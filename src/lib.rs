//! Tadpole, from the ground up. Each floor turns one value into the next and imports only from the
//! floors below it; `tests/floors.rs` reads this list and checks that.
//!
//! ```text
//! text -syntax-> File -resolve-> Library -check-> Program -graph-> ResourceGraph -.
//!  Store -state-> State -refresh-------------------------------------------------+-plan-> Plan
//!                          Plan -apply: executor + Provider-> records -replay-> State
//! ```
//!
//! Floors 0 to 5 are pure: no clock, no file, no network, no terminal. Effects enter through the
//! traits `Loader`, `Store` and `Provider`, which the top floor wires up.

// floor 0: words of every floor
pub mod printable;
pub mod source;
pub mod diagnostic;
pub mod name;
pub mod value;
// floor 1: what is written, and the vocabulary of what is meant
pub mod syntax;
pub mod model;
// floor 2: names in their places; what is recorded; what values mean to a cloud
pub mod resolve;
pub mod state;
pub mod limits;
// floor 3: components, evaluated and checked
pub mod check;
// floor 4: resources in order; what can be looked up; the front end in one function
pub mod graph;
pub mod reference;
pub mod compile;
// floor 5: what will change
pub mod plan;
// floor 6: changing it
pub mod apply;
pub mod action;
pub mod live;
// floor 7: clouds, side by side
pub mod sandbox;
pub mod local;
#[cfg(feature = "aws")]
pub mod aws;
// floor 8: the program
pub mod cli;
