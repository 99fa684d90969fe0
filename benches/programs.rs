//! Programs of any size, as text, for `check.rs`: each stands for one way in which programs become large.

use std::fmt::Write;
use std::path::PathBuf;

/// Files by name.
pub type Files = Vec<(PathBuf, String)>;

/// One way to be large, and a program of about `n` components that is.
pub struct Shape {
    pub name: &'static str,
    pub program: fn(usize) -> Files,
}

/// All of them. Names are those of the table in `docs/testing.md`.
pub const SHAPES: [Shape; 9] = [
    Shape { name: "flat", program: flat },
    Shape { name: "layers", program: layers },
    Shape { name: "prototypes", program: prototypes },
    Shape { name: "attributes", program: attributes },
    Shape { name: "values", program: values },
    Shape { name: "repeated", program: repeated },
    Shape { name: "files", program: files },
    Shape { name: "groups", program: groups },
    Shape { name: "texts", program: texts },
];

fn main_file(text: String) -> Files {
    vec![(PathBuf::from("main.cloud"), text)]
}

/// Appends a line; a string takes all.
macro_rules! line {
    ($text:expr, $($rest:tt)*) => {{ let _ = writeln!($text, $($rest)*); }};
}

/// Resources beside one another.
fn flat(n: usize) -> Files {
    let mut text = String::from("region \"eu-west-1\";\ntags { project \"bench\"; }\n");
    for i in 0..n {
        line!(text, "bucket{i} extends TransientS3Bucket {{ bucket \"bench-flat-{i}\"; versioning true; }}");
    }
    main_file(text)
}

/// Layers of 100, each of which refers to two of the layer above.
fn layers(n: usize) -> Files {
    let mut text = String::new();
    for i in 0..n {
        if i < 100 {
            line!(text, "bucket{i} extends TransientS3Bucket {{ bucket \"bench-layer-{i}\"; }}");
        } else {
            let (one, two) = (i - 100, i / 100 * 100 - 100 + (i + 1) % 100);
            line!(
                text,
                "bucket{i} extends TransientS3Bucket {{ bucket \"bench-layer-{i}\"; \
                 tags {{ one bucket{one}.domainName; two bucket{two}.arn; }} }}"
            );
        }
    }
    main_file(text)
}

/// A chain of 150 templates with ten attributes each; a component of the last one for every 1500 attributes.
fn prototypes(n: usize) -> Files {
    let mut text = String::new();
    for depth in 0..150 {
        let parent = if depth == 0 { "Resource".to_string() } else { format!("Level{}", depth - 1) };
        line!(text, "Level{depth} extends {parent} {{");
        if depth == 0 {
            line!(text, "    kind \"bench.Level\";");
        } else {
            line!(text, "    a{}x0 \"changed by {depth}\";", depth - 1);
        }
        for i in 0..10 {
            line!(text, "    a{depth}x{i}: String = \"value {i} of {depth}\";");
        }
        line!(text, "}}");
    }
    for i in 0..n.div_ceil(100) {
        line!(text, "deep{i} extends Level149 {{ a0x1 \"own {i}\"; }}");
    }
    main_file(text)
}

/// One template with `n` attributes, of which each refers to the one before it ten places up, and one
/// component that sets them.
fn attributes(n: usize) -> Files {
    let mut text = String::from("Wide extends Resource {\n    kind \"bench.Wide\";\n");
    for i in 0..n {
        match i % 10 {
            0 => line!(text, "    a{i}: Int = {i};"),
            _ => line!(text, "    a{i}: Int = a{} + 1;", i - 1),
        }
    }
    text.push_str("}\nwide extends Wide {\n");
    for i in (0..n).step_by(10) {
        line!(text, "    a{i} {};", i + 1);
    }
    text.push_str("}\n");
    main_file(text)
}

/// Long lists, maps, and lists of blocks.
fn values(n: usize) -> Files {
    let mut text = String::from(
        "Rule extends Data { port: Int; protocol: \"tcp\" | \"udp\" = \"tcp\"; note: String?; }\n\
         Table extends Resource {\n    kind \"bench.Table\";\n    numbers: [Int] = [];\n    \
         names: {String: String} = {};\n    rules: [Rule] = [];\n    doubled: [Int] = [for n in numbers: n * 2];\n    \
         ports: [Int] = rules[*].port;\n}\ntable extends Table {\n    numbers [\n",
    );
    (0..n).for_each(|i| line!(text, "        {i},"));
    text.push_str("    ];\n    names {\n");
    (0..n).for_each(|i| line!(text, "        \"key/{i}\" \"value {i}\";"));
    text.push_str("    }\n    rules [\n");
    (0..n).for_each(|i| line!(text, "        {{ port {i}; note \"rule {i}\"; }},"));
    text.push_str("    ];\n}\n");
    main_file(text)
}

/// One repetition over `n` texts, each element of which is changed from outside by its key.
fn repeated(n: usize) -> Files {
    let mut text = String::from("site[name in [");
    (0..n).for_each(|i| line!(text, "    \"s{i}\","));
    text.push_str("]] extends TransientS3Bucket { bucket \"bench-${name}\"; }\n");
    for i in 0..n {
        line!(text, "site[\"s{i}\"].versioning true;");
        line!(text, "site[\"s{i}\"].tags {{ number \"{i}\"; }}");
    }
    text.push_str("output names: {String: String} = {for i in 0..1: \"first\": site[\"s0\"].bucket};\n");
    main_file(text)
}

/// A hundred components a file.
fn files(n: usize) -> Files {
    let file = |number: usize| {
        let mut text = String::new();
        for i in number * 100..((number + 1) * 100).min(n) {
            line!(text, "bucket{i} extends PersistentS3Bucket {{ bucket \"bench-file-{i}\"; }}");
        }
        (PathBuf::from(format!("part{number:05}.cloud")), text)
    };
    (0..n.div_ceil(100)).map(file).collect()
}

/// Groups of ten, each of which depends on the whole group before it.
fn groups(n: usize) -> Files {
    let mut text = String::from(
        "Tier extends Compound {\n    number: Int;\n    \
         site[i in 0..9] extends TransientS3Bucket { bucket \"bench-${number}-${i}\"; }\n    \
         logs extends PersistentS3Bucket { bucket \"bench-logs-${number}\"; tags { first site[0].arn; } }\n}\n",
    );
    for i in 0..n / 10 {
        match i {
            0 => line!(text, "tier0 extends Tier {{ number 0; region \"eu-west-1\"; }}"),
            _ => line!(
                text,
                "tier{i} extends Tier {{ number {i}; dependsOn [tier{}]; tags {{ tier \"{i}\"; }} }}",
                i - 1
            ),
        }
    }
    main_file(text)
}

/// Texts put together from much that is known and something that is not.
fn texts(n: usize) -> Files {
    let mut text = String::from(
        "Host extends Resource {\n    kind \"bench.Host\";\n    name: String, identity;\n    \
         address: String, computed;\n    script: String = \"\"\"\n        #!/bin/sh\n        \
         # ${name} and its address\n        echo \"hello ${upper(name)}\" > /etc/motd\n        \
         echo \"${join([for i in 0..8: \"${name}-${i}\"], \",\")}\" >> /etc/hosts\n        \"\"\";\n    \
         peers: [String] = [];\n}\n",
    );
    for i in 0..n {
        match i {
            0 => line!(text, "host0 extends Host {{ name \"host-0\"; }}"),
            _ => line!(
                text,
                "host{i} extends Host {{ name \"host-{i}\"; peers [host{0}.address, \"http://${{host{0}.address}}:80/\"]; }}",
                i - 1
            ),
        }
    }
    main_file(text)
}
