//! What the record does not have, and the cloud does: retained and restored, reverted and late. Nothing of it is
//! made a second time, and none of it is passed over in silence.

use std::path::{Path, PathBuf};

use tadpole::state::{State, store};

use crate::cli::{Tadpole, ends};

const DISK: &str = "Disk extends Resource { kind \"acme.Disk\"; size: Int, immutable = 1; url: String, computed; }\n";

struct Shop {
    directory: tempfile::TempDir,
    tadpole: Tadpole,
}

impl Shop {
    fn new() -> Shop {
        let directory = tempfile::tempdir().unwrap();
        let tadpole = Tadpole::new(directory.path());
        Shop { directory, tadpole }
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    fn record(&self) -> PathBuf {
        self.path().join(".tadpole/default/state.json")
    }

    fn becomes(&self, program: &str) -> &Shop {
        std::fs::write(self.path().join("main.cloud"), format!("{DISK}{program}\n")).unwrap();
        self
    }

    /// What a command says; it must end with this code.
    #[track_caller]
    fn said(&self, command: &str, code: i32) -> String {
        let words: Vec<&str> = command.split(' ').collect();
        let ran = self.tadpole.run(&words);
        assert_eq!(ran.code, code, "{command}: {}{}", ran.out, ran.err);
        format!("{}{}", ran.out, ran.err)
    }

    #[track_caller]
    fn applied(&self) -> String {
        self.said("apply --sandbox --yes", 0)
    }

    /// Types and addresses of all that is in the sandbox.
    fn there(&self) -> Vec<String> {
        let list = self.tadpole.run(&["sandbox", "list", "--json"]);
        ends(&list, 0, &[]);
        let one = |line: &str| {
            let json: serde_json::Value = serde_json::from_str(line).unwrap();
            format!("{} {}", json["kind"].as_str().unwrap(), json["address"].as_str().unwrap())
        };
        let mut all: Vec<String> = list.out.lines().map(one).collect();
        all.sort();
        all
    }
}

#[test]
fn what_is_retained_is_adopted_though_an_input_is_known_later() {
    let shop = Shop::new();
    shop.becomes(
        "server extends Instance { imageID \"ami-26b6534f\"; instanceType \"t3.small\"; }
         data extends PersistentVolume { availabilityZone server.availabilityZone; size 8GiB; }",
    );
    shop.applied();
    shop.said("destroy --sandbox --yes", 0);
    let plan = shop.said("plan --sandbox", 0);
    assert!(plan.contains("< data    PersistentVolume  adopt"), "{plan}");
    let words = plan.replace("\n  |    ", " ");
    assert!(words.contains("`availabilityZone` cannot change in place, and is known after apply"), "{plan}");
    assert!(shop.applied().contains("v data  adopted"));
    assert_eq!(shop.there(), ["aws.Instance server", "aws.Volume data"]);
    shop.said("plan --sandbox --exit-code", 0);
}

#[test]
fn what_is_retained_is_adopted_as_it_is_and_replaced_by_the_next_apply() {
    let shop = Shop::new();
    let kept = |size: u32| format!("data extends Disk {{ size {size}; terminateActions []; }}");
    shop.becomes(&kept(1)).applied();
    shop.said("destroy --sandbox --yes", 0);
    shop.becomes(&kept(2));
    let adopted = shop.applied();
    let words = adopted.replace("\n  |    ", " ");
    assert!(words.contains("`size` cannot change in place, and the next apply replaces it"), "{adopted}");
    assert_eq!(shop.there(), ["acme.Disk data"]);
    assert!(shop.said("plan --sandbox", 0).contains("size  1 -> 2  forces replacement"));
}

#[test]
fn a_replacement_that_is_half_done_can_be_reverted() {
    let shop = Shop::new();
    let bucket = |name: &str| format!("b extends TransientS3Bucket {{ bucket \"{name}\"; }}");
    shop.becomes(&bucket("acme-one")).applied();
    shop.said("sandbox break --deny b:delete", 0);
    shop.becomes(&bucket("acme-two")).said("apply --sandbox --yes", 3);
    shop.said("sandbox break --none", 0);
    let list = shop.said("sandbox list", 0);
    assert!(list.contains("replaced, and still there") && !list.contains("not recorded"), "{list}");
    shop.becomes(&bucket("acme-one"));
    let plan = shop.said("plan --sandbox", 0);
    assert!(plan.contains("> b  is acme-one again: its replacement did not come to an end"), "{plan}");
    shop.applied();
    assert!(shop.said("state list", 0).contains("acme-one  live"));
    assert_eq!(shop.there(), ["aws.S3Bucket b"]);
    shop.said("plan --sandbox --exit-code", 0);
}

#[test]
fn a_record_restored_from_a_backup_makes_nothing_twice() {
    let shop = Shop::new();
    shop.becomes("a extends Disk { }").applied();
    let backup = std::fs::read(shop.record()).unwrap();
    shop.becomes("a extends Disk { } x extends Disk { }").applied();
    let last = "a extends Disk { } b extends Disk { } \
                q extends TransientS3Bucket { bucket \"acme-q\"; tags { u b.url; } }";
    shop.becomes(last).applied();
    let there = shop.there();
    std::fs::write(shop.record(), &backup).unwrap();
    let adopted = shop.applied();
    assert!(adopted.contains("this environment made it, and the record does not have it"), "{adopted}");
    assert_eq!(shop.there(), there);
    shop.said("state verify --sandbox", 0);

    // What the program does not have any more is told, by whatever asks, and left alone.
    std::fs::write(shop.record(), &backup).unwrap();
    shop.becomes("a extends Disk { }");
    let told = "b  acme.Disk disk-";
    for command in ["plan --sandbox", "apply --sandbox --yes", "plan --sandbox --destroy"] {
        let said = shop.said(command, 0);
        assert!(said.contains("in the cloud, and not recorded:") && said.contains(told), "{command}: {said}");
    }
    let verified = shop.said("state verify --sandbox", 3);
    assert!(verified.contains("made as `b`, is not recorded") && verified.contains("2 problems"), "{verified}");
    assert!(shop.said("destroy --sandbox --yes", 0).contains("2 things of this environment are still there"));
}

#[test]
fn several_resources_at_one_address_are_no_guess() {
    let shop = Shop::new();
    shop.becomes("a extends Disk { }").applied();
    let first = std::fs::read(shop.record()).unwrap();
    // Two of them, as a late create leaves where the cloud does not know tokens.
    let replaced = "a extends Disk { size 2; terminateActions []; }";
    shop.becomes("a extends Disk { terminateActions []; }").applied();
    shop.becomes(replaced).applied();
    std::fs::remove_dir_all(shop.path().join(".tadpole/default/writer")).unwrap();
    let text = String::from_utf8(first).unwrap();
    assert!(text.contains("\"a\":"));
    std::fs::write(shop.record(), text).unwrap();
    // The record has one of them: the other one is told.
    shop.becomes("a extends Disk { }");
    let plan = shop.said("plan --sandbox", 0);
    assert!(plan.contains("in the cloud, and not recorded:"), "{plan}");
}

#[test]
fn numbers_that_no_run_counts_to_are_damage() {
    let shop = Shop::new();
    shop.becomes("a extends Disk { }").applied();
    let record = std::fs::read_to_string(shop.record()).unwrap();
    let state = store::read_document(&shop.record(), &record).unwrap();
    let highest: [fn(&mut State); 3] =
        [|state| state.next_op = u64::MAX, |state| state.serial = u64::MAX, |state| state.epoch = u64::MAX];
    for change in highest {
        let mut state = state.clone();
        change(&mut state);
        std::fs::write(shop.record(), store::document(&state)).unwrap();
        for command in ["apply --sandbox --yes", "plan --sandbox", "show", "state verify"] {
            assert!(shop.said(command, 3).contains("is damaged"), "{command}");
        }
    }
    std::fs::write(shop.record(), record).unwrap();
    let writer = shop.path().join(".tadpole/default/writer");
    std::fs::remove_dir_all(&writer).unwrap();
    std::fs::create_dir_all(writer.join("18446744073709551615-x")).unwrap();
    for command in ["apply --sandbox --yes", "plan --sandbox", "show", "state verify"] {
        assert!(shop.said(command, 3).contains("is damaged"), "{command}");
    }
}
