pub mod source; pub mod diagnostic; pub mod name; pub mod value; pub mod syntax; pub mod model; pub mod resolve; pub mod check; pub mod apply;
