//! The role that a machine has, changed while it runs.

use aws_sdk_ec2::types::{
    IamInstanceProfileAssociation, IamInstanceProfileAssociationState, IamInstanceProfileSpecification,
};

use crate::apply::provider::Fault;
use crate::aws::ec2::tagging;
use crate::aws::fault::Call;
use crate::aws::session::Session;

/// Gives an instance another profile, its first one, or takes the one that it has.
pub async fn change(session: &Session, instance: &str, wanted: Option<&str>) -> Result<(), Fault> {
    let profile = |name: &str| IamInstanceProfileSpecification::builder().name(name).build();
    let present = association(session, instance).await?;
    match (present.as_ref().and_then(|present| present.association_id()), wanted) {
        (None, None) => Ok(()),
        (None, Some(name)) => {
            let call = Call::write(
                "ec2:AssociateIamInstanceProfile iam:PassRole",
                format!("give `{instance}` the instance profile `{name}`"),
            );
            let sent = session.ec2().associate_iam_instance_profile().instance_id(instance);
            let sent = sent.iam_instance_profile(profile(name)).send();
            sent.await.map(|_| ()).map_err(|error| call.fault(&error).on("instanceProfile"))
        }
        (Some(association), Some(name)) => {
            let call = Call::write(
                "ec2:ReplaceIamInstanceProfileAssociation iam:PassRole",
                format!("give `{instance}` the instance profile `{name}`"),
            );
            let sent = session.ec2().replace_iam_instance_profile_association().association_id(association);
            let sent = sent.iam_instance_profile(profile(name)).send();
            sent.await.map(|_| ()).map_err(|error| call.fault(&error).on("instanceProfile"))
        }
        (Some(association), None) => {
            let call =
                Call::write("ec2:DisassociateIamInstanceProfile", format!("take the instance profile of `{instance}`"));
            let sent = session.ec2().disassociate_iam_instance_profile().association_id(association).send();
            sent.await.map(|_| ()).map_err(|error| call.fault(&error).on("instanceProfile"))
        }
    }
}

async fn association(session: &Session, instance: &str) -> Result<Option<IamInstanceProfileAssociation>, Fault> {
    let purpose = format!("read the instance profile of `{instance}`");
    let call = Call::read("ec2:DescribeIamInstanceProfileAssociations", purpose);
    let filter = tagging::filter("instance-id", [instance]);
    let mut pages = session.ec2().describe_iam_instance_profile_associations().filters(filter).into_paginator().send();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| call.fault(&error))?;
        let on = [IamInstanceProfileAssociationState::Associated, IamInstanceProfileAssociationState::Associating];
        let found = page.iam_instance_profile_associations().iter();
        let mut found = found.filter(|one| one.state().is_none_or(|state| on.contains(state)));
        if let Some(one) = found.next() {
            return Ok(Some(one.clone()));
        }
    }
    Ok(None)
}
