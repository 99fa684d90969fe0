//! What the errors that only RDS has mean.

use crate::aws::fault::Row;

pub const ROWS: &[Row] = &[];
