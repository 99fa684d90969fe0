//! Images, snapshots and their schedules: looked up, made in time, and never more taken away than is said.

use tadpole::apply::provider::{FaultKind, Provider, Seek, Want};
use tadpole::value::Value;

use super::{World, attribute, but, want};

fn image(name: &str, newest: bool) -> Want {
    let inputs = [("owner", Value::string("self")), ("name", Value::string(name)), ("newest", Value::Bool(newest))];
    want("aws.ImageLookup", "image", "", &inputs)
}

#[tokio::test]
async fn an_image_is_looked_up_and_never_guessed() {
    let world = World::new();
    let ids = world.moto.python(
        "ec2 = client('ec2')\n\
         result = [ec2.register_image(Name=f'lookup-test-{n}')['ImageId'] for n in range(3)]",
    );
    let find = async |wanted: &Want| world.aws.find(wanted, &Seek::Identity).await;
    assert_eq!(find(&image("lookup-test-1", false)).await.unwrap().as_deref(), ids[1].as_str());
    let newest = find(&image("lookup-test-*", true)).await.unwrap().unwrap();
    assert!(ids.as_array().unwrap().iter().any(|id| id.as_str() == Some(&*newest)));

    let fault = find(&image("lookup-test-*", false)).await.unwrap_err();
    assert_eq!((fault.kind, attribute(&fault)), (FaultKind::Refused, "name"));
    assert_eq!(fault.message, "3 images of `self` are called `lookup-test-*`");
    assert!(fault.help.as_deref().unwrap().starts_with("write `newest true;`"), "{fault:?}");

    let fault = find(&image("lookup-test-9-*", true)).await.unwrap_err();
    assert_eq!(fault.message, "no image of `self` in us-east-1 is called `lookup-test-9-*`");
    let help = fault.help.as_deref().unwrap();
    assert!(help.starts_with("of `lookup-test*` there are 3, the newest of them `lookup-test-"), "{fault:?}");
    let fault = find(&image("nobody-has-this", true)).await.unwrap_err();
    assert!(fault.help.as_deref().unwrap().starts_with("look at the owner"), "{fault:?}");

    let official = but(
        &image("amzn2-ami-*", true),
        &[("owner", Value::string("amazon")), ("architecture", Value::string("i386"))],
    );
    let fault = find(&official).await.unwrap_err();
    let help = fault.help.as_deref().unwrap();
    assert!(help.starts_with("there are such images for `") && help.ends_with("not for `i386`"), "{fault:?}");
    assert_eq!(world.aws.find(&official, &Seek::Made(official.owner.clone())).await.unwrap(), None);
}
