//! A bucket that is not to be there: whatever is left of it from earlier is deleted at the start. Only a bucket
//! that bears the marks of this environment is.

use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::sight::{Sight, look, taken};
use crate::apply::provider::{Fault, FaultKind, Health, Made, Owner, Patience, Place, Progress, Seek};
use crate::aws::fault::Call;
use crate::aws::kind::{Found, Kind};
use crate::aws::session::Session;
use crate::aws::tags;
use crate::value::Fields;

#[derive(Clone, Copy)]
pub struct AbsentS3Bucket;

#[derive(Deserialize)]
pub struct Want {
    bucket: String,
}

#[derive(Serialize)]
pub struct Nothing {}

#[async_trait]
impl Kind for AbsentS3Bucket {
    type Want = Want;
    type Told = Nothing;
    type Outputs = Nothing;

    fn patience(&self) -> Patience {
        Patience::default()
    }

    async fn create(&self, session: &Session, want: &Want, owner: &Owner) -> Result<Made, Fault> {
        let name = &want.bucket;
        let made = Made { id: name.as_str().into(), whole: true };
        match look(session, name).await? {
            Sight::Missing => return Ok(made),
            Sight::Here(present) if tags::is_same_environment(&present, owner) => {}
            Sight::Here(present) => return Err(taken(name, &present, owner).help(NOT_OURS)),
            Sight::Elsewhere(fault) | Sight::Closed(fault) => {
                return Err(Fault { kind: FaultKind::Taken, ..fault }.on("bucket").help(NOT_OURS));
            }
        }
        let call = Call::write("s3:DeleteBucket", format!("delete the bucket `{name}`"));
        let sent = session.s3().delete_bucket().bucket(name).send().await;
        match sent.map_err(|error| call.fault(&error)) {
            Ok(_) => Ok(made),
            Err(fault) if fault.kind == FaultKind::Missing => Ok(made),
            Err(fault) if fault.kind == FaultKind::Held => {
                Err(fault.on("bucket").help("empty it first: what is in it is not deleted along with it"))
            }
            Err(fault) => Err(fault),
        }
    }

    /// To delete it twice does no harm, so nothing has to be found.
    async fn find(&self, _: &Session, _: &Want, _: &Seek) -> Result<Option<Arc<str>>, Fault> {
        Ok(None)
    }

    /// What becomes of the name after the start is none of its business.
    async fn read(&self, _: &Session, _: &Place) -> Result<Option<Found<Nothing, Nothing>>, Fault> {
        Ok(Some(Found { inputs: Nothing {}, outputs: Nothing {}, health: Health::Live }))
    }

    async fn update(&self, _: &Session, _: &Place, _: Option<&Fields>, _: &Want, _: &Owner) -> Result<Progress, Fault> {
        Ok(Progress::Done)
    }

    async fn delete(&self, _: &Session, _: &Place) -> Result<Progress, Fault> {
        Ok(Progress::Done)
    }
}

const NOT_OURS: &str = "only a bucket that this environment made is deleted: choose another name";
