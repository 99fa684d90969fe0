//! Actions that need more than one call: one file each. The provider's own calls are made by the
//! step itself, which journals them.

pub mod check;
