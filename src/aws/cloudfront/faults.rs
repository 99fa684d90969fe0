//! What the errors that only CloudFront has mean.

use crate::aws::fault::Row;

pub const ROWS: &[Row] = &[];
