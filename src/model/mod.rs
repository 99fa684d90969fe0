//! The vocabulary of everything between the tree and the plan: types, schemas, terms, actions,
//! resources, functions. Data and its arithmetic; no pass over a program lives here.

pub mod action;
pub mod each;
pub mod format;
pub mod function;
pub mod operation;
pub mod resource;
pub mod schema;
pub mod term;
pub mod ty;
pub mod typing;
pub mod unordered;
pub mod written;
