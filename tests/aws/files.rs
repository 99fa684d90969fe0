//! Files and folders as objects: what is sent, what is left alone, what stands in a plan.

use std::fs;
use std::path::Path;

use serde_json::json;
use tadpole::apply::provider::{Deed, FaultKind, Progress, Provider, Seek, Want};
use tadpole::value::{Data, Fields, Value};

use super::moto::{Moto, environment};
use super::proxy::Proxy;
use super::{World, attribute, but, json, make, owner, place, want};
use crate::cli::Tadpole;

fn program(endpoint: &str, text: &str) -> (tempfile::TempDir, Tadpole) {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("main.cloud"), text).unwrap();
    let mut tadpole = Tadpole::new(directory.path());
    for (name, value) in environment(endpoint) {
        tadpole = tadpole.env(name, &value);
    }
    (directory, tadpole)
}

fn write(directory: &Path, name: &str, bytes: impl AsRef<[u8]>) {
    let path = directory.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

fn bucket(name: &str) -> Want {
    want("aws.S3Bucket", "site", "t1", &[("bucket", Value::string(name))])
}

fn text(bucket: &str, token: &str, content: &str) -> Want {
    let inputs =
        [("bucket", Value::string(bucket)), ("key", Value::string("a b.txt")), ("content", Value::string(content))];
    want("aws.S3File", "file", token, &inputs)
}

#[tokio::test]
async fn metadata_in_any_script_is_told_as_it_is_recorded() {
    let world = World::new();
    make(&world, &bucket("scripts")).await;
    let metadata =
        [("city", "Zürich"), ("title", "日本語のメタデータは長いことがあるので分けて送る"), ("plain", "a = b")];
    let metadata = Value::Map(metadata.iter().map(|(key, value)| (key.to_string(), Value::string(*value))).collect());
    let more =
        [("metadata", metadata.clone()), ("contentType", Value::string("")), ("cacheControl", Value::string(""))];
    let wanted = but(&text("scripts", "t1", "x"), &more);
    let home = make(&world, &wanted).await;
    let here = world.here(&home).await;
    for name in ["metadata", "contentType", "cacheControl"] {
        assert_eq!(here.inputs.get(name), wanted.inputs.get(name), "{name}");
    }
    let before = world.proxy.count("PUT ");
    world.aws.update(&home, Some(&wanted.inputs), &wanted).await.unwrap();
    assert_eq!(world.proxy.count("PUT "), before, "it is as it shall be");
}

#[test]
fn a_site_is_uploaded_changed_and_emptied_by_the_whole_program() {
    let moto = Moto::shared();
    let proxy = Proxy::before(moto);
    let (directory, tadpole) = program(
        &proxy.endpoint,
        "site extends EmptiedS3Bucket { bucket \"whole-site\"; versioning true; }\n\
         files extends S3Directory { bucket site; source folder(\"public/\"); }\n",
    );
    for n in 0..40 {
        write(directory.path(), &format!("public/p{n}.html"), format!("page {n}"));
    }
    let large: Vec<u8> = (0..17u32 << 20).map(|at| (at / 7) as u8).collect();
    write(directory.path(), "public/large.bin", &large);
    let run = tadpole.run(&["apply", "--yes"]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert_eq!(proxy.count("partNumber=2"), 1, "what is large goes in parts");
    let seen = moto.python(
        "import hashlib\ns3 = client('s3')\n\
         body = s3.get_object(Bucket='whole-site', Key='large.bin')['Body'].read()\n\
         result = [s3.list_objects_v2(Bucket='whole-site')['KeyCount'], len(body), hashlib.sha256(body).hexdigest()]",
    );
    let sum = tadpole::resolve::load::Sum::of(&large);
    assert_eq!(seen, json!([41, sum.size, sum.sha256]));

    // Nothing changed: one call tells.
    let before = proxy.count("");
    let run = tadpole.run(&["plan"]);
    assert!(run.err.contains("Nothing changes") || run.out.contains("Nothing changes"), "{}{}", run.out, run.err);
    assert!(proxy.count("") - before <= 4, "a bucket takes two calls, a directory one, and what is not recorded one");

    write(directory.path(), "public/p7.html", "other");
    write(directory.path(), "public/new.html", "new");
    fs::remove_file(directory.path().join("public/p8.html")).unwrap();
    let run = tadpole.run(&["plan"]);
    let said = format!("{}{}", run.out, run.err);
    for line in ["source.files[\"new.html\"]", "source.files[\"p7.html\"]", "source.files[\"p8.html\"]"] {
        assert!(said.contains(line), "no {line} in:\n{said}");
    }
    assert!(!said.contains("p9.html"), "what stays as it is needs no line:\n{said}");
    let before = proxy.count("PUT /whole-site/");
    let run = tadpole.run(&["apply", "--yes"]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert_eq!(proxy.count("PUT /whole-site/") - before, 2, "only what changed is sent");

    moto.python("client('s3').create_multipart_upload(Bucket='whole-site', Key='unfinished')\nresult = 0");
    let run = tadpole.run(&["destroy", "--yes"]);
    assert_eq!(run.code, 0, "{}", run.err);
    let left = moto.python("result = [b['Name'] for b in client('s3').list_buckets()['Buckets']]");
    assert!(!left.to_string().contains("whole-site"), "{left}");
}

#[tokio::test]
async fn a_file_that_changed_since_the_plan_is_not_uploaded() {
    let world = World::new();
    make(&world, &bucket("changed-since")).await;
    let home = tempfile::tempdir().unwrap();
    write(home.path(), "a.txt", "as planned");
    let sum = tadpole::resolve::load::Sum::of(b"as planned");
    let path = home.path().join("a.txt").display().to_string();
    let fields =
        [("path", Value::string(path)), ("sha256", Value::string(sum.sha256)), ("size", Value::Size(sum.size))];
    let fields: Fields = fields.into_iter().map(|(name, value)| (name.into(), value)).collect();
    let asset = Value::Data(Data { template: "Asset".into(), fields });
    let mut wanted = but(&text("changed-since", "t1", ""), &[("source", asset)]);
    wanted.inputs.remove("content");
    write(home.path(), "a.txt", "otherwise");
    let fault = world.aws.create(&wanted).await.unwrap_err();
    assert_eq!((fault.kind, attribute(&fault)), (FaultKind::Refused, "source"));
    assert!(fault.message.contains("is not any more what the plan was made with"), "{fault}");
    assert_eq!(world.proxy.count("PUT /changed-since/a"), 0);
    write(home.path(), "a.txt", "as planned");
    world.aws.create(&wanted).await.unwrap();
}

#[tokio::test]
async fn what_is_there_and_not_ours_is_never_overwritten() {
    let world = World::new();
    make(&world, &bucket("objects-of-others")).await;
    world.moto.python("client('s3').put_object(Bucket='objects-of-others', Key='a b.txt', Body=b'theirs')");
    let wanted = text("objects-of-others", "t1", "ours");
    let fault = world.aws.create(&wanted).await.unwrap_err();
    assert_eq!((fault.kind, attribute(&fault)), (FaultKind::Taken, "key"));
    assert_eq!(world.aws.find(&wanted, &Seek::Made(wanted.owner.clone())).await.unwrap(), None);
    assert_eq!(world.aws.find(&wanted, &Seek::Identity).await.unwrap().as_deref(), Some("objects-of-others/a b.txt"));

    world.moto.python("client('s3').delete_object(Bucket='objects-of-others', Key='a b.txt')");
    let home = make(&world, &wanted).await;
    let url = "https://objects-of-others.s3.us-east-1.amazonaws.com/a%20b.txt";
    assert_eq!(json(&home.outputs)["url"], json!(url));
    let mut others = wanted.clone();
    others.owner = owner("lineage-2", "file", "t2");
    let fault = world.aws.create(&others).await.unwrap_err();
    assert!(fault.message.ends_with("made by `file` of another environment"), "{fault}");
    // What nobody made twice is deleted as often as one likes.
    for _ in 0..2 {
        assert_eq!(world.aws.delete(&home).await.unwrap(), Progress::Done);
        assert!(world.is_gone(&home).await);
    }
}

#[tokio::test]
async fn a_bucket_is_emptied_of_everything() {
    let world = World::new();
    let wanted = but(&bucket("to-be-emptied"), &[("versioning", Value::Bool(true))]);
    let home = make(&world, &wanted).await;
    world.moto.python(
        "s3 = client('s3')\n\
         for n in range(1100): s3.put_object(Bucket='to-be-emptied', Key=f'k{n}', Body=b'x')\n\
         for n in range(5): s3.put_object(Bucket='to-be-emptied', Key=f'k{n}', Body=b'y')\n\
         s3.delete_object(Bucket='to-be-emptied', Key='k0')\n\
         s3.create_multipart_upload(Bucket='to-be-emptied', Key='unfinished')",
    );
    let fault = world.aws.delete(&home).await.unwrap_err();
    assert!(fault.message.contains("which is not empty: more than 1000 objects and versions are in it"), "{fault}");
    let deed = Deed { kind: "aws.EmptyS3Bucket".into(), settings: Fields::new(), token: "t".into() };
    assert_eq!(world.aws.act(&home, &deed).await.unwrap(), Progress::Done);
    let seen = world.moto.python(
        "s3 = client('s3')\nall = s3.list_object_versions(Bucket='to-be-emptied')\n\
         uploads = s3.list_multipart_uploads(Bucket='to-be-emptied')\n\
         result = [len(all.get('Versions', [])), len(all.get('DeleteMarkers', [])), len(uploads.get('Uploads', []))]",
    );
    assert_eq!(seen, json!([0, 0, 0]));
    world.aws.delete(&home).await.unwrap();
    assert_eq!(world.aws.act(&home, &deed).await.unwrap(), Progress::Done, "what is gone is empty");
    let mut other = home.clone();
    other.kind = "aws.S3File".into();
    assert_eq!(world.aws.act(&other, &deed).await.unwrap_err().kind, FaultKind::Refused);
}

#[tokio::test]
async fn only_a_bucket_of_this_environment_is_deleted_at_a_start() {
    let world = World::new();
    let absent = |lineage: &str, name: &str| {
        let mut wanted = want("aws.AbsentS3Bucket", "free", "t9", &[("bucket", Value::string(name))]);
        wanted.owner = owner(lineage, "free", "t9");
        wanted
    };
    assert_eq!(&*world.aws.create(&absent("lineage-1", "never-was")).await.unwrap().id, "never-was");
    let home = make(&world, &bucket("left-over")).await;
    let fault = world.aws.create(&absent("lineage-2", "left-over")).await.unwrap_err();
    assert_eq!((fault.kind, attribute(&fault)), (FaultKind::Taken, "bucket"));
    assert!(!world.is_gone(&home).await);
    world.aws.create(&absent("lineage-1", "left-over")).await.unwrap();
    assert!(world.is_gone(&home).await);
    let named = place(&absent("lineage-1", "left-over"), "left-over", Fields::new());
    assert!(!world.is_gone(&named).await, "it was seen to, whatever becomes of the name");
}

#[tokio::test]
async fn what_others_put_below_the_prefix_goes_only_when_the_plan_showed_it() {
    let world = World::new();
    make(&world, &bucket("extra-files")).await;
    let home = tempfile::tempdir().unwrap();
    write(home.path(), "public/a.txt", "a");
    let sum = tadpole::resolve::load::Sum::of(b"a");
    let files = Value::Map([("a.txt".to_string(), Value::string(sum.sha256))].into());
    let fields = [("path", Value::string(home.path().join("public").display().to_string())), ("files", files)];
    let fields: Fields = fields.into_iter().map(|(name, value)| (name.into(), value)).collect();
    let source = Value::Data(Data { template: "Folder".into(), fields });
    let inputs = [
        ("bucket", Value::string("extra-files")),
        ("prefix", Value::string("")),
        ("source", source.clone()),
        ("deleteExtra", Value::Bool(true)),
    ];
    let wanted = want("aws.S3Directory", "files", "t1", &inputs);
    world.moto.python("client('s3').put_object(Bucket='extra-files', Key='stray', Body=b'x')");
    let other = but(&text("extra-files", "t5", "of another component"), &[("key", Value::string("kept.txt"))]);
    let kept = make(&world, &other).await;

    let made = make(&world, &wanted).await;
    let keys = || {
        world.moto.python("result = [o['Key'] for o in client('s3').list_objects_v2(Bucket='extra-files')['Contents']]")
    };
    assert_eq!(keys(), json!(["a.txt", "kept.txt", "stray"]), "no plan showed that it would go");
    let here = world.here(&made).await;
    let files = &json(&here.inputs)["source"]["files"];
    assert!(files["stray"].as_str().unwrap().starts_with("(not from the folder"), "{files}");
    assert!(files.get("kept.txt").is_none(), "what another component made is no business of this one");

    world.aws.update(&made, Some(&here.inputs), &wanted).await.unwrap();
    assert_eq!(keys(), json!(["a.txt", "kept.txt"]));
    assert!(!world.is_gone(&kept).await);
    world.aws.delete(&made).await.unwrap();
    assert_eq!(keys(), json!(["kept.txt"]));
}
