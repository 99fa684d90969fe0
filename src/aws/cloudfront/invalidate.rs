//! Takes answers out of all places of a distribution, so that the origin is asked anew.

use async_trait::async_trait;
use aws_sdk_cloudfront::types::{InvalidationBatch, Paths};
use serde::Deserialize;

use super::configured::quantity;
use super::mark;
use crate::apply::provider::{Fault, FaultKind, Place, Progress};
use crate::aws::act::Act;
use crate::aws::fault::Call;
use crate::aws::session::Session;

#[derive(Clone, Copy)]
pub struct Invalidate;

#[derive(Deserialize)]
pub struct Settings {
    distribution: String,
    paths: Vec<String>,
    #[serde(default)]
    wait: bool,
}

#[async_trait]
impl Act for Invalidate {
    type Settings = Settings;

    /// The reference makes a second call an answer about the first one, so that asking again is looking.
    async fn run(
        &self,
        session: &Session,
        _place: &Place,
        settings: &Settings,
        token: &str,
    ) -> Result<Progress, Fault> {
        let Settings { distribution, paths, wait } = settings;
        let purpose = format!("invalidate {} of the distribution `{distribution}`", shown(paths));
        let call = Call::write("cloudfront:CreateInvalidation", purpose);
        let batch = batch(paths, token).map_err(|error| {
            Fault::new(FaultKind::Refused, format!("the paths cannot be sent: {error}")).on("paths")
        })?;
        let sent = session.cloudfront().create_invalidation().distribution_id(distribution).invalidation_batch(batch);
        let answer = sent.send().await.map_err(|error| {
            let fault = call.fault(&error);
            // It is not the thing in whose list this stands that is missing.
            let kind = if fault.kind == FaultKind::Missing { FaultKind::Refused } else { fault.kind };
            Fault { kind, ..fault }
        })?;
        let status = answer.invalidation.map(|invalidation| invalidation.status).unwrap_or_default();
        match *wait && !status.eq_ignore_ascii_case("completed") {
            true => Ok(Progress::Waiting(status)),
            false => Ok(Progress::Done),
        }
    }
}

fn batch(paths: &[String], token: &str) -> Result<InvalidationBatch, aws_sdk_cloudfront::error::BuildError> {
    // One operation may have two of them, for other paths.
    let reference = format!("{token}-{}", mark::hash(&paths.join("\n")));
    let paths = Paths::builder().quantity(quantity(paths)).set_items(Some(paths.to_vec())).build()?;
    InvalidationBatch::builder().paths(paths).caller_reference(reference).build()
}

fn shown(paths: &[String]) -> String {
    match paths {
        [] => "nothing".to_string(),
        [one] => format!("`{one}`"),
        [first, others @ ..] => format!("`{first}` and {} other paths", others.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_paths_in_one_operation_are_one_invalidation() {
        let reference = |paths: &[&str], token: &str| {
            let paths: Vec<String> = paths.iter().map(ToString::to_string).collect();
            batch(&paths, token).unwrap().caller_reference
        };
        assert_eq!(reference(&["/*"], "t"), reference(&["/*"], "t"));
        assert_ne!(reference(&["/*"], "t"), reference(&["/a"], "t"));
        assert_ne!(reference(&["/*"], "t"), reference(&["/*"], "u"));
    }
}
